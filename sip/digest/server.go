package digest

import (
	"crypto/subtle"
	"net/netip"
	"sync"
	"time"

	"santral/base/id"
	"santral/sip"
)

// Config is what a Server is made of. The zero value of a field takes the default that its comment
// names.
type Config struct {
	Realm      string
	Algorithms []Algorithm   // what is offered, in this order; SHA-256 and MD5 (RFC 8760 §2.3)
	Key        [32]byte      // keys the nonces; zero for one by chance
	Random     *id.Source    // where that chance comes from; one of its own
	Lifetime   time.Duration // how long a nonce is good; 10 minutes
	Counts     int           // nonces whose counts are remembered, twice over; 32,768
	Clients    int           // clients whose trouble with two challenges is remembered, twice over; 8,192

	// Ours tells whether a host and port name this server. SIPp writes its peer's address as the
	// digest's uri whatever the Request-URI is; nil allows the Request-URI's host alone.
	Ours func(sip.HostPort) bool
}

// Server challenges and checks for one realm. It is safe for concurrent use; its locks are leaves.
type Server struct {
	realm    string
	offered  []Algorithm
	lifetime time.Duration
	ours     func(sip.HostPort) bool
	nonces   nonces
	counts   *counts
	clients  *clients
	dummy    HA1 // what an unknown user's answer is computed with
	works    sync.Pool
}

// Lookup finds the hashes of an account by its user name. It must cost the same for users that do
// not exist.
type Lookup func(user string) (HA1, bool)

// Result is the verdict on a request's credentials.
type Result uint8

// The verdicts. All but Accepted and Malformed want a new challenge; Malformed deserves a 400
// (RFC 7616 §3.4).
const (
	UnknownResult Result = iota
	Accepted             // the user is who it claims to be
	Missing              // no credentials for this realm
	Stale                // right, but with a nonce that is used up, too old or made for somebody else
	Wrong                // wrong password, unknown user, or an algorithm that was not offered
	Malformed            // directives missing, twice, out of form, or for another request
)

var resultNames = [...]string{"unknown", "accepted", "missing", "stale", "wrong", "malformed"}

// String names the verdict.
func (r Result) String() string { return resultNames[r] }

// NewServer makes the server of a realm.
func NewServer(cfg Config) *Server {
	if cfg.Random == nil {
		cfg.Random = id.Random()
	}
	if cfg.Key == ([32]byte{}) {
		cfg.Random.Bytes(cfg.Key[:])
	}
	if len(cfg.Algorithms) == 0 {
		cfg.Algorithms = []Algorithm{SHA256, MD5}
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 10 * time.Minute
	}
	if cfg.Counts == 0 {
		cfg.Counts = 32768
	}
	if cfg.Clients == 0 {
		cfg.Clients = 8192
	}
	s := &Server{
		realm:    cfg.Realm,
		offered:  append([]Algorithm(nil), cfg.Algorithms...),
		lifetime: cfg.Lifetime,
		ours:     cfg.Ours,
		// A nonce from before the start may have been used before it: its client learns that it is
		// stale, so a restart opens no door to a replay.
		counts:  newCounts(cfg.Counts, time.Now().UnixMicro()-1),
		clients: newClients(cfg.Clients),
		dummy:   NewHA1(cfg.Random.Token(16), cfg.Realm, cfg.Random.Token(32)),
	}
	s.nonces.init(cfg.Key, cfg.Realm)
	s.works.New = func() any { return new(work) }
	return s
}

// Realm gives the realm.
func (s *Server) Realm() string { return s.realm }

// Challenge gives the values of WWW-Authenticate or Proxy-Authenticate, a field each, in the order
// of the setting. onlyMD5 leaves out the others, if MD5 is offered at all; stale says that the
// answer was right and only its nonce is not (RFC 7616 §3.3).
func (s *Server) Challenge(source netip.Addr, onlyMD5, stale bool) []string {
	onlyMD5 = onlyMD5 && s.offers(MD5)
	var text [nonceLen]byte
	nonce := s.nonces.append(text[:0], time.Now(), source)
	list := make([]string, 0, len(s.offered))
	for _, a := range s.offered {
		if onlyMD5 && a != MD5 {
			continue
		}
		b := make([]byte, 0, 160)
		b = append(b, "Digest realm="...)
		b = append(b, sip.Quote(s.realm)...)
		b = append(b, `, nonce="`...)
		b = append(b, nonce...)
		b = append(b, `", algorithm=`...)
		b = append(b, a.String()...)
		b = append(b, `, qop="auth"`...)
		if stale {
			b = append(b, ", stale=true"...)
		}
		list = append(list, string(b))
	}
	return list
}

