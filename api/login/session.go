package login

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// How long a session lasts, and how many one user may have: the oldest makes room.
const (
	SessionIdle    = 2 * time.Hour  // without a request
	SessionWhole   = 24 * time.Hour // whatever is done
	sessionsOfUser = 20
	sessionsInAll  = 50000
)

// Cookies of a session: over TLS with the prefix by which browsers take it from nobody else and send it over TLS alone
// (RFC 6265 as its successors have it), else, in a lab without TLS, plain.
const (
	SecureCookie = "__Host-santral"
	PlainCookie  = "santral"
)

// Header that a page's script sends with what it changes. No other site's page can have a browser send it.
const Header = "X-Santral"

type session struct{ store.Session }

func (x *session) over(now time.Time) bool {
	return !now.Before(x.Expires) || now.Sub(x.Seen) > SessionIdle
}

// cookieOf gives what a browser sends.
func cookieOf(r *http.Request) string {
	for _, name := range []string{SecureCookie, PlainCookie} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// Cookie is what a browser keeps of a session; of secret "" it is told to forget it. secure tells that it came over TLS.
func (*Service) Cookie(secret string, secure bool) *http.Cookie {
	c := &http.Cookie{Name: PlainCookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(SessionWhole / time.Second)}
	if secure {
		c.Name, c.Secure = SecureCookie, true
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

// origins knows which requests a page of another site has had a browser send.
var origins = http.NewCrossOriginProtection()

// foreign tells that a request with a cookie may be another site's doing. What only reads is none, unless it opens a
// WebSocket, for which browsers ask nobody.
func foreign(r *http.Request) bool {
	socket := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if !socket && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions) {
		return false
	}
	asked := r
	if socket { // it is judged like a change
		asked = &http.Request{Method: http.MethodPost, Header: r.Header, Host: r.Host, URL: r.URL}
	}
	if origins.Check(asked) != nil {
		return true
	}
	return r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get(Header) == ""
}

// bySession gives the identity of a session.
func (s *Service) bySession(r *http.Request, text string, source netip.Addr) (api.Identity, *api.Denial) {
	hash := sha256.Sum256([]byte(text))
	now := time.Now()
	s.mu.Lock()
	x := s.sessions[hash]
	if x == nil || x.over(now) {
		s.mu.Unlock()
		return api.Identity{}, unauthorized("your session is over: sign in again")
	}
	x.Seen = now
	s.seen[x.ID] = store.Use{ID: x.ID, At: now}
	at := x.Session
	s.mu.Unlock()
	if foreign(r) {
		return api.Identity{}, forbidden("this came from a page of another site, or from a program that sends a cookie without the header " + Header + ": send " + Header + ": 1, or use a token")
	}
	who, ok := s.person(at, source)
	if !ok {
		return api.Identity{}, unauthorized("that user is gone: ask an administrator")
	}
	if at.Limited && r.URL.Path != "/api/v1/session" && !strings.HasPrefix(r.URL.Path, "/api/v1/session/") {
		return api.Identity{}, forbidden("change your password first: PUT /api/v1/session/password")
	}
	return who, nil
}

// person makes the identity of a session, as its user stands in the documents now.
func (s *Service) person(at store.Session, source netip.Addr) (api.Identity, bool) {
	u, ok := s.config.User(at.Tenant, at.User)
	if !ok || u.Role == tenant.NoRole {
		return api.Identity{}, false
	}
	who := api.Identity{Kind: "session", ID: at.ID, Name: u.ID, Tenant: at.Tenant, Role: u.Role, Site: u.Site, Department: u.Department, Account: u.Account, Source: source}
	if at.Tenant == tenant.OperatorID {
		who.Tenant = "" // all
	} else if who.Role > tenant.RoleAdmin {
		who.Role = tenant.RoleAdmin // a tenant's document makes nobody an operator
	}
	return who, true
}

// proof is what somebody signs in with.
type proof struct {
	Tenant   string // whose document has the user; tenant.OperatorID for the operator's
	User     string
	Password string
	Code     string // of the second factor, or a recovery code; "" for none
	Source   netip.Addr
	Agent    string
}

// denied is the one answer to all that is wrong: it tells nobody whether there is such a user.
const denied = "the user or the password is wrong, or the user has no password yet; an administrator sets one with santral user password"

// SignIn begins a session and gives what the browser keeps.
func (s *Service) SignIn(ctx context.Context, tenantID, user, password, code, agent string, source netip.Addr) (text string, made store.Session, no *api.Denial) {
	return s.signIn(ctx, proof{Tenant: tenantID, User: user, Password: password, Code: code, Source: source, Agent: agent})
}

func (s *Service) signIn(ctx context.Context, p proof) (text string, made store.Session, no *api.Denial) {
	l, no := s.prove(ctx, p)
	if no != nil {
		return "", made, no
	}
	text, hash := secret("")
	now := time.Now().UTC().Truncate(time.Millisecond)
	agent := p.Agent
	if r := []rune(agent); len(r) > 200 {
		agent = string(r[:200])
	}
	made = store.Session{ID: name(), Hash: hash[:], Tenant: p.Tenant, User: p.User, Began: now, Seen: now, Expires: now.Add(SessionWhole), Source: p.Source.String(), Agent: strings.ToValidUTF8(agent, "?"), Limited: l.Must}
	s.changing.Lock()
	defer s.changing.Unlock()
	if no := s.makeRoom(ctx, p.Tenant, p.User); no != nil {
		return "", store.Session{}, no
	}
	if err := s.config.Store.PutSession(ctx, made); err != nil {
		return "", store.Session{}, s.away(err)
	}
	s.mu.Lock()
	s.sessions[hash] = &session{Session: made}
	s.mu.Unlock()
	return text, made, nil
}

// prove judges a proof. Whatever is wrong, it takes the same time and says the same.
func (s *Service) prove(ctx context.Context, p proof) (l store.Login, no *api.Denial) {
	now := time.Now()
	from, user := sourceKey(p.Source), userKey(p.Tenant, p.User)
	if d := s.slow.pause(from, now); d > 0 {
		return l, later(d)
	}
	if d := s.slow.delay(user, now); d > 0 && !s.knows(p) {
		if no := s.wait(ctx, d); no != nil {
			return l, no
		}
	}
	u, known := s.config.User(p.Tenant, p.User)
	l, err := s.config.Store.Login(ctx, p.Tenant, p.User)
	if err != nil && !isNotFound(err) {
		return l, s.away(err)
	}
	if !known {
		l.Hash = ""
	}
	good, stale, no := s.matches(ctx, p.Password, l.Hash)
	if no != nil {
		return l, no
	}
	if !good || u.Role == tenant.NoRole {
		now = time.Now()
		s.slow.failed(from, now, longestPause)
		s.slow.failed(user, now, 0)
		return l, unauthorized(denied)
	}
	if l.Proved {
		if no := s.proveFactor(ctx, &l, p); no != nil {
			return l, no
		}
	}
	s.slow.passed(from, user, codeKey(p.Tenant, p.User))
	if stale {
		s.rehash(ctx, l, p.Password)
	}
	return l, nil
}

// wait holds a try up.
func (s *Service) wait(ctx context.Context, d time.Duration) *api.Denial {
	select {
	case s.slow.delayed <- struct{}{}:
	default:
		return later(2 * time.Second)
	}
	defer func() { <-s.slow.delayed }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return later(time.Second)
	}
	return nil
}

// knows tells whether a user is signed in from a source already.
func (s *Service) knows(p proof) bool {
	source := p.Source.String()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, x := range s.sessions {
		if x.Tenant == p.Tenant && x.User == p.User && x.Source == source {
			return true
		}
	}
	return false
}

// rehash keeps a password at today's cost.
func (s *Service) rehash(ctx context.Context, l store.Login, password string) {
	s.changing.Lock()
	defer s.changing.Unlock()
	now, err := s.config.Store.Login(ctx, l.Tenant, l.User)
	if err != nil || now.Hash != l.Hash {
		return
	}
	if kept, no := s.kept(ctx, password); no == nil {
		now.Hash = kept
		if err := s.config.Store.PutLogin(ctx, now); err != nil {
			s.config.Log.Warn("a password is not kept at its new cost yet", "error", err) // the next sign-in tries again
		}
	}
}

// makeRoom ends a user's oldest sessions where there are too many.
func (s *Service) makeRoom(ctx context.Context, tenantID, user string) *api.Denial {
	s.mu.RLock()
	full := len(s.sessions) >= sessionsInAll
	s.mu.RUnlock()
	if full {
		return &api.Denial{Status: http.StatusServiceUnavailable, Text: "so many people are signed in that nobody more can be: try again later", After: time.Minute}
	}
	mine := s.sessionsOf(func(x *session) bool { return x.Tenant == tenantID && x.User == user })
	if len(mine) < sessionsOfUser {
		return nil
	}
	return s.end(ctx, mine[:len(mine)-sessionsOfUser+1])
}

// sessionsOf gives the live sessions that keep wants, the oldest first.
func (s *Service) sessionsOf(keep func(*session) bool) []store.Session {
	now := time.Now()
	list := []store.Session{}
	s.mu.RLock()
	for _, x := range s.sessions {
		if !x.over(now) && keep(x) {
			list = append(list, x.Session)
		}
	}
	s.mu.RUnlock()
	slices.SortFunc(list, func(a, b store.Session) int {
		if c := a.Began.Compare(b.Began); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// Signed counts the sessions that go on.
func (s *Service) Signed() int { return len(s.sessionsOf(func(*session) bool { return true })) }

// end ends sessions: at once here, and in the database.
func (s *Service) end(ctx context.Context, list []store.Session) *api.Denial {
	var ids []string
	s.mu.Lock()
	for _, x := range list {
		delete(s.sessions, digest(x.Hash))
		delete(s.seen, x.ID)
		ids = append(ids, x.ID)
	}
	s.mu.Unlock()
	if err := s.config.Store.DropSessions(ctx, ids); err != nil {
		return s.away(err)
	}
	return nil
}

// Sessions gives the sessions that who asks may see, the oldest first: one's own; an administrator's tenant's; of an
// operator all, or those of one tenant.
func (s *Service) Sessions(who api.Identity, tenantID string) []store.Session {
	return s.sessionsOf(func(x *session) bool {
		return s.seesSession(who, x) && (tenantID == "" || x.Tenant == tenantID)
	})
}

func (s *Service) seesSession(who api.Identity, x *session) bool {
	if who.Kind == "session" && x.ID == who.ID {
		return true
	}
	if who.Kind == "session" && x.Tenant == who.Home() && x.User == who.Name {
		return true
	}
	return who.Role >= tenant.RoleAdmin && who.Site == "" && who.Department == "" && who.In(x.Tenant)
}

// EndSession ends one that who asks may see.
func (s *Service) EndSession(ctx context.Context, who api.Identity, id string) *api.Denial {
	list := s.sessionsOf(func(x *session) bool { return x.ID == id && s.seesSession(who, x) })
	if len(list) == 0 {
		return missing("there is no such session")
	}
	return s.end(ctx, list)
}
