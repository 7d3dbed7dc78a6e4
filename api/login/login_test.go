package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"santral/api"
	"santral/base/seal"
	"santral/store"
	"santral/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a store.Logins of tests.
type memory struct {
	mu       sync.Mutex
	tokens   map[string]store.Token
	sessions map[string]store.Session
	logins   map[string]store.Login
	away     error
}

func newMemory() *memory {
	return &memory{tokens: map[string]store.Token{}, sessions: map[string]store.Session{}, logins: map[string]store.Login{}}
}

func (m *memory) do(f func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away == nil {
		f()
	}
	return m.away
}

func (m *memory) Tokens(context.Context) (list []store.Token, err error) {
	err = m.do(func() {
		for _, t := range m.tokens {
			list = append(list, t)
		}
	})
	return list, err
}
func (m *memory) PutToken(_ context.Context, t store.Token) error {
	return m.do(func() { m.tokens[t.ID] = t })
}
func (m *memory) DropTokens(_ context.Context, ids []string) error {
	return m.do(func() {
		for _, id := range ids {
			delete(m.tokens, id)
		}
	})
}
func (m *memory) UseTokens(_ context.Context, used []store.Use) error {
	return m.do(func() {
		for _, u := range used {
			t := m.tokens[u.ID]
			t.Used, t.UsedFrom = u.At, u.From
			m.tokens[u.ID] = t
		}
	})
}
func (m *memory) Sessions(context.Context) (list []store.Session, err error) {
	err = m.do(func() {
		for _, s := range m.sessions {
			list = append(list, s)
		}
	})
	return list, err
}
func (m *memory) PutSession(_ context.Context, s store.Session) error {
	return m.do(func() { m.sessions[s.ID] = s })
}
func (m *memory) DropSessions(_ context.Context, ids []string) error {
	return m.do(func() {
		for _, id := range ids {
			delete(m.sessions, id)
		}
	})
}
func (m *memory) UseSessions(_ context.Context, used []store.Use) error {
	return m.do(func() {
		for _, u := range used {
			if s, ok := m.sessions[u.ID]; ok {
				s.Seen = u.At
				m.sessions[u.ID] = s
			}
		}
	})
}
func (m *memory) Login(_ context.Context, tenantID, user string) (l store.Login, err error) {
	l = store.Login{Tenant: tenantID, User: user}
	found := false
	if err := m.do(func() {
		if have, ok := m.logins[tenantID+"/"+user]; ok {
			l, found = have, true
			l.Codes = slices.Clone(l.Codes)
		}
	}); err != nil {
		return l, err
	}
	if !found {
		return l, store.ErrNotFound
	}
	return l, nil
}
func (m *memory) PutLogin(_ context.Context, l store.Login) error {
	return m.do(func() { m.logins[l.Tenant+"/"+l.User] = l })
}
func (m *memory) TakeStep(_ context.Context, tenantID, user string, step int64) (ok bool, err error) {
	err = m.do(func() {
		l := m.logins[tenantID+"/"+user]
		if ok = step > l.Step; ok {
			l.Step = step
			m.logins[tenantID+"/"+user] = l
		}
	})
	return ok, err
}
func (m *memory) TakeCode(_ context.Context, tenantID, user, hash string) (ok bool, err error) {
	err = m.do(func() {
		l := m.logins[tenantID+"/"+user]
		if i := slices.Index(l.Codes, hash); i >= 0 {
			ok = true
			l.Codes = slices.Delete(slices.Clone(l.Codes), i, i+1)
			m.logins[tenantID+"/"+user] = l
		}
	})
	return ok, err
}
func (m *memory) DropLogin(_ context.Context, tenantID, user string) error {
	return m.do(func() { delete(m.logins, tenantID+"/"+user) })
}

// house is a Service with the people of tests.
type house struct {
	*Service
	t      *testing.T
	memory *memory
	people map[string]tenant.User
	key    *seal.Key
}

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
	root  = api.Identity{Kind: "root", Name: "root", Role: tenant.RoleOperator, Source: here}
)