func (s *Server) offers(a Algorithm) bool {
	for _, b := range s.offered {
		if a == b {
			return true
		}
	}
	return false
}

// Check judges credentials, the value of one Authorization or Proxy-Authorization. user is the name
// that they claim, "" when none can be read; it is proved only by Accepted.
//
// An unknown user costs the same work as a known one with a wrong password, and gets the same
// verdict.
func (s *Server) Check(method sip.Method, requestURI, header string, source netip.Addr, lookup Lookup) (user string, r Result) {
	var f fields
	ok, bad := parseFields(header, &f)
	if !ok {
		return "", Missing
	}
	if bad || f.has&hasRealm == 0 {
		return f.username, Malformed
	}
	if f.realm != s.realm {
		return f.username, Missing
	}
	return f.username, s.judge(method, requestURI, &f, source, lookup)
}

func (s *Server) judge(method sip.Method, requestURI string, f *fields, source netip.Addr, lookup Lookup) Result {
	const need = hasUsername | hasNonce | hasURI | hasResponse | hasQop | hasNC | hasCnonce
	if f.has&need != need || f.username == "" || f.cnonce == "" || len(f.nc) != 8 || !isHex(f.nc) {
		return Malformed // without qop a replay could not be told (RFC 8760 §2.6 asks for qop too)
	}
	if f.qop != "auth" && !equalFold(f.qop, "auth") {
		return Malformed
	}
	alg := MD5 // what a missing algorithm means (RFC 7616 §3.4)
	if f.has&hasAlgorithm != 0 {
		alg = ParseAlgorithm(f.algorithm)
	}
	if alg == UnknownAlgorithm || !s.offers(alg) {
		return Wrong
	}
	if len(f.response) != alg.hexLen() || !isHex(f.response) {
		return Malformed
	}
	if !s.sameURI(f.uri, requestURI) {
		return Malformed // RFC 7616 §3.4.6: 400
	}

	ha1, known := lookup(f.username)
	secret := ha1.of(alg)
	if !known || len(secret) != alg.hexLen() {
		known, secret = false, s.dummy.of(alg)
	}
	w := s.works.Get().(*work)
	want := w.response(alg, secret, f.nonce, f.nc, f.cnonce, string(method), f.uri)
	right := equalHex(want, f.response)
	s.works.Put(w)
	// The nonce is read even after a wrong answer, so that time tells nothing.
	stamp, ours := s.nonces.stampOf(f.nonce, source)
	if !known || !right {
		return Wrong
	}
	age := time.Now().UnixMicro() - stamp
	if !ours || age > s.lifetime.Microseconds() || age < -time.Minute.Microseconds() {
		return Stale
	}
	nc := parseHex(f.nc)
	if nc == 0 {
		return Malformed
	}
	if !s.counts.use(stamp, nc) {
		return Stale
	}
	return Accepted
}

// equalHex compares in constant time; got may have upper-case digits.
func equalHex(want []byte, got string) bool {
	var lower [64]byte
	n := copy(lower[:], got)
	for i, c := range lower[:n] {
		if 'A' <= c && c <= 'F' {
			lower[i] = c + 'a' - 'A'
		}
	}
	return len(want) == len(got) && subtle.ConstantTimeCompare(want, lower[:n]) == 1
}

func parseHex(s string) (n uint32) {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		if c >= 'a' {
			c -= 'a' - '0' - 10
		}
		n = n<<4 | uint32(c-'0')
	}
	return n
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := 0; i < len(a); i++ {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

// sameURI reports whether the digest's uri names the same resource as the Request-URI (RFC 7616
// §3.4.6): the same user at the same host, or the host alone. Parameters and a port that only one of
// them has do not matter, since phones and proxies add and drop both.
func (s *Server) sameURI(uri, requestURI string) bool {
	if uri == requestURI {
		return true
	}
	a, err := sip.ParseURI(uri)
	if err != nil {
		return false
	}
	b, err := sip.ParseURI(requestURI)
	if err != nil {
		return false
	}
	if !a.IsSIP() || !b.IsSIP() {
		return a.Equal(b)
	}
	a.Password, a.Params, a.Headers, a.Scheme = "", "", "", "sip"
	b.Password, b.Params, b.Headers, b.Scheme = "", "", "", "sip"
	if a.User == "" {
		b.User = ""
		if s.ours != nil && s.ours(a.HostPort()) {
			return true
		}
	}
	if a.Port == 0 || b.Port == 0 {
		a.Port, b.Port = 0, 0
	}
	return a.Equal(b)
}
