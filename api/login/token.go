package login

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// TokenPrefix begins every token, so that programs that look for leaked secrets know it.
const TokenPrefix = "santral_"

// Bounds of tokens.
const (
	tokensOfTenant = 1000
	tokensInAll    = 20000
	sweepEvery     = time.Hour
	keepOver       = 90 * 24 * time.Hour // how long a token that is over stays in lists
)

// token is a live one, with its texts read.
type token struct {
	store.Token
	role tenant.Role
	from []netip.Prefix
}

// no tells why a token is no good; nil when it is. The service's lock is held.
func (t *token) no(now time.Time) *api.Denial {
	switch {
	case !t.Revoked.IsZero():
		return unauthorized("that token was revoked: use another; santral token create makes one")
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return unauthorized("that token has expired: use another; santral token create makes one")
	}
	return nil
}

// know takes a token into the tables.
func (s *Service) know(t *store.Token) error {
	x := &token{Token: *t, role: RoleOf(t.Role)}
	if len(t.Hash) != sha256.Size || x.role == tenant.NoRole {
		return errors.New("it has no hash or no role")
	}
	var err error
	if x.from, err = prefixes(t.Addresses); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[digest(t.Hash)], s.byID[t.ID] = x, x
	return nil
}

// RoleOf reads the word of a role; NoRole for none.
func RoleOf(word string) tenant.Role {
	return tenant.Role(slices.Index(tenant.RoleNames, word) + 1)
}

// byToken gives the identity of a token.
func (s *Service) byToken(text string, source netip.Addr) (api.Identity, *api.Denial) {
	hash := sha256.Sum256([]byte(text))
	now := time.Now()
	s.mu.RLock()
	t := s.tokens[hash]
	var no *api.Denial
	if t == nil {
		no = unauthorized("that token is none of this exchange's: santral token create makes one")
	} else {
		no = t.no(now)
	}
	s.mu.RUnlock()
	switch {
	case no != nil:
		return api.Identity{}, no
	case t.Tenant != "" && !s.config.Tenant(t.Tenant):
		return api.Identity{}, unauthorized("the tenant of that token is gone")
	case len(t.from) > 0 && !slices.ContainsFunc(t.from, func(p netip.Prefix) bool { return p.Contains(source) }):
		return api.Identity{}, forbidden("that token may not be used from " + source.String() + ": it has a list of addresses")
	}
	s.mu.Lock()
	s.used[t.ID] = store.Use{ID: t.ID, At: now, From: source.String()}
	t.Used, t.UsedFrom = now, source.String()
	s.mu.Unlock()
	return api.Identity{
		Kind: "token", ID: t.ID, Name: t.Name, Tenant: t.Tenant, Role: t.role, Site: t.Site, Department: t.Department, Account: t.Account,
		Scopes: t.Scopes, Source: source,
	}, nil
}

