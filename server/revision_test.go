package server

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"santral/call"
	"santral/service/revision"
	"santral/sip"
)

// lines is the document of the stage's tenant, in which everybody is called by a name.
func lines(name string) string {
	text := "tenant: sample\nrealm: sample\ndomains: [sample]\ndefault: true\nmusic: [{name: default, play: none}]\nlines:\n"
	for _, number := range []string{ali, sara, omid} {
		text += fmt.Sprintf("  - {number: \"%s\", name: %s, password: %s}\n", number, name, password)
	}
	return text
}

// A change is seen by the calls that begin after it; an account that is registered is not taken away by mistake, and its
// registrations end with it. A call that goes on is left alone.
func TestAccountsThatGo(t *testing.T) {
	virtually(t, func(w *stage) {
		author := revision.Author{Who: "sara", Via: "api"}
		apply := func(c revision.Change) error {
			c.Author = author
			_, err := w.x.book.Apply(w.ctx, c)
			return err
		}
		w.must(apply(revision.Change{Texts: []revision.Text{{File: "sample.yaml", Text: []byte(lines("First"))}}}))
		a, b := w.pair(sip.UDP)
		from, to := w.talk(a, b, sara)
		gone := revision.Change{Edits: []revision.Edit{{Tenant: "sample", List: "lines", Key: sara, Do: revision.Delete}}}
		if err := apply(gone); !errors.Is(err, revision.ErrInUse) {
			t.Errorf("a line that is registered and talks: %v", err)
		}
		gone.Force = true
		w.must(apply(gone))
		if list := w.x.registry.Bindings("sample", sara); len(list) > 0 && !list[0].Event.Ended() {
			t.Errorf("it is registered still: %+v", list)
		}
		if len(w.x.registry.Bindings("sample", ali)) != 1 {
			t.Error("another's registration has ended too")
		}
		w.wait(2 * time.Second)
		w.live(from, to)
		from.Hangup()
		w.ended(from, to)
		_, err := w.x.book.Undo(w.ctx, w.x.book.Last().Number, author, false)
		w.must(err)
		if err := b.Register(w.ctx, time.Hour); err != nil {
			t.Errorf("after an undo the phone can't register: %v", err)
		}
	})
}

// While a thousand random changes and undos go on, every decision is of one revision wholly.
func TestNoCallSeesHalfAChange(t *testing.T) {
	virtually(t, func(w *stage) {
		author := revision.Author{Who: "sara", Via: "api"}
		names := map[uint64]string{} // of revisions
		apply := func(name string) {
			c := revision.Change{Author: author}
			for _, number := range []string{ali, sara, omid} {
				c.Edits = append(c.Edits, revision.Edit{Tenant: "sample", List: "lines", Key: number, Do: revision.Patch, Value: []byte(`{"name":"` + name + `"}`)})
			}
			r, err := w.x.book.Apply(w.ctx, c)
			w.must(err)
			names[r.Number] = name
		}
		r, err := w.x.book.Apply(w.ctx, revision.Change{Author: author, Texts: []revision.Text{{File: "sample.yaml", Text: []byte(lines("First"))}}})
		w.must(err)
		names[r.Number] = "First"
		type seen struct {
			revision uint64
			name     string
		}
		var mu sync.Mutex
		decisions := map[seen]int{}
		stop := make(chan struct{})
		var callers sync.WaitGroup
		for i := range 2 {
			callers.Go(func() {
				numbers := []string{ali, sara, omid}
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					d := w.x.plan.Route(call.Party{Tenant: "sample", Account: numbers[i]}, numbers[(i+n)%3], time.Now())
					mu.Lock()
					decisions[seen{d.Revision, d.Name}]++
					mu.Unlock()
				}
			})
		}
		chance := rand.New(rand.NewPCG(1, 2))
		for i := range 1000 {
			last := w.x.book.Last().Number
			if chance.IntN(3) == 0 && last > 1 {
				r, err := w.x.book.Undo(w.ctx, last, author, true)
				w.must(err)
				names[r.Number] = names[last-1]
				continue
			}
			apply(fmt.Sprintf("Change %d", i))
		}
		close(stop)
		callers.Wait()
		for s, n := range decisions {
			if names[s.revision] != s.name {
				t.Errorf("%d calls were routed by revision %d to %q, which it calls %q", n, s.revision, s.name, names[s.revision])
			}
		}
		if len(decisions) < 10 {
			t.Errorf("only %d revisions were seen", len(decisions))
		}
		t.Logf("%d revisions, %d of them seen by calls", len(names), len(decisions))
	})
}
