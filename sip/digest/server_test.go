package digest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/sip"
)

var (
	loopback = netip.MustParseAddr("127.0.0.1")
	another  = netip.MustParseAddr("127.0.0.2")
)

const (
	realm    = "santral"
	password = "correct-horse"
	theURI   = "sip:santral.example:5060"
)

func house() Lookup {
	ha1 := NewHA1("101", realm, password)
	weak := NewHA1("102", realm, password)
	weak.SHA256, weak.SHA512_256 = "", ""
	return func(user string) (HA1, bool) {
		switch user {
		case "101":
			return ha1, true
		case "102":
			return weak, true
		}
		return HA1{}, false
	}
}

func server(algorithms ...Algorithm) *Server {
	return NewServer(Config{Realm: realm, Algorithms: algorithms, Random: id.New([32]byte{3})})
}

// answer builds credentials to a challenge, changed as a test wishes before they are printed; the
// response is computed over what the fields then say unless the test sets it.
type answer struct {
	user, password, realm, nonce, uri, method string
	alg                                       Algorithm
	algName, qop, nc, cnonce, response        string
}

func answerTo(challenge string) *answer {
	var f fields
	parseFields(challenge, &f)
	return &answer{user: "101", password: password, realm: f.realm, nonce: f.nonce, uri: theURI, method: "REGISTER",
		alg: ParseAlgorithm(f.algorithm), algName: f.algorithm, qop: "auth", nc: "00000001", cnonce: "0a4f113b"}
}

func (a *answer) String() string {
	r := a.response
	if r == "" {
		var w work
		nc := a.nc
		if a.qop == "" {
			nc = ""
		}
		r = string(w.response(a.alg, Hash(a.alg, a.user, a.realm, a.password), a.nonce, nc, a.cnonce, a.method, a.uri))
	}
	s := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s"`, a.user, a.realm, a.nonce, a.uri, strings.Trim(r, " "))
	if a.algName != "" {
		s += ", algorithm=" + a.algName
	}
	if a.qop != "" {
		s += fmt.Sprintf(`, qop=%s, nc=%s, cnonce="%s"`, a.qop, a.nc, a.cnonce)
	}
	return s
}

func TestCheckAccepts(t *testing.T) {
	for _, alg := range []Algorithm{MD5, SHA256, SHA512_256} {
		s := server(SHA512_256, SHA256, MD5)
		list := s.Challenge(loopback, false, false)
		i := slices.IndexFunc(list, func(c string) bool { return strings.Contains(c, "algorithm="+alg.String()+",") })
		if i < 0 {
			t.Fatal(list)
		}
		a := answerTo(list[i])
		for n := range 5 {
			a.nc = fmt.Sprintf("%08x", n+1)
			if user, r := s.Check("REGISTER", theURI, a.String(), loopback, house()); user != "101" || r != Accepted {
				t.Errorf("%v: %s %v", alg, user, r)
			}
		}
	}
	s := server(SHA256, MD5)
	for name, change := range map[string]func(*answer){
		"no algorithm is MD5":  func(a *answer) { a.algName = "" },
		"upper-case response":  func(a *answer) { a.response = strings.ToUpper(digestOf(a)) },
		"URI without port":     func(a *answer) { a.uri = "sip:santral.example" },
		"URI with parameters":  func(a *answer) { a.uri = "sip:SANTRAL.example:5060;transport=tcp" },
		"lower-case algorithm": func(a *answer) { a.algName = "md5" },
		"quoted qop":           func(a *answer) { a.qop = `"auth"` },
		"extra directive":      func(a *answer) { a.algName = `MD5, opaque="", x-any=1` },
	} {
		a := answerTo(s.Challenge(loopback, true, false)[0])
		change(a)
		if _, r := s.Check("REGISTER", theURI, a.String(), loopback, house()); r != Accepted {
			t.Errorf("%s: %v: %s", name, r, a)
		}
	}
}

func digestOf(a *answer) string {
	var f fields
	parseFields(a.String(), &f)
	return f.response
}

