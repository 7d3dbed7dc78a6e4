package db_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/store"
	"santral/store/storetest"
)

func TestTokens(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		made := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
		a := store.Token{ID: "a", Hash: []byte{1, 2, 0, 255}, Name: "بازاریابی", Tenant: "sample", Role: "admin", Site: "s", Department: "d", Account: "101", Scopes: []string{"calls:read"}, Addresses: []string{"10.0.0.0/8"}, Made: made, MadeBy: "root", Expires: made.Add(time.Hour)}
		b := store.Token{ID: "b", Hash: []byte{3}, Name: "all", Role: "operator", Made: made.Add(time.Second), MadeBy: "root"}
		none := store.Token{ID: "c", Hash: []byte{4}, Name: "nothing", Role: "operator", Scopes: []string{}, Made: made.Add(2 * time.Second), MadeBy: "root"}
		for _, tok := range []store.Token{b, a, none} {
			if err := d.PutToken(t.Context(), tok); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.PutToken(t.Context(), store.Token{ID: "x", Hash: []byte{3}, Made: made}); err == nil {
			t.Error("two tokens have one hash")
		}
		a.Used, a.UsedFrom = made.Add(time.Minute), "192.0.2.1"
		if err := d.UseTokens(t.Context(), []store.Use{{ID: "a", At: a.Used, From: a.UsedFrom}, {ID: "nobody", At: a.Used}}); err != nil {
			t.Fatal(err)
		}
		b.Revoked, b.RevokedBy = made.Add(time.Hour), "sara"
		if err := d.PutToken(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		list, err := d.Tokens(t.Context())
		if diff := cmp.Diff([]store.Token{a, b, none}, list); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if err := d.DropTokens(t.Context(), []string{"a", "c"}); err != nil {
			t.Fatal(err)
		}
		if list, _ := d.Tokens(t.Context()); len(list) != 1 || list[0].ID != "b" {
			t.Errorf("left %+v", list)
		}
	})
}

func TestSessions(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		began := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
		a := store.Session{ID: "a", Hash: []byte{1}, Tenant: "sample", User: "sara", Began: began, Seen: began, Expires: began.Add(time.Hour), Source: "192.0.2.1", Agent: "Firefox\x00", Limited: true}
		b := a
		b.ID, b.Hash, b.Began, b.Limited = "b", []byte{2}, began.Add(1), false
		for _, s := range []store.Session{a, b} {
			if err := d.PutSession(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		a.Agent, b.Agent, b.Began = "Firefox\ufffd", "Firefox\ufffd", began
		a.Limited, a.Hash = false, []byte{9}
		if err := d.PutSession(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		a.Seen = began.Add(time.Minute)
		if err := d.UseSessions(t.Context(), []store.Use{{ID: "a", At: a.Seen}}); err != nil {
			t.Fatal(err)
		}
		list, err := d.Sessions(t.Context())
		if diff := cmp.Diff([]store.Session{a, b}, list); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		if err := d.DropSessions(t.Context(), []string{"a", "b", "c"}); err != nil {
			t.Fatal(err)
		}
		if list, _ := d.Sessions(t.Context()); len(list) != 0 {
			t.Errorf("left %+v", list)
		}
	})
}

func TestLogins(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		for _, user := range []string{"sara", "sa\x00ra"} {
			if _, err := d.Login(t.Context(), "sample", user); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%q: %v", user, err)
			}
		}
		l := store.Login{Tenant: "sample", User: "sara", Hash: "$argon2id$…", Must: true, Changed: time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)}
		for range 2 {
			if err := d.PutLogin(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			got, err := d.Login(t.Context(), "sample", "sara")
			if diff := cmp.Diff(l, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
			l.Must, l.Factor, l.Proved, l.Step, l.Codes = false, []byte{1, 0, 255}, true, 5, []string{"x", "y"}
		}
		// A code and a step are taken once, however many try at once.
		var wg sync.WaitGroup
		var mu sync.Mutex
		taken := map[string]int{}
		for range 8 {
			wg.Go(func() {
				step, err1 := d.TakeStep(t.Context(), "sample", "sara", 6)
				code, err2 := d.TakeCode(t.Context(), "sample", "sara", "x")
				if err := errors.Join(err1, err2); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				taken[fmt.Sprint("step ", step)]++
				taken[fmt.Sprint("code ", code)]++
			})
		}
		wg.Wait()
		if taken["step true"] != 1 || taken["code true"] != 1 {
			t.Errorf("taken %v", taken)
		}
		if ok, _ := d.TakeStep(t.Context(), "sample", "sara", 5); ok {
			t.Error("an older step was taken")
		}
		if got, _ := d.Login(t.Context(), "sample", "sara"); got.Step != 6 || len(got.Codes) != 1 || got.Codes[0] != "y" {
			t.Errorf("left %+v", got)
		}
		if err := d.DropLogin(t.Context(), "sample", "sara"); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Login(t.Context(), "sample", "sara"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after all: %v", err)
		}
	})
}