func newHouse(t *testing.T) *house {
	key, err := seal.Open(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, memory: newMemory(), key: key, people: map[string]tenant.User{
		"sample/sara":   {ID: "sara", Name: "Sara", Role: tenant.RoleAdmin},
		"sample/omid":   {ID: "omid", Name: "Omid", Role: tenant.RoleManager, Site: "north"},
		"sample/nima":   {ID: "nima", Role: tenant.RoleUser, Account: "101"},
		"other/sara":    {ID: "sara", Role: tenant.RoleAdmin},
		"operator/mina": {ID: "mina", Role: tenant.RoleOperator},
		"sample/liar":   {ID: "liar", Role: tenant.RoleOperator},
	}}
	h.open()
	return h
}

func (h *house) open() {
	s, err := Open(h.t.Context(), Config{
		Store: h.memory, Box: h.key.Box("factors"), Cost: Cost{Memory: 64, Passes: 1},
		User:   func(tenantID, id string) (tenant.User, bool) { u, ok := h.people[tenantID+"/"+id]; return u, ok },
		Tenant: func(id string) bool { return id == "sample" || id == "other" },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Service = s
}

// good fails the test unless nothing was denied.
func (h *house) good(no *api.Denial) {
	h.t.Helper()
	if no != nil {
		h.t.Fatalf("%d %s", no.Status, no.Text)
	}
}

// bad fails the test unless it was denied so.
func (h *house) bad(no *api.Denial, status int, text string) {
	h.t.Helper()
	if no == nil || no.Status != status || !strings.Contains(no.Text, text) {
		h.t.Errorf("denied by %+v, want %d %q", no, status, text)
	}
}

// asks gives the identity of a request with headers.
func (h *house) asks(method, path string, source netip.Addr, headers ...string) (api.Identity, *api.Denial) {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.Identify(r, source)
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		text, made, no := h.Create(t.Context(), root, store.Token{Name: "crm", Tenant: "sample", Role: "reporter", Scopes: []string{"calls:read"}, Addresses: []string{"192.0.2.0/24"}, Expires: time.Now().Add(time.Hour)})
		h.good(no)
		if !strings.HasPrefix(text, TokenPrefix) || len(text) < len(TokenPrefix)+43 || strings.Contains(fmt.Sprintf("%+v", h.memory.tokens), text) {
			t.Errorf("token %q, kept %+v", text, h.memory.tokens)
		}
		who, no := h.asks("GET", "/", here, "Authorization", "bearer "+text)
		h.good(no)
		if who.Kind != "token" || who.Name != "crm" || who.Tenant != "sample" || who.Role != tenant.RoleReporter || !slices.Equal(who.Scopes, []string{"calls:read"}) || !h.Holds(who) {
			t.Errorf("identity %+v", who)
		}
		_, no = h.asks("GET", "/", there, "Authorization", "Bearer "+text)
		h.bad(no, 403, "list of addresses")
		for _, wrong := range []string{"Bearer " + text + "x", "Bearer " + text[1:], "Bearer ", "Basic " + text, text} {
			_, no = h.asks("GET", "/", here, "Authorization", wrong)
			h.bad(no, 401, "")
		}
		// After a restart it is there, with its last use.
		h.Close()
		h.open()
		if list := h.Tokens(root, ""); len(list) != 1 || list[0].UsedFrom != "192.0.2.1" || list[0].MadeBy != "root" {
			t.Errorf("tokens %+v", list)
		}
		_, no = h.asks("GET", "/", here, "Authorization", "Bearer "+text)
		h.good(no)
		time.Sleep(time.Hour)
		_, no = h.asks("GET", "/", here, "Authorization", "Bearer "+text)
		h.bad(no, 401, "expired")
		if h.Holds(who) {
			t.Error("an expired token holds")
		}
		// What is over for long is forgotten.
		time.Sleep(keepOver + 2*sweepEvery)
		synctest.Wait()
		if list := h.Tokens(root, ""); len(list) != 0 || len(h.memory.tokens) != 0 {
			t.Errorf("kept for ever: %+v of %s", list, made.ID)
		}
		h.Close()
	})
}