// Threat: digest tricks. None is accepted, whatever it is answered with.
func TestTricks(t *testing.T) {
	s := server(SHA256, MD5)
	for _, c := range []struct {
		name   string
		change func(*answer)
		want   Result
	}{
		{"wrong password", func(a *answer) { a.password = "wrong" }, Wrong},
		{"unknown user", func(a *answer) { a.user = "999" }, Wrong},
		{"empty user", func(a *answer) { a.user = "" }, Malformed},
		{"another realm", func(a *answer) { a.realm = "elsewhere" }, Missing},
		{"another realm hashed, ours claimed", func(a *answer) { a.realm = "elsewhere"; a.response = digestOf(a); a.realm = realm }, Wrong},
		{"another URI's host", func(a *answer) { a.uri = "sip:evil.example" }, Malformed},
		{"another URI's user", func(a *answer) { a.uri = "sip:102@santral.example:5060" }, Malformed},
		{"URI that is none", func(a *answer) { a.uri = "*" }, Malformed},
		{"another method", func(a *answer) { a.method = "INVITE" }, Wrong},
		{"SHA-256 claimed, MD5 given", func(a *answer) { a.algName = "SHA-256" }, Malformed},
		{"algorithm not offered", func(a *answer) { a.algName, a.alg = "SHA-512-256", SHA512_256 }, Wrong},
		{"algorithm unknown", func(a *answer) { a.algName = "SHA1" }, Wrong},
		{"MD5-sess", func(a *answer) { a.algName = "MD5-sess" }, Wrong},
		{"nonce invented", func(a *answer) { a.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093" }, Stale},
		{"nonce of our length invented", func(a *answer) { a.nonce = strings.Repeat("A", nonceLen) }, Stale},
		{"nonce altered", func(a *answer) { a.nonce = flip(a.nonce) }, Stale},
		{"nonce altered, old answer", func(a *answer) { a.response = digestOf(a); a.nonce = flip(a.nonce) }, Wrong},
		{"nonce empty", func(a *answer) { a.nonce = "" }, Stale},
		{"empty response", func(a *answer) { a.response = " " }, Malformed},
		{"short response", func(a *answer) { a.response = digestOf(a)[:31] }, Malformed},
		{"response of zeros", func(a *answer) { a.response = strings.Repeat("0", 32) }, Wrong},
		{"no qop", func(a *answer) { a.qop = "" }, Malformed},
		{"qop auth-int", func(a *answer) { a.qop = "auth-int" }, Malformed},
		{"nc zero", func(a *answer) { a.nc = "00000000" }, Malformed},
		{"nc short", func(a *answer) { a.nc = "1" }, Malformed},
		{"nc not hex", func(a *answer) { a.nc = "0000000g" }, Malformed},
		{"no cnonce", func(a *answer) { a.cnonce = "" }, Malformed},
		{"user that injects", func(a *answer) { a.user = `101", realm="` + realm }, Malformed},
	} {
		a := answerTo(s.Challenge(loopback, true, false)[0])
		c.change(a)
		if _, r := s.Check("REGISTER", theURI, a.String(), loopback, house()); r != c.want {
			t.Errorf("%s: %v, want %v: %s", c.name, r, c.want, a)
		}
	}
	for _, header := range []string{"", "Digest", "Digest ", `Basic dXNlcjpw`, `NoOneKnowsThisScheme opaque-data=here`, "Digestive x=y"} {
		if _, r := s.Check("REGISTER", theURI, header, loopback, house()); r != Missing && !(header == "Digest " && r == Malformed) {
			t.Errorf("%q: %v", header, r)
		}
	}
	good := answerTo(s.Challenge(loopback, true, false)[0]).String()
	for _, header := range []string{good + `, realm="santral"`, good + `, username="102"`, good[:len(good)-1], good + " x", strings.Replace(good, ", uri", " uri", 1)} {
		if _, r := s.Check("REGISTER", theURI, header, loopback, house()); r != Malformed {
			t.Errorf("%q: %v", header, r)
		}
	}
	// An account that keeps no hash for an algorithm is refused as if it did not exist.
	a := answerTo(s.Challenge(loopback, false, false)[0])
	a.user = "102"
	if _, r := s.Check("REGISTER", theURI, a.String(), loopback, house()); r != Wrong {
		t.Error(r)
	}
}

func flip(s string) string {
	b := []byte(s)
	if b[3] == 'A' {
		b[3] = 'B'
	} else {
		b[3] = 'A'
	}
	return string(b)
}

// Threat: replay. A count is good once, in any order; from another address never; after its life or
// a restart not.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server()
		a := answerTo(s.Challenge(loopback, false, false)[0])
		check := func(nc string, from netip.Addr, want Result) {
			t.Helper()
			a.nc = nc
			if _, r := s.Check("REGISTER", theURI, a.String(), from, house()); r != want {
				t.Errorf("nc %s from %v: %v, want %v", nc, from, r, want)
			}
		}
		check("00000001", another, Stale)
		check("00000001", loopback, Accepted)
		check("00000001", loopback, Stale)
		check("00000001", another, Stale)
		check("00000002", loopback, Accepted)
		check("00000005", loopback, Accepted)
		check("00000004", loopback, Accepted)
		check("00000004", loopback, Stale)
		check("00000002", loopback, Stale)
		check("00000003", loopback, Accepted)
		check("0000ffff", loopback, Accepted)
		check("00000006", loopback, Stale)
		check("0000FFFE", loopback, Accepted)
		check("0000fffe", loopback, Stale)
		check("ffffffff", loopback, Accepted)
		check("ffffffff", loopback, Stale)

		a = answerTo(s.Challenge(loopback, false, false)[0])
		time.Sleep(10*time.Minute + time.Second)
		check("00000001", loopback, Stale)

		// The same key, as a process that takes over has it: what was used before is not good again.
		cfg := Config{Realm: realm, Key: [32]byte{9}}
		s = NewServer(cfg)
		a = answerTo(s.Challenge(loopback, false, false)[0])
		check("00000001", loopback, Accepted)
		time.Sleep(time.Millisecond)
		s = NewServer(cfg)
		check("00000001", loopback, Stale)
		check("00000002", loopback, Stale)
		a = answerTo(s.Challenge(loopback, false, true)[0])
		check("00000001", loopback, Accepted)
	})
}

func TestNoncesDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time stands still
		s := server()
		seen := map[string]bool{}
		for range 1000 {
			list := s.Challenge(loopback, false, false)
			a, b := answerTo(list[0]).nonce, answerTo(list[1]).nonce
			if a != b || seen[a] || len(a) != nonceLen {
				t.Fatal(list)
			}
			seen[a] = true
		}
	})
}

// Memory is bounded, and what falls out of it cannot be replayed.
func TestCountsAreBounded(t *testing.T) {
	s := NewServer(Config{Realm: realm, Algorithms: []Algorithm{MD5}, Counts: 10})
	var used []string
	for range 100 {
		a := answerTo(s.Challenge(loopback, false, false)[0]).String()
		if _, r := s.Check("REGISTER", theURI, a, loopback, house()); r != Accepted {
			t.Fatal(r)
		}
		used = append(used, a)
		if n := s.counts.size(); n > 20 {
			t.Fatal(n)
		}
	}
	for _, a := range used {
		if _, r := s.Check("REGISTER", theURI, a, loopback, house()); r != Stale {
			t.Fatal(r)
		}
	}
	// Wrong answers leave nothing behind.
	n := s.counts.size()
	for range 100 {
		a := answerTo(s.Challenge(loopback, false, false)[0])
		a.password = "wrong"
		s.Check("REGISTER", theURI, a.String(), loopback, house())
	}
	if s.counts.size() != n {
		t.Error("wrong answers are remembered")
	}
}

func TestChallenge(t *testing.T) {
	s := server(SHA256, MD5)
	list := s.Challenge(loopback, false, false)
	if len(list) != 2 || !strings.HasPrefix(list[0], `Digest realm="santral", nonce="`) || !strings.HasSuffix(list[0], `", algorithm=SHA-256, qop="auth"`) || !strings.HasSuffix(list[1], `", algorithm=MD5, qop="auth"`) {
		t.Error(list)
	}
	if list = s.Challenge(loopback, true, true); len(list) != 1 || !strings.HasSuffix(list[0], `algorithm=MD5, qop="auth", stale=true`) {
		t.Error(list)
	}
	if list = server(SHA256).Challenge(loopback, true, false); len(list) != 1 || !strings.Contains(list[0], "SHA-256") {
		t.Error("MD5 offered where the realm does not allow it")
	}
}

