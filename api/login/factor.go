package login

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"strings"
	"time"

	"santral/api"
	"santral/base/jalali"
	"santral/store"
)

// What authenticators expect where an address says nothing (RFC 6238 §4, §5.2): SHA-1, six digits, thirty seconds, and one
// step more to either side for clocks that are wrong and people who are slow.
const (
	period     = 30 * time.Second
	digits     = 6
	around     = 1
	factorLen  = 20 // octets of a secret (RFC 4226 §4)
	recoveries = 10 // codes
)

// codeAt gives the code of a time step (RFC 4226 §5.3).
func codeAt(key []byte, step int64) string {
	mac := hmac.New(sha1.New, key)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%0*d", digits, n%1000000)
}

// stepOf gives the time step whose code was given, of those around now that come after last; ok is false for none.
func stepOf(key []byte, code string, now time.Time, last int64) (step int64, ok bool) {
	middle := now.Unix() / int64(period/time.Second)
	for s := middle - around; s <= middle+around; s++ {
		if subtle.ConstantTimeCompare([]byte(codeAt(key, s)), []byte(code)) == 1 && s > last {
			step, ok = s, true
		}
	}
	return step, ok
}

// latin makes a code that was typed with a Persian or Arabic keyboard one of ASCII digits, without what separates it.
func latin(code string) string {
	return strings.NewReplacer(" ", "", "-", "", "\u200c", "").Replace(jalali.ASCII(code))
}

func factorAbout(tenantID, user string) string { return tenantID + "/" + user }

// proveFactor judges the second factor's code, or a recovery code. None is taken twice.
func (s *Service) proveFactor(ctx context.Context, l *store.Login, p proof) *api.Denial {
	now := time.Now()
	codes := codeKey(p.Tenant, p.User)
	if p.Code == "" {
		return &api.Denial{Status: 401, Text: "the password is right; now send the code of your authenticator too, as code, or a recovery code", Wants: "code"}
	}
	if d := s.slow.pause(codes, now); d > 0 {
		return later(d)
	}
	taken, err := s.takeCode(ctx, l, latin(p.Code), now)
	switch {
	case err != nil:
		return s.away(err)
	case !taken:
		s.slow.failed(codes, now, codesPause)
		s.slow.failed(sourceKey(p.Source), now, longestPause)
		return &api.Denial{Status: 401, Text: "that code is wrong or was used before: wait for the next one, and see that the clock of your authenticator is right", Wants: "code"}
	}
	return nil
}

func (s *Service) takeCode(ctx context.Context, l *store.Login, code string, now time.Time) (bool, error) {
	if len(code) != digits {
		return s.config.Store.TakeCode(ctx, l.Tenant, l.User, codeHash(code))
	}
	key, err := s.config.Box.Open(l.Factor, factorAbout(l.Tenant, l.User))
	if err != nil {
		return false, fmt.Errorf("read a second factor: %w", err)
	}
	step, ok := stepOf(key, code, now, l.Step)
	if !ok {
		return false, nil
	}
	return s.config.Store.TakeStep(ctx, l.Tenant, l.User, step)
}

// self gives the login of who asks, who must be signed in, after the password was given once more.
func (s *Service) self(ctx context.Context, who api.Identity, password string) (store.Login, *api.Denial) {
	if who.Kind != "session" {
		return store.Login{}, forbidden("sign in for this: a token has no password and no second factor")
	}
	p := proof{Tenant: who.Home(), User: who.Name, Password: password, Source: who.Source}
	from := sourceKey(p.Source)
	if d := s.slow.pause(from, time.Now()); d > 0 {
		return store.Login{}, later(d)
	}
	l, err := s.config.Store.Login(ctx, p.Tenant, p.User)
	if err != nil && !isNotFound(err) {
		return l, s.away(err)
	}
	good, _, no := s.matches(ctx, password, l.Hash)
	if no != nil {
		return l, no
	}
	if !good {
		s.slow.failed(from, time.Now(), longestPause)
		return l, &api.Denial{Status: 403, Text: "that is not your password", Wants: "password"}
	}
	return l, nil
}