func TestRevoked(t *testing.T) {
	h := newHouse(t)
	defer func() { h.Close() }()
	text, made, no := h.Create(t.Context(), root, store.Token{Name: "all", Role: "operator"})
	h.good(no)
	h.memory.away = errors.New("no database")
	_, no = h.asks("GET", "/", here, "Authorization", "Bearer "+text)
	h.good(no) // who is known is known without the database
	h.bad(h.Revoke(t.Context(), root, made.ID), 503, "try again")
	_, no = h.asks("GET", "/", here, "Authorization", "Bearer "+text)
	h.bad(no, 401, "revoked") // though it is not written down yet
	h.memory.away = nil
	h.good(h.Revoke(t.Context(), root, made.ID))
	h.Close()
	h.open()
	_, no = h.asks("GET", "/", here, "Authorization", "Bearer "+text)
	h.bad(no, 401, "revoked")
	h.bad(h.Revoke(t.Context(), root, "none"), 404, "no such token")
}

// A token reaches no further than who makes it, and nobody sees one that does.
func TestTokensReachNoFurther(t *testing.T) {
	h := newHouse(t)
	defer h.Close()
	admin := api.Identity{Kind: "session", Name: "sara", Tenant: "sample", Role: tenant.RoleAdmin}
	part := api.Identity{Kind: "session", Name: "omid", Tenant: "sample", Role: tenant.RoleAdmin, Site: "north"}
	narrow := api.Identity{Kind: "token", Name: "t", Tenant: "sample", Role: tenant.RoleAdmin, Scopes: []string{"calls:read", "lines:*"}}
	for _, k := range []struct {
		who    api.Identity
		want   store.Token
		status int // 0: made
		text   string
	}{
		{admin, store.Token{Role: "admin"}, 0, ""},
		{admin, store.Token{Role: "user", Account: "101"}, 0, ""},
		{admin, store.Token{Role: "user"}, 422, "account"},
		{admin, store.Token{Role: "king"}, 422, "role"},
		{admin, store.Token{Role: "operator"}, 403, "higher role"},
		{admin, store.Token{Role: "admin", Tenant: "other"}, 404, "no such tenant"},
		{admin, store.Token{Role: "admin", Scopes: []string{"calls"}}, 422, "scope"},
		{admin, store.Token{Role: "admin", Scopes: []string{"calls:eat"}}, 422, "scope"},
		{admin, store.Token{Role: "admin", Addresses: []string{"everywhere"}}, 422, "addresses"},
		{admin, store.Token{Role: "admin", Expires: time.Now().Add(-time.Second)}, 422, "past"},
		{root, store.Token{Role: "admin"}, 422, "tenant"},
		{root, store.Token{Role: "admin", Tenant: "nobody"}, 404, "tenant"},
		{root, store.Token{Role: "operator", Tenant: "sample"}, 422, "no tenant"},
		{part, store.Token{Role: "reporter", Site: "south"}, 403, "further"},
		{part, store.Token{Role: "reporter", Name: "part"}, 0, ""},
		{narrow, store.Token{Role: "admin", Scopes: []string{"*"}}, 403, "scope"},
		{narrow, store.Token{Role: "admin", Scopes: []string{"*:read"}}, 403, "scope"},
		{narrow, store.Token{Role: "admin", Scopes: []string{"calls:write"}}, 403, "scope"},
		{narrow, store.Token{Role: "admin", Scopes: []string{"calls:*"}}, 403, "scope"},
		{narrow, store.Token{Role: "admin", Scopes: []string{"calls:read", "lines:write", "lines:read"}}, 0, ""},
		{narrow, store.Token{Role: "admin", Name: "inherits"}, 0, ""},
	} {
		_, made, no := h.Create(t.Context(), k.who, k.want)
		if k.status == 0 {
			h.good(no)
			if made.Name == "part" && made.Site != "north" || made.Name == "inherits" && len(made.Scopes) != 2 {
				t.Errorf("made %+v", made)
			}
		} else {
			h.bad(no, k.status, k.text)
		}
	}
	_, all, no := h.Create(t.Context(), root, store.Token{Role: "operator"})
	h.good(no)
	for _, who := range []api.Identity{admin, part, {Kind: "session", Tenant: "other", Role: tenant.RoleAdmin}} {
		_, no := h.Token(who, all.ID)
		h.bad(no, 404, "")
		h.bad(h.Revoke(t.Context(), who, all.ID), 404, "")
	}
	if n := len(h.Tokens(api.Identity{Kind: "session", Tenant: "other", Role: tenant.RoleAdmin}, "")); n != 0 {
		t.Errorf("another tenant sees %d tokens", n)
	}
	if n := len(h.Tokens(part, "")); n != 1 {
		t.Errorf("who is of one site sees %d tokens", n)
	}
}

