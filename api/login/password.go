package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"santral/api"
	"santral/tenant"
)

// Cost is what it takes to try a password: argon2id (RFC 9106 §4) with so much memory and so many passes.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
}

// Sound is a cost that a guesser feels and a person doesn't: some 30 ms of one core.
var Sound = Cost{Memory: 19 << 10, Passes: 2}

// Bounds of hashing: a flood of guesses takes these and no more.
const (
	hashesAtOnce  = 2
	hashesWaiting = 32
	saltLen       = 16
	hashLen       = 32
)

// Lengths of passwords, in characters. The longest is far above what anybody types, and keeps hashing short.
const (
	ShortestPassword = 10
	LongestPassword  = 200
)

// hashed waits for its turn and gives the hash of a password, or a denial when too many wait.
func (s *Service) hashed(ctx context.Context, password string, salt []byte, c Cost) ([]byte, *api.Denial) {
	select {
	case s.queue <- struct{}{}:
	default:
		return nil, &api.Denial{Status: http.StatusTooManyRequests, Text: "too many people sign in at this moment: try again", After: 2 * time.Second}
	}
	defer func() { <-s.queue }()
	select {
	case s.work <- struct{}{}:
	case <-ctx.Done():
		return nil, &api.Denial{Status: http.StatusServiceUnavailable, Text: "the request was given up"}
	}
	defer func() { <-s.work }()
	return argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, 1, hashLen), nil
}

// seal gives what is kept of a password, in the form of the PHC string format.
func (s *Service) kept(ctx context.Context, password string) (string, *api.Denial) {
	salt := make([]byte, saltLen)
	rand.Read(salt)
	c := s.config.Cost
	hash, no := s.hashed(ctx, password, salt, c)
	if no != nil {
		return "", no
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, c.Memory, c.Passes, b64.EncodeToString(salt), b64.EncodeToString(hash)), nil
}

// matches tells whether a password is the one of which kept was made. Of kept "" none is, after the same time.
func (s *Service) matches(ctx context.Context, password, kept string) (good, stale bool, no *api.Denial) {
	c, salt, want := s.config.Cost, make([]byte, saltLen), make([]byte, hashLen)
	known := false
	if kept != "" {
		if read, a, b, ok := readKept(kept); ok {
			c, salt, want, known = read, a, b, true
		}
	}
	got, no := s.hashed(ctx, password, salt, c)
	if no != nil {
		return false, false, no
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, c != s.config.Cost, nil
}

func readKept(kept string) (c Cost, salt, hash []byte, ok bool) {
	part := strings.Split(kept, "$")
	if len(part) != 6 || part[1] != "argon2id" {
		return c, nil, nil, false
	}
	var lanes int
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &lanes); err != nil || lanes != 1 || c.Passes == 0 || c.Memory > 1<<20 || c.Passes > 100 {
		return c, nil, nil, false
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	hash, err2 := base64.RawStdEncoding.DecodeString(part[5])
	return c, salt, hash, err1 == nil && err2 == nil && len(hash) == hashLen
}

// common are passwords that guessers try first, longer than the shortest allowed or the beginnings of such; what is
// left of a password after them must be long enough by itself.
var common = []string{
	"password", "passw0rd", "p@ssw0rd", "p@ssword", "123456789", "12345678", "1234567", "123456", "987654321", "qwertyuiop", "qwerty", "1q2w3e4r", "1qaz2wsx", "zxcvbnm", "asdfghjkl",
	"iloveyou", "welcome", "letmein", "admin", "administrator", "changeme", "secret", "default", "santral", "operator", "telephone", "asterisk", "freepbx", "issabel", "elastix", "dragon", "monkey",
	"football", "baseball", "princess", "sunshine", "master", "superman", "whatever", "tehran", "iran", "persia", "salam", "khoda", "eshgh", "رمزعبور", "گذرواژه", "پسورد", "سلام", "تهران", "ایران", "عشق",
}

// weak tells what is wrong with a password that a user wants; "" for nothing.
func weak(password string, u *tenant.User, tenantID string) string {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.IndexByte(password, 0) >= 0:
		return "the password has characters that are none"
	case n < ShortestPassword:
		return fmt.Sprintf("the password has %d characters: take at least %d; a few words in a row are good and easy to keep in mind", n, ShortestPassword)
	case n > LongestPassword:
		return fmt.Sprintf("the password has %d characters: take at most %d", n, LongestPassword)
	}
	rest := plain(password)
	for _, word := range append([]string{u.ID, u.Name, tenantID}, common...) {
		if word = plain(word); utf8.RuneCountInString(word) >= 3 {
			rest = strings.ReplaceAll(rest, word, "\n")
		}
	}
	if distinct(rest) < 5 || utf8.RuneCountInString(strings.ReplaceAll(rest, "\n", "")) < 6 {
		return "the password is one that guessers try early (a well-known one, your own name, or the same few characters): take another; a few words in a row are good"
	}
	return ""
}

// plain makes equal what guessers hold for equal.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(s)), " ", "")
}

// distinct counts the changes in a text: a run like aaaa or 1234 counts once.
func distinct(s string) int {
	n, last, step := 0, rune(-10), rune(0)
	for _, r := range s {
		if d := r - last; d < -1 || d > 1 || d != step && step != 0 && n == 0 {
			n++
			step = 0
		} else {
			step = d
		}
		last = r
	}
	return n
}

// generated is a password that an administrator hands on: 100 bits in characters that nobody confuses.
func generated() string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	var raw [20]byte
	rand.Read(raw[:])
	var b strings.Builder
	for i, x := range raw {
		if i > 0 && i%5 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(letters[int(x)%len(letters)])
	}
	return b.String()
}

// codeHash is what is kept of a recovery code. It has so many random bits that a plain hash is enough.
func codeHash(code string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(code))))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}