func TestAudits(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		from := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
		var lines []store.Audit
		for i := range 20 {
			lines = append(lines, store.Audit{At: from.Add(time.Duration(i) * time.Minute), Tenant: []string{"a", "b"}[i%2], Kind: "token", Who: fmt.Sprint("who", i%4), Source: "192.0.2.1",
				Request: fmt.Sprint("r", i), What: "put-mailbox", Things: []string{fmt.Sprint(i), "x"}, Status: []int{204, 403}[i/10], Note: "n"})
		}
		if err := d.AddAudits(t.Context(), lines[:7]); err != nil {
			t.Fatal(err)
		}
		if err := d.AddAudits(t.Context(), lines[7:]); err != nil {
			t.Fatal(err)
		}
		read := func(f store.AuditFilter, size int) (all []uint64) {
			for cursor, pages := "", 0; pages < 30; pages++ {
				page, next, err := d.Audits(t.Context(), f, cursor, size)
				if err != nil || len(page) > size {
					t.Fatalf("%d rows, %v", len(page), err)
				}
				for _, a := range page {
					want := lines[a.Seq-1]
					if diff := cmp.Diff(want, a); diff != "" {
						t.Error(diff)
					}
					all = append(all, a.Seq)
				}
				if cursor = next; cursor == "" {
					return all
				}
			}
			t.Fatal("pages without end")
			return nil
		}
		for size := 1; size < 22; size += 3 {
			for want, f := range map[string]store.AuditFilter{
				"[20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1]": {},
				"[19 17 15 13 11 9 7 5 3 1]":                           {Tenant: "a"},
				"[19 17 15 13 11]":                                     {Tenant: "a", Failed: true},
				"[17 13 9 5 1]":                                        {Tenant: "a", Who: "who0"},
				"[5]":                                                  {Thing: "4"},
				"[4 3]":                                                {From: from.Add(2 * time.Minute), Until: from.Add(4 * time.Minute)},
				"[]":                                                   {What: "other"},
			} {
				if got := fmt.Sprint(read(f, size)); got != want {
					t.Errorf("%+v by %d: %s, want %s", f, size, got, want)
				}
			}
		}
		for _, cursor := range []string{"!", "-1"} {
			if _, _, err := d.Audits(t.Context(), store.AuditFilter{}, cursor, 5); !errors.Is(err, store.ErrBadCursor) {
				t.Errorf("%q: %v", cursor, err)
			}
		}
		if n, err := d.DropAudits(t.Context(), "a", from.Add(5*time.Minute)); n != 3 || err != nil {
			t.Errorf("%d gone, %v", n, err)
		}
		if list, err := d.AuditTenants(t.Context()); fmt.Sprint(list) != "[a b]" || err != nil {
			t.Errorf("%v, %v", list, err)
		}
	})
}

func TestAnswers(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		made := time.Date(2026, 11, 27, 6, 0, 0, 0, time.UTC)
		if _, err := d.Answer(t.Context(), "a", "k"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		for i := range 6 {
			for _, owner := range []string{"a", "b"} {
				a := store.Answer{Owner: owner, Key: fmt.Sprint("k", i), Fingerprint: []byte{byte(i)}, Made: made.Add(time.Duration(i) * time.Second), Status: 201, Header: []byte("h"), Body: []byte{0, 1}}
				if err := d.PutAnswer(t.Context(), a, 4); err != nil {
					t.Fatal(err)
				}
				got, err := d.Answer(t.Context(), owner, a.Key)
				if diff := cmp.Diff(a, got); err != nil || diff != "" {
					t.Errorf("%v\n%s", err, diff)
				}
			}
		}
		if err := d.DropAnswers(t.Context(), made.Add(3*time.Second)); err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			if _, err := d.Answer(t.Context(), "a", fmt.Sprint("k", i)); (err == nil) != (i >= 3) {
				t.Errorf("k%d: %v", i, err)
			}
		}
	})
}