// enter gives somebody a password and signs in.
func (h *house) enter(tenantID, user string) (cookie string, who api.Identity) {
	h.t.Helper()
	_, no := h.SetPassword(h.t.Context(), root, tenantID, user, "four words in a row", false)
	h.good(no)
	text, _, no := h.signIn(h.t.Context(), proof{Tenant: tenantID, User: user, Password: "four words in a row", Source: here})
	h.good(no)
	who, no = h.asks("GET", "/", here, "Cookie", SecureCookie+"="+text)
	h.good(no)
	return SecureCookie + "=" + text, who
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		cookie, who := h.enter("sample", "sara")
		if who.Kind != "session" || who.Tenant != "sample" || who.Name != "sara" || who.Role != tenant.RoleAdmin || who.Scopes != nil {
			t.Errorf("identity %+v", who)
		}
		if _, who := h.enter("operator", "mina"); who.Tenant != "" || who.Role != tenant.RoleOperator {
			t.Errorf("an operator is %+v", who)
		}
		if _, who := h.enter("sample", "liar"); who.Role != tenant.RoleAdmin || who.Tenant != "sample" {
			t.Errorf("a tenant's document made %+v", who)
		}
		// Another site's page can read nothing and change nothing.
		for _, k := range []struct {
			method  string
			headers []string
			good    bool
		}{
			{"GET", nil, true},
			{"POST", nil, false},
			{"POST", []string{Header, "1"}, true},
			{"DELETE", []string{"Origin", "https://example.com"}, true},
			{"DELETE", []string{"Origin", "https://evil.example"}, false},
			{"DELETE", []string{"Origin", "https://evil.example", Header, "1"}, false},
			{"PUT", []string{"Sec-Fetch-Site", "same-origin"}, true},
			{"PUT", []string{"Sec-Fetch-Site", "cross-site"}, false},
			{"PATCH", []string{"Sec-Fetch-Site", "same-site"}, false},
			{"GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, false},
			{"GET", []string{"Upgrade", "websocket", "Origin", "https://example.com"}, true},
			{"GET", []string{"Upgrade", "WebSocket"}, false},
		} {
			if _, no := h.asks(k.method, "/", here, append(k.headers, "Cookie", cookie)...); (no == nil) != k.good {
				t.Errorf("%s with %q: %+v", k.method, k.headers, no)
			}
		}
		// Its user's role is what the document says now.
		u := h.people["sample/sara"]
		u.Role = tenant.RoleReporter
		h.people["sample/sara"] = u
		if now, _ := h.asks("GET", "/", here, "Cookie", cookie); now.Role != tenant.RoleReporter || h.Holds(who) {
			t.Errorf("after the change %+v", now)
		}
		delete(h.people, "sample/sara")
		_, no := h.asks("GET", "/", here, "Cookie", cookie)
		h.bad(no, 401, "gone")
		u.Role = tenant.RoleAdmin
		h.people["sample/sara"] = u
		// It lasts over a restart, ends when nobody uses it, and anyhow.
		h.Close()
		h.open()
		_, no = h.asks("GET", "/", here, "Cookie", cookie)
		h.good(no)
		time.Sleep(SessionIdle + time.Minute)
		_, no = h.asks("GET", "/", here, "Cookie", cookie)
		h.bad(no, 401, "over")
		cookie, _ = h.enter("sample", "sara")
		for range 23 {
			time.Sleep(time.Hour)
			_, no = h.asks("GET", "/", here, "Cookie", cookie)
			h.good(no)
		}
		time.Sleep(time.Hour)
		_, no = h.asks("GET", "/", here, "Cookie", cookie)
		h.bad(no, 401, "over")
		h.Close()
	})
}