// SIPp writes its peer's address as the digest's URI, whatever the Request-URI.
func TestURIOfTheServer(t *testing.T) {
	ours := func(h sip.HostPort) bool { return h == sip.HostPort{Host: "127.0.0.1", Port: 5060} }
	s := NewServer(Config{Realm: realm, Algorithms: []Algorithm{MD5}, Ours: ours})
	for uri, want := range map[string]Result{"sip:127.0.0.1:5060": Accepted, "sip:127.0.0.1:5061": Malformed, "sip:santral.example": Accepted, "sip:101@127.0.0.1:5060": Malformed} {
		a := answerTo(s.Challenge(loopback, false, false)[0])
		a.uri, a.method = uri, "INVITE"
		if _, r := s.Check("INVITE", "sip:102@santral.example:5060", a.String(), loopback, house()); r != want {
			t.Errorf("%s: %v", uri, r)
		}
	}
}

// phone sends requests as one client.
type phone struct {
	flow   sip.Flow
	agent  string
	user   string
	callID string
	seq    int
}

func newPhone(port uint16, agent, user string) *phone {
	return &phone{sip.Flow{Transport: sip.UDP, Remote: netip.AddrPortFrom(loopback, port)}, agent, user, "call-" + user, 0}
}

func (p *phone) request(credentials string) *sip.Message {
	p.seq++
	m := sip.NewRequest("REGISTER", theURI)
	m.Add(sip.From, "<sip:"+p.user+"@santral.example>;tag=1")
	m.Add(sip.CallID, p.callID)
	m.Add(sip.CSeqKind, fmt.Sprintf("%d REGISTER", p.seq))
	m.Add(sip.UserAgent, p.agent)
	if credentials != "" {
		m.Add(sip.Authorization, credentials)
	}
	return m
}

func algorithmsOf(list []string) string {
	var out []string
	for _, c := range list {
		out = append(out, answerTo(c).algName)
	}
	return strings.Join(out, " ")
}

func TestFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server(SHA256, MD5)
		try := func(p *phone, credentials string, want Result, offered string) []string {
			t.Helper()
			_, r, list := s.Authenticate(p.request(credentials), sip.Authorization, p.flow, house())
			if r != want || algorithmsOf(list) != offered {
				t.Errorf("%s %s: %v %q, want %v %q", p.agent, p.user, r, algorithmsOf(list), want, offered)
			}
			return list
		}
		answerWith := func(list []string, user string) string {
			a := answerTo(list[len(list)-1])
			a.user = user
			return a.String()
		}

		// A telephone that understands answers, and is always offered all.
		good := newPhone(5060, "Good", "101")
		for range 3 {
			list := try(good, "", Missing, "SHA-256 MD5")
			try(good, answerTo(list[0]).String(), Accepted, "")
		}

		// baresip gives up and comes back half a minute later; from then on MD5 alone, for its calls too.
		bare := newPhone(5070, "baresip v1.0.0", "101")
		try(bare, "", Missing, "SHA-256 MD5")
		bare.seq-- // the 401 was lost: the same request again is no return
		try(bare, "", Missing, "SHA-256 MD5")
		time.Sleep(45 * time.Second)
		list := try(bare, "", Missing, "MD5")
		try(bare, answerWith(list, "101"), Accepted, "")
		bare.callID = "an INVITE's"
		list = try(bare, "", Missing, "MD5")
		try(bare, answerWith(list, "101"), Accepted, "")
		time.Sleep(24 * time.Hour)
		try(bare, "", Missing, "MD5")

		// A user that does not exist is treated alike, step by step.
		for _, user := range []string{"101", "nobody"} {
			p := newPhone(5080, "scanner", user)
			try(p, "", Missing, "SHA-256 MD5")
			list := try(p, "", Missing, "MD5")
			a := answerTo(list[0])
			a.user, a.password = user, "guess"
			try(p, a.String(), Wrong, "MD5")
			time.Sleep(patience + 2*time.Second)
			try(p, "", Missing, "SHA-256 MD5")
		}

		// One that can do both stays offered both, even if it once was too quick to ask again.
		quick := newPhone(5090, "Quick", "101")
		list = try(quick, "", Missing, "SHA-256 MD5")
		try(quick, answerTo(list[0]).String(), Accepted, "")
		try(quick, "", Missing, "SHA-256 MD5")
		list = try(quick, "", Missing, "MD5")
		try(quick, answerWith(list, "101"), Accepted, "")
		try(quick, "", Missing, "SHA-256 MD5")

		// Where the realm does not allow MD5 there is nothing to fall back to.
		s = server(SHA512_256, SHA256)
		p := newPhone(5060, "x", "101")
		for range 3 {
			try(p, "", Missing, "SHA-512-256 SHA-256")
		}
	})
}