// Enrol begins a second factor: an address that authenticators read, as a picture or typed (otpauth://). It counts once a
// code of it was shown ([Service.Confirm]).
func (s *Service) Enrol(ctx context.Context, who api.Identity, password string) (address string, no *api.Denial) {
	l, no := s.self(ctx, who, password)
	if no != nil {
		return "", no
	}
	if l.Proved {
		return "", &api.Denial{Status: 409, Text: "you have a second factor: take it away first"}
	}
	key := make([]byte, factorLen)
	rand.Read(key)
	l.Factor, l.Step, l.Codes = s.config.Box.Seal(key, factorAbout(l.Tenant, l.User)), 0, nil
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.config.Store.PutLogin(ctx, l); err != nil {
		return "", s.away(err)
	}
	return otpauth(s.config.Issuer, l.User+"@"+l.Tenant, key), nil
}

// otpauth is the address of a secret, as authenticators read it.
func otpauth(issuer, account string, key []byte) string {
	q := url.Values{"secret": {base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(key)}, "issuer": {issuer}}
	return "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// Confirm begins to ask for the second factor at every sign-in, after one code of it, and gives recovery codes: each is
// good once, where the authenticator is lost. They are shown this once.
func (s *Service) Confirm(ctx context.Context, who api.Identity, code string) (codes []string, no *api.Denial) {
	if who.Kind != "session" {
		return nil, forbidden("sign in for this: a token has no second factor")
	}
	tenantID := who.Home()
	guard := codeKey(tenantID, who.Name)
	if d := s.slow.pause(guard, time.Now()); d > 0 {
		return nil, later(d)
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	l, err := s.config.Store.Login(ctx, tenantID, who.Name)
	if err != nil && !isNotFound(err) {
		return nil, s.away(err)
	}
	if l.Proved || l.Factor == nil {
		return nil, &api.Denial{Status: 409, Text: "no second factor waits to be confirmed: begin with POST /api/v1/session/totp"}
	}
	now := time.Now()
	if code = latin(code); len(code) != digits {
		return nil, wrong("a code has six digits")
	}
	taken, err := s.takeCode(ctx, &l, code, now)
	if err != nil {
		return nil, s.away(err)
	}
	if !taken {
		s.slow.failed(guard, now, codesPause)
		return nil, &api.Denial{Status: 422, Text: "that code is wrong: see that the clock of your authenticator is right, and take the code of now", Wants: "code"}
	}
	if l, err = s.config.Store.Login(ctx, tenantID, who.Name); err != nil { // its step is another now
		return nil, s.away(err)
	}
	l.Proved = true
	for range recoveries {
		var raw [10]byte
		rand.Read(raw[:])
		c := strings.ToLower(base32.StdEncoding.EncodeToString(raw[:]))
		l.Codes = append(l.Codes, codeHash(c))
		codes = append(codes, c[:4]+"-"+c[4:8]+"-"+c[8:12]+"-"+c[12:])
	}
	if err := s.config.Store.PutLogin(ctx, l); err != nil {
		return nil, s.away(err)
	}
	return codes, nil
}

// Leave takes one's own second factor away.
func (s *Service) Leave(ctx context.Context, who api.Identity, password, code string) *api.Denial {
	l, no := s.self(ctx, who, password)
	if no != nil {
		return no
	}
	if l.Factor == nil {
		return missing("you have no second factor")
	}
	if l.Proved {
		if no := s.proveFactor(ctx, &l, proof{Tenant: l.Tenant, User: l.User, Code: code, Source: who.Source}); no != nil {
			return no
		}
	}
	return s.dropFactor(ctx, l.Tenant, l.User)
}

func (s *Service) dropFactor(ctx context.Context, tenantID, user string) *api.Denial {
	s.changing.Lock()
	defer s.changing.Unlock()
	l, err := s.config.Store.Login(ctx, tenantID, user)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return s.away(err)
	}
	l.Factor, l.Proved, l.Step, l.Codes = nil, false, 0, nil
	if err := s.config.Store.PutLogin(ctx, l); err != nil {
		return s.away(err)
	}
	return nil
}