// One sees and ends one's own sessions, an administrator those of the tenant, nobody another's.
func TestWhoseSessions(t *testing.T) {
	h := newHouse(t)
	defer h.Close()
	_, sara := h.enter("sample", "sara")
	cookie, nima := h.enter("sample", "nima")
	_, other := h.enter("other", "sara")
	for n, who := range map[int]api.Identity{1: nima, 2: sara, 3: root} {
		if list := h.Sessions(who, ""); len(list) != n {
			t.Errorf("%+v sees %d sessions, want %d", who, len(list), n)
		}
	}
	if list := h.Sessions(root, "other"); len(list) != 1 {
		t.Errorf("of the other %+v", list)
	}
	h.bad(h.EndSession(t.Context(), nima, sara.ID), 404, "")
	h.bad(h.EndSession(t.Context(), other, nima.ID), 404, "")
	h.good(h.EndSession(t.Context(), sara, nima.ID))
	_, no := h.asks("GET", "/", here, "Cookie", cookie)
	h.bad(no, 401, "over")
	for range sessionsOfUser + 3 {
		h.enterAgain("other", "sara")
	}
	if list := h.Sessions(root, "other"); len(list) != sessionsOfUser {
		t.Errorf("one user has %d sessions", len(list))
	}
}

func (h *house) enterAgain(tenantID, user string) {
	_, _, no := h.signIn(h.t.Context(), proof{Tenant: tenantID, User: user, Password: "four words in a row", Source: here})
	h.good(no)
}

func TestPasswords(t *testing.T) {
	h := newHouse(t)
	defer h.Close()
	for _, bad := range []string{"", "short", "123456789012", "password1234", "Passw0rd!2024"[:10], "aaaaaaaaaaaaaaa", "sara-sara-sara", "sample sample 1", "qwertyuiop12", "abcdefghijklmn", "رمزعبور رمزعبور", strings.Repeat("long ", 50), "nul\x00nulnulnul", "bad\xffutf8bytes", "1111122222"} {
		if no := weakIs(bad); no == "" {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"four words in a row", "tr0ub4dor&3x", "اسب باتری منگنه درست", "k7f2-9xqm-3hbw", "correcthorsebattery"} {
		if no := weakIs(good); no != "" {
			t.Errorf("%q: %s", good, no)
		}
	}
	made, no := h.SetPassword(t.Context(), root, "sample", "sara", "", true)
	h.good(no)
	if weakIs(made) != "" {
		t.Errorf("the exchange made %q", made)
	}
	if kept := h.memory.logins["sample/sara"].Hash; !strings.HasPrefix(kept, "$argon2id$v=19$m=64,t=1,p=1$") || strings.Contains(kept, made) {
		t.Errorf("kept %q", kept)
	}
	text, at, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: made, Source: here})
	h.good(no)
	cookie := SecureCookie + "=" + text
	if !at.Limited {
		t.Error("a password of another's choice need not be changed")
	}
	_, no = h.asks("GET", "/api/v1/calls", here, "Cookie", cookie)
	h.bad(no, 403, "change your password")
	who, no := h.asks("PUT", "/api/v1/session/password", here, "Cookie", cookie, Header, "1")
	h.good(no)
	h.bad(h.ChangePassword(t.Context(), who, "wrong", "four words in a row"), 403, "not your password")
	h.bad(h.ChangePassword(t.Context(), who, made, "short"), 422, "characters")
	h.bad(h.ChangePassword(t.Context(), who, made, made), 422, "that you have")
	second, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: made, Source: there})
	h.good(no)
	h.good(h.ChangePassword(t.Context(), who, made, "four words in a row"))
	_, no = h.asks("GET", "/api/v1/calls", here, "Cookie", cookie)
	h.good(no)
	_, no = h.asks("GET", "/api/v1/session", here, "Cookie", SecureCookie+"="+second)
	h.bad(no, 401, "over") // whoever else had the old one is out
	_, _, no = h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: made, Source: here})
	h.bad(no, 401, "wrong")
	h.bad(h.ChangePassword(t.Context(), root, "x", "four words in a row"), 403, "sign in")

	omid := api.Identity{Kind: "session", Name: "omid", Tenant: "sample", Role: tenant.RoleManager, Site: "north"}
	_, no = h.SetPassword(t.Context(), omid, "sample", "sara", "", true)
	h.bad(no, 404, "")
	admin := api.Identity{Kind: "session", Name: "sara", Tenant: "sample", Role: tenant.RoleAdmin}
	_, no = h.SetPassword(t.Context(), admin, "other", "sara", "", true)
	h.bad(no, 404, "")
	_, no = h.SetPassword(t.Context(), admin, "operator", "mina", "", true)
	h.bad(no, 404, "")
	_, no = h.SetPassword(t.Context(), admin, "sample", "liar", "", true)
	h.bad(no, 403, "higher")

	// A password that was kept at another cost is good, and kept at today's afterwards.
	h.config.Cost = Cost{Memory: 128, Passes: 1}
	h.enterAgain("sample", "sara")
	if kept := h.memory.logins["sample/sara"].Hash; !strings.Contains(kept, "m=128,") {
		t.Errorf("kept %q", kept)
	}
	h.enterAgain("sample", "sara")
	h.memory.away = errors.New("no database")
	_, _, no = h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: "four words in a row", Source: here})
	h.bad(no, 503, "try again")
}