func TestClientsAreBounded(t *testing.T) {
	s := NewServer(Config{Realm: realm, Clients: 50})
	for i := range 10000 {
		p := newPhone(uint16(i), fmt.Sprint(i%7), fmt.Sprint(i))
		s.Authenticate(p.request(""), sip.Authorization, p.flow, house())
		if n := s.clients.size(); n > 4*50 {
			t.Fatal(n)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	s := server(SHA256, MD5)
	p := newPhone(5060, "x", "101")
	// Credentials for others on the way do not hide ours.
	m := p.request(`Digest username="101", realm="elsewhere", nonce="n", uri="sip:x", response="0"`)
	m.Add(sip.Authorization, answerTo(s.Challenge(loopback, false, false)[0]).String())
	if user, r, list := s.Authenticate(m, sip.Authorization, p.flow, house()); user != "101" || r != Accepted || list != nil {
		t.Error(user, r, list)
	}
	if _, r, list := s.Authenticate(m, sip.Authorization, p.flow, house()); r != Stale || len(list) != 2 || !strings.HasSuffix(list[0], "stale=true") {
		t.Error(r, list)
	}
	m.Set(sip.Authorization, `Digest username="101", realm="santral"`)
	if _, r, list := s.Authenticate(m, sip.Authorization, p.flow, house()); r != Malformed || list != nil {
		t.Error(r, list)
	}
}

// Threat: enumeration. The work for a user that does not exist is the work for one that does: the
// same look-up, the same hashes.
func TestUnknownUserCostsTheSame(t *testing.T) {
	s := server(SHA256)
	lookups := 0
	lookup := func(user string) (HA1, bool) {
		lookups++
		return house()(user)
	}
	header := func(user string) string {
		a := answerTo(s.Challenge(loopback, false, false)[0])
		a.user, a.password = user, "guess"
		return a.String()
	}
	known, unknown := header("101"), header("999")
	for _, h := range []string{known, unknown} {
		if _, r := s.Check("REGISTER", theURI, h, loopback, lookup); r != Wrong {
			t.Error(r)
		}
	}
	if lookups != 2 {
		t.Error(lookups)
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, alg := range []Algorithm{MD5, SHA256} {
		b.Run(alg.String(), func(b *testing.B) {
			s := server(alg)
			a := answerTo(s.Challenge(loopback, false, false)[0]).String()
			ha1 := NewHA1("101", realm, password)
			lookup := func(string) (HA1, bool) { return ha1, true }
			b.ReportAllocs()
			for b.Loop() {
				s.Check("REGISTER", theURI, a, loopback, lookup) // all but the first are replays: the whole way
			}
		})
	}
}

func BenchmarkChallenge(b *testing.B) {
	s := server(SHA256, MD5)
	b.ReportAllocs()
	for b.Loop() {
		s.Challenge(loopback, false, false)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	s := server(SHA256, MD5)
	p := newPhone(5060, "x", "101")
	m := p.request(answerTo(s.Challenge(loopback, false, false)[0]).String())
	ha1 := NewHA1("101", realm, password)
	lookup := func(string) (HA1, bool) { return ha1, true }
	b.ReportAllocs()
	for b.Loop() {
		s.Authenticate(m, sip.Authorization, p.flow, lookup)
	}
}