// Tokens gives the tokens that who asks may see, in the order of making: those of a tenant, or with "" of all that who
// asks is in.
func (s *Service) Tokens(who api.Identity, tenantID string) []store.Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []store.Token{}
	for _, t := range s.byID {
		if s.visibleLocked(who, t) && (tenantID == "" || t.Tenant == tenantID) {
			list = append(list, t.Token)
		}
	}
	slices.SortFunc(list, func(a, b store.Token) int {
		if c := a.Made.Compare(b.Made); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

// visibleLocked tells whether who asks may see a token: one that reaches no further than it does itself.
func (s *Service) visibleLocked(who api.Identity, t *token) bool {
	switch {
	case who.Tenant != "" && t.Tenant != who.Tenant:
		return false
	case who.Site != "" && t.Site != who.Site, who.Department != "" && t.Department != who.Department:
		return false
	}
	return t.role <= who.Role
}

// Token gives one by its id.
func (s *Service) Token(who api.Identity, id string) (store.Token, *api.Denial) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.byID[id]
	if t == nil || !s.visibleLocked(who, t) {
		return store.Token{}, missing("there is no such token")
	}
	return t.Token, nil
}

// Create makes a token, and gives what a program sends: that is shown this once. It can't reach further than who makes
// it. Of want, the id, the hash and the times of making and use are filled in here.
func (s *Service) Create(ctx context.Context, who api.Identity, want store.Token) (text string, made store.Token, no *api.Denial) {
	if no := s.mayCreate(who, &want); no != nil {
		return "", made, no
	}
	text, hash := secret(TokenPrefix)
	want.ID, want.Hash = name(), hash[:]
	want.Made, want.MadeBy = time.Now().UTC().Truncate(time.Millisecond), whoIs(who)
	want.Used, want.UsedFrom, want.Revoked, want.RevokedBy = time.Time{}, "", time.Time{}, ""
	want.Expires = want.Expires.UTC().Truncate(time.Millisecond)
	s.changing.Lock()
	defer s.changing.Unlock()
	if no := s.roomFor(want.Tenant); no != nil {
		return "", made, no
	}
	if err := s.config.Store.PutToken(ctx, want); err != nil {
		return "", made, s.away(err)
	}
	if err := s.know(&want); err != nil {
		return "", made, wrong(err.Error())
	}
	return text, want, nil
}

func (s *Service) mayCreate(who api.Identity, want *store.Token) *api.Denial {
	role := RoleOf(want.Role)
	if who.Tenant != "" && want.Tenant == "" {
		want.Tenant = who.Tenant
	}
	if who.Site != "" && want.Site == "" {
		want.Site = who.Site
	}
	if who.Department != "" && want.Department == "" {
		want.Department = who.Department
	}
	switch {
	case role == tenant.NoRole:
		return wrong("role must be one of " + strings.Join(tenant.RoleNames, ", "))
	case role > who.Role:
		return forbidden("a token can't have a higher role than yours, " + who.Role.String())
	case role == tenant.RoleOperator && want.Tenant != "":
		return wrong("a token with the role operator is of no tenant: leave tenant out, or give it the role admin")
	case role < tenant.RoleOperator && want.Tenant == "":
		return wrong("give the tenant that the token is for; only the role operator is for all of them")
	case !who.In(want.Tenant) || want.Tenant != "" && !s.config.Tenant(want.Tenant):
		return missing("there is no such tenant; leave it out for your own")
	case who.Site != "" && want.Site != who.Site, who.Department != "" && want.Department != who.Department:
		return forbidden("a token can't reach further than you do: leave site and department as yours are")
	case role == tenant.RoleUser && want.Account == "":
		return wrong("a token with the role user needs the number of an account")
	case !want.Expires.IsZero() && !want.Expires.After(time.Now()):
		return wrong("expires is in the past")
	}
	if _, err := prefixes(want.Addresses); err != nil {
		return wrong("addresses: " + err.Error())
	}
	return scopesFit(who, want)
}

// scopesFit judges the words of scopes, and that who makes the token has every one of them.
func scopesFit(who api.Identity, want *store.Token) *api.Denial {
	if want.Scopes == nil && who.Scopes != nil {
		want.Scopes = slices.Clone(who.Scopes)
	}
	for _, scope := range want.Scopes {
		resource, verb, ok := strings.Cut(scope, ":")
		if scope != "*" && (!ok || resource == "" || verb != "read" && verb != "write" && verb != "*") {
			return wrong("a scope is such as calls:read, calls:write, calls:*, *:read or *: " + scope + " is none")
		}
		if who.Scopes == nil {
			continue
		}
		reads := who.May(resource, false, 0)
		writes := who.May(resource, true, 0)
		if scope == "*" {
			reads, writes = slices.Contains(who.Scopes, "*"), slices.Contains(who.Scopes, "*")
		}
		if verb != "write" && !reads || verb != "read" && !writes {
			return forbidden("a token can't have a scope that you don't have: " + scope)
		}
	}
	return nil
}

// roomFor tells whether a tenant may have another token.
func (s *Service) roomFor(tenantID string) *api.Denial {
	now := time.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	of := 0
	for _, t := range s.byID {
		if t.Tenant == tenantID && t.no(now) == nil {
			of++
		}
	}
	if of >= tokensOfTenant || len(s.byID) >= tokensInAll {
		return &api.Denial{Status: http.StatusConflict, Text: "there are so many tokens that no more are made: revoke those that nobody uses"}
	}
	return nil
}

// Revoke ends a token at once.
func (s *Service) Revoke(ctx context.Context, who api.Identity, id string) *api.Denial {
	s.changing.Lock()
	defer s.changing.Unlock()
	t, no := s.Token(who, id)
	if no != nil {
		return no
	}
	if t.Revoked.IsZero() {
		t.Revoked, t.RevokedBy = time.Now().UTC().Truncate(time.Millisecond), whoIs(who)
		s.mu.Lock()
		s.byID[id].Revoked, s.byID[id].RevokedBy = t.Revoked, t.RevokedBy
		s.mu.Unlock()
	}
	// It is over whatever the database says; where that is away, whoever revokes is told to do it again.
	if err := s.config.Store.PutToken(ctx, t); err != nil {
		return s.away(err)
	}
	return nil
}

// sweep forgets tokens that have been over for long, and sessions that are.
func (s *Service) sweep(now time.Time) {
	var tokens, sessions []string
	s.mu.Lock()
	for hash, t := range s.tokens {
		if !t.Revoked.IsZero() && now.Sub(t.Revoked) > keepOver || !t.Expires.IsZero() && now.Sub(t.Expires) > keepOver {
			delete(s.tokens, hash)
			delete(s.byID, t.ID)
			tokens = append(tokens, t.ID)
		}
	}
	for hash, x := range s.sessions {
		if x.over(now) {
			delete(s.sessions, hash)
			sessions = append(sessions, x.ID)
		}
	}
	s.mu.Unlock()
	ctx, stop := context.WithTimeout(context.Background(), storeTime)
	defer stop()
	if err := errors.Join(s.config.Store.DropTokens(ctx, tokens), s.config.Store.DropSessions(ctx, sessions)); err != nil {
		s.config.Log.Warn("old tokens and sessions can't be taken out of the database", "error", err) // a restart finds and sweeps them again
	}
}