func weakIs(password string) string { return weak(password, &tenant.User{ID: "sara"}, "sample") }

// Whoever guesses is slowed down, whether there is such a user or not, and says nothing of it; the user is never locked out.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.Close()
		h.enter("sample", "sara")
		h.good(h.end(t.Context(), h.Sessions(root, "")))
		for _, user := range []string{"sara", "nobody", "nima"} { // the last has no password
			source := netip.MustParseAddr("203.0.113." + map[string]string{"sara": "1", "nobody": "2", "nima": "3"}[user])
			var answers []string
			for range 12 {
				_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: user, Password: "wrong", Source: source})
				answers = append(answers, fmt.Sprint(no.Status, " ", no.After, " ", no.Text))
				time.Sleep(no.After)
			}
			if !strings.HasPrefix(answers[0], "401 0s the user or the password is wrong") || !strings.HasPrefix(answers[11], "429") && !strings.HasPrefix(answers[11], "401") {
				t.Errorf("%s: %q", user, answers)
			}
			waits := 0
			for _, a := range answers {
				if strings.HasPrefix(a, "429") {
					waits++
				}
			}
			if waits < 3 {
				t.Errorf("%s: nobody is slowed down: %q", user, answers)
			}
		}
		// From many sources: each try waits, none is refused, and the owner is in at once from where she was.
		began := time.Now()
		for i := range 60 {
			_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: "wrong", Source: netip.MustParseAddr(fmt.Sprint("203.0.113.", 10+i))})
			h.bad(no, 401, "wrong")
		}
		if took := time.Since(began); took < 30*time.Second {
			t.Errorf("60 guesses from 60 sources took %v", took)
		}
		began = time.Now()
		h.enterAgain("sample", "sara")
		if took := time.Since(began); took > longestDelay {
			t.Errorf("the owner waited %v", took)
		}
		// IPv6: a customer's whole network is one source.
		for i := range 5 {
			_, _, _ = h.signIn(t.Context(), proof{Tenant: "sample", User: "nima", Password: "wrong", Source: netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", i+1))})
		}
		_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "nima", Password: "wrong", Source: netip.MustParseAddr("2001:db8::ffff")})
		h.bad(no, 429, "too many")
		if no.After <= 0 {
			t.Error("no Retry-After")
		}
	})
}

// What is kept in mind of guessers is bounded.
func TestGuessersAreBounded(t *testing.T) {
	g := newGuessing()
	now := time.Now()
	for i := range 3 * mostGuessers {
		g.failed(fmt.Sprint("source ", i), now, longestPause)
	}
	if n := len(g.tries); n > mostGuessers {
		t.Errorf("%d sources are kept in mind", n)
	}
}

// A flood of sign-ins is refused before it costs memory.
func TestFloodOfSignIns(t *testing.T) {
	h := newHouse(t)
	defer h.Close()
	for range hashesWaiting {
		h.queue <- struct{}{}
	}
	_, _, no := h.signIn(t.Context(), proof{Tenant: "sample", User: "sara", Password: "x", Source: here})
	h.bad(no, 429, "at this moment")
	for range hashesWaiting {
		<-h.queue
	}
}

func TestCookie(t *testing.T) {
	c := (*Service)(nil).Cookie("s", true)
	if text := c.String(); text != "__Host-santral=s; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax" {
		t.Error(text)
	}
	if text := (*Service)(nil).Cookie("", false).String(); text != "santral=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax" {
		t.Error(text)
	}
	r := &http.Request{Header: http.Header{"Cookie": {PlainCookie + "=x; other=y"}}}
	if cookieOf(r) != "x" {
		t.Error("the plain cookie is not read")
	}
}
