package digest

import (
	"errors"
	"strconv"
	"strings"

	"santral/base/id"
	"santral/sip"
)

// ClientState is what a client remembers of the challenge that it answered last: its nonce and how
// often that was used. The zero value has met none. It belongs to one account at one server and is
// not safe for concurrent use.
type ClientState struct {
	Random *id.Source // where client nonces come from; nil takes one of its own

	// HA1 takes the place of the password where only its hashes are known: algorithm ("MD5", "SHA-256" …) → hex
	// of H(user:realm:password). They hold for one realm. nil: the password is known.
	HA1 map[string]string

	fields fields
	alg    Algorithm
	sess   bool
	cnonce string // one for each nonce of the server's
	count  uint32
}

var (
	errNoChallenge = errors.New("answer digest: no challenge that we can answer")
	errRefused     = errors.New("answer digest: the same challenge again, so the answer was refused")
)

// Answer computes the credentials for a request that was challenged: challenges are the values of
// WWW-Authenticate or Proxy-Authenticate, and the result is the value of Authorization or
// Proxy-Authorization. Of several the strongest algorithm that we know is taken, SHA-512-256,
// SHA-256, then MD5 (RFC 8760 §2.4). uri is the Request-URI. An error means that nothing can be
// answered: no algorithm or quality in common, or the server refused the last answer to a challenge
// that was not stale (RFC 3261 §22.2).
func Answer(challenges []string, user, password, method, uri string, state *ClientState) (header string, err error) {
	var best fields
	alg, sess := UnknownAlgorithm, false
	for _, c := range challenges {
		var f fields
		if ok, bad := parseFields(c, &f); !ok || bad || f.has&hasRealm == 0 || f.has&hasNonce == 0 {
			continue
		}
		a, s := MD5, false
		if f.has&hasAlgorithm != 0 {
			name := f.algorithm
			if n := len(name) - len("-sess"); n > 0 && strings.EqualFold(name[n:], "-sess") {
				name, s = name[:n], true
			}
			a = ParseAlgorithm(name)
		}
		if f.has&hasQop != 0 && !hasAuth(f.qop) || s && f.has&hasQop == 0 {
			continue
		}
		if state.HA1 != nil && state.HA1[a.String()] == "" {
			continue
		}
		if a > alg {
			best, alg, sess = f, a, s
		}
	}
	if alg == UnknownAlgorithm {
		return "", errNoChallenge
	}
	if state.count > 0 && state.fields.nonce == best.nonce && state.fields.realm == best.realm && !strings.EqualFold(best.stale, "true") {
		return "", errRefused
	}
	state.fields, state.alg, state.sess, state.count = best, alg, sess, 0
	return state.header(user, password, method, uri), nil
}

// RealmOf gives the realm of a challenge, "" when it has none or is none of digest.
func RealmOf(challenge string) string {
	var f fields
	if ok, bad := parseFields(challenge, &f); !ok || bad {
		return ""
	}
	return f.realm
}

// IsStale reports a challenge whose server minds only the age of the nonce (RFC 7616 §3.3).
func IsStale(challenge string) bool {
	var f fields
	ok, bad := parseFields(challenge, &f)
	return ok && !bad && strings.EqualFold(f.stale, "true")
}

// Again computes credentials for a further request with the nonce of the last answer and a higher
// count, before the server asks. ok is false when there was no answer yet.
func (s *ClientState) Again(user, password, method, uri string) (header string, ok bool) {
	if s.alg == UnknownAlgorithm {
		return "", false
	}
	return s.header(user, password, method, uri), true
}

// hasAuth looks for auth in a qop list.
func hasAuth(qop string) bool {
	for q := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return true
		}
	}
	return false
}

func (s *ClientState) header(user, password, method, uri string) string {
	f := &s.fields
	s.count++
	nc, cnonce := "", ""
	if f.has&hasQop != 0 {
		if s.count == 1 {
			if s.Random == nil {
				s.Random = id.Random()
			}
			s.cnonce = s.Random.Token(16)
		}
		cnonce = s.cnonce
		nc = strconv.FormatUint(uint64(s.count), 16)
		nc = "00000000"[:8-len(nc)] + nc
	}
	ha1 := s.HA1[s.alg.String()]
	if s.HA1 == nil {
		ha1 = Hash(s.alg, user, f.realm, password)
	}
	if s.sess { // RFC 7616 §3.4.2
		ha1 = string(s.alg.appendHash(nil, []byte(ha1+":"+f.nonce+":"+cnonce)))
	}
	var w work
	response := w.response(s.alg, ha1, f.nonce, nc, cnonce, method, uri)

	b := make([]byte, 0, 384)
	b = append(b, "Digest username="...)
	b = append(b, sip.Quote(user)...)
	b = append(b, ", realm="...)
	b = append(b, sip.Quote(f.realm)...)
	b = append(b, ", nonce="...)
	b = append(b, sip.Quote(f.nonce)...)
	b = append(b, ", uri="...)
	b = append(b, sip.Quote(uri)...)
	b = append(b, `, response="`...)
	b = append(b, response...)
	b = append(b, '"')
	if f.has&hasAlgorithm != 0 {
		b = append(b, ", algorithm="...)
		b = append(b, s.alg.String()...)
		if s.sess {
			b = append(b, "-sess"...)
		}
	}
	if nc != "" {
		b = append(b, `, cnonce="`...)
		b = append(b, cnonce...)
		b = append(b, `", qop=auth, nc=`...)
		b = append(b, nc...)
	}
	if f.has&hasOpaque != 0 {
		b = append(b, ", opaque="...)
		b = append(b, sip.Quote(f.opaque)...)
	}
	return string(b)
}
