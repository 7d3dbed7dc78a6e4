package e2e

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"santral/test/phone"
)

// The threat of guessed passwords, by its number in the table of threats.

func TestGuessingPasswords(t *testing.T) { // 11
	x := phone.StartExchange(t, "--digest", "md5")
	guess := func(a *phone.Agent, limit time.Duration) phone.Message {
		d := a.Request("REGISTER", a.URI(""))
		c := phone.Challenge{"algorithm": "MD5", "realm": x.Realm, "nonce": "guessed"}
		auth := a.Answer(c, "REGISTER", a.URI(""), 1)
		auth.Password = "wrong"
		d.Set("Authorization", auth.String())
		a.Send(d.String())
		m, _ := a.Take(limit, phone.Responses(d.Get("Call-ID"), d.Get("CSeq"), 200))
		return m
	}
	w := x.UDP(t, "127.0.3.5")
	var wait sync.WaitGroup
	for range 20 { // ten tries each, so that the slow answers are awaited side by side
		wait.Go(func() {
			for range 10 {
				guess(w.Agent("101"), 1500*time.Millisecond)
			}
		})
	}
	slowest := time.Duration(0)
	for range 3 {
		began := time.Now()
		x.UDP(t, "127.0.3.5").Agent("101").Register() // the owner, from behind the same address
		slowest = max(slowest, time.Since(began))
	}
	wait.Wait()
	if slowest > 2*time.Second {
		t.Errorf("the owner's registration took %v meanwhile", slowest)
	}
	began := time.Now()
	if m := guess(w.Agent("101"), 2*time.Second); m.Status() != 0 && time.Since(began) < 400*time.Millisecond {
		t.Errorf("after 200 wrong tries one more was answered after %v: %s", time.Since(began), m.Line())
	}
	for i := range 60 {
		a := x.UDP(t, fmt.Sprintf("127.0.5.%d", i+1)).Agent("102")
		for range 5 {
			guess(a, time.Second)
		}
	}
	began = time.Now()
	x.UDP(t, "127.0.3.6").Agent("102").Register()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("after 60 sources guessed, the owner's registration took %v", took)
	}
}

// TestGuessingOverConnections: over a connection whoever guesses can have a new port for every guess, so his
// address is shut out. An owner elsewhere does not notice, nor one who has proved himself from there before.
func TestGuessingOverConnections(t *testing.T) { // 11
	x := phone.StartExchange(t, "--digest", "md5")
	bans := func(host string) (n int) {
		var page struct{ Items []struct{ Source string } }
		x.Get("/api/v1/bans", &page)
		for _, b := range page.Items {
			if b.Source == host {
				n++
			}
		}
		return n
	}
	guess := func(t *testing.T, transport, host string) {
		t.Helper()
		var list []*phone.Agent
		for range 60 {
			list = append(list, x.Wire(t, transport, host).Agent("101"))
		}
		for range 9 {
			for _, a := range list {
				d := a.Request("REGISTER", a.URI(""))
				auth := a.Answer(phone.Challenge{"algorithm": "MD5", "realm": x.Realm, "nonce": "guessed"}, "REGISTER", a.URI(""), 1)
				auth.Password = "wrong"
				a.Send(d.Set("Authorization", auth.String()).String())
			}
		}
		began := time.Now()
		x.Wire(t, transport, place(transport, 12)).Agent("101").Register() // the owner, elsewhere
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the owner's registration took %v meanwhile", took)
		}
	}
	over(t, "tls ws wss", func(t *testing.T, transport string) {
		stranger, shared := place(transport, 11), place(transport, 13)
		guess(t, transport, stranger)
		phone.Eventually(t, 10*time.Second, "the stranger's address is banned", func() bool { return bans(stranger) == 1 })
		if x.Admits(t, transport, stranger) {
			t.Error("a banned address opens a connection")
		}
		if !x.Admits(t, transport, place(transport, 12)) {
			t.Error("another address does not")
		}
		owner := x.Wire(t, transport, shared).Agent("102").Register()
		guess(t, transport, shared) // a neighbour behind the same address
		owner.Register()
		began := time.Now()
		x.Wire(t, transport, shared).Agent("102").Register()
		if took := time.Since(began); took > 2*time.Second || bans(shared) != 0 {
			t.Errorf("the owner next to it registers within %v, %d bans", took, bans(shared))
		}
		req, _ := http.NewRequest("DELETE", x.HTTP+"/api/v1/bans/"+stranger, nil)
		req.Header.Set("Authorization", "Bearer "+x.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if !x.Admits(t, transport, stranger) {
			t.Errorf("after the ban was lifted (%s) the address is not served", res.Status)
		}
	})
}
