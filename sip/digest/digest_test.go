package digest

import (
	"fmt"
	"strings"
	"testing"

	"santral/base/id"
)

// The examples of RFC 7616 §3.9.1, and the one of RFC 2617 §3.5 that everybody has tested with.
func TestPublishedExamples(t *testing.T) {
	const nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	for _, c := range []struct {
		alg                                                   Algorithm
		user, realm, password, nonce, cnonce, uri, want, note string
	}{
		{MD5, "Mufasa", "http-auth@example.org", "Circle of Life", nonce, cnonce, "/dir/index.html", "8ca523f5e9506fed4657c9700eebdbec", "RFC 7616 §3.9.1"},
		{SHA256, "Mufasa", "http-auth@example.org", "Circle of Life", nonce, cnonce, "/dir/index.html", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", "RFC 7616 §3.9.1"},
		// The example of RFC 7616 §3.9.2 was made with a cut SHA-512; this is what its input really gives.
		{SHA512_256, "J\u00e4s\u00f8n Doe", "api@example.org", "Secret, or not?", "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm", "/doe.json", "7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c", "RFC 7616 §3.9.2"},
		{MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "/dir/index.html", "6629fae49393a05397450978507c4ef1", "RFC 2617 §3.5"},
	} {
		var w work
		got := string(w.response(c.alg, Hash(c.alg, c.user, c.realm, c.password), c.nonce, "00000001", c.cnonce, "GET", c.uri))
		if got != c.want {
			t.Errorf("%s %v: %s, want %s", c.note, c.alg, got, c.want)
		}
	}
	// The hash of nothing (FIPS 180-4).
	if got := string(SHA512_256.appendHash(nil, nil)); got != "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a" {
		t.Error(got)
	}
}

func TestAlgorithms(t *testing.T) {
	list, err := ParseAlgorithms("sha512-256, SHA-256,md5")
	if err != nil || fmt.Sprint(list) != "[SHA-512-256 SHA-256 MD5]" {
		t.Error(list, err)
	}
	for _, bad := range []string{"", "sha1", "md5,md5", "md5,"} {
		if list, err := ParseAlgorithms(bad); err == nil {
			t.Errorf("%q: %v", bad, list)
		}
	}
	h := NewHA1("u", "r", "p")
	if g := HA1From(map[string]string{"MD5": strings.ToUpper(h.MD5), "SHA-256": h.SHA256, "sha512-256": h.SHA512_256, "x": "y"}); g != h {
		t.Error("HA1From")
	}
	if s := fmt.Sprintf("%v %s %+v %#v", h, h, h, h); strings.Contains(s, h.MD5) {
		t.Errorf("a secret shows: %s", s)
	}
}

func TestAnswer(t *testing.T) {
	st := ClientState{Random: id.New([32]byte{1})}
	md5c := `Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"`
	sha := `Digest realm="r", nonce="n1", algorithm=SHA-256, qop="auth,auth-int", opaque="o\"p"`
	h, err := Answer([]string{md5c, `Basic realm="r"`, sha, `Digest realm="r", nonce="n", algorithm=AKAv1-MD5`}, `a"b`, "p", "INVITE", "sip:x@y", &st)
	if err != nil {
		t.Fatal(err)
	}
	var f fields
	if ok, bad := parseFields(h, &f); !ok || bad {
		t.Fatal(h)
	}
	if f.username != `a"b` || f.algorithm != "SHA-256" || f.nc != "00000001" || f.qop != "auth" || f.opaque != `o"p` || f.uri != "sip:x@y" || len(f.response) != 64 || len(f.cnonce) != 16 {
		t.Errorf("%s", h)
	}
	if h, ok := st.Again("a", "p", "BYE", "sip:x@y"); !ok || !strings.Contains(h, "nc=00000002") {
		t.Error(h)
	}
	if _, err := Answer([]string{sha}, "a", "p", "INVITE", "sip:x@y", &st); err == nil {
		t.Error("the same challenge was answered twice")
	}
	if h, err := Answer([]string{sha + ", stale=TRUE"}, "a", "p", "INVITE", "sip:x@y", &st); err != nil || !strings.Contains(h, "nc=00000001") {
		t.Error(h, err)
	}
	// Without qop: the form of RFC 2069. With -sess: a key for the session.
	st = ClientState{}
	h, err = Answer([]string{`Digest realm="r",nonce="n"`}, "a", "p", "INVITE", "sip:x@y", &st)
	if want := `Digest username="a", realm="r", nonce="n", uri="sip:x@y", response="` + md5hex(md5hex("a:r:p")+":n:"+md5hex("INVITE:sip:x@y")) + `"`; err != nil || h != want {
		t.Errorf("%s, want %s", h, want)
	}
	st = ClientState{}
	h, err = Answer([]string{`Digest realm="r",nonce="n",algorithm=MD5-sess,qop=auth`}, "a", "p", "INVITE", "sip:x@y", &st)
	f = fields{}
	parseFields(h, &f)
	if want := md5hex(md5hex(md5hex("a:r:p")+":n:"+f.cnonce) + ":n:00000001:" + f.cnonce + ":auth:" + md5hex("INVITE:sip:x@y")); err != nil || f.response != want || f.algorithm != "MD5-sess" {
		t.Errorf("%s, want %s", h, want)
	}
	for _, c := range []string{"", "Digest", `Digest realm="r"`, `Digest nonce="n"`, `Digest realm="r", nonce="n", qop="auth-int"`, `Digest realm="r", nonce="n", algorithm=X`, `Digest realm="r, nonce="n"`, `Digest realm="r", realm="r", nonce="n"`, `Digest realm="r", nonce="n", algorithm=MD5-sess`} {
		if h, err := Answer([]string{c}, "a", "p", "INVITE", "sip:x@y", new(ClientState)); err == nil {
			t.Errorf("%s: %s", c, h)
		}
	}
	if _, ok := new(ClientState).Again("a", "p", "BYE", "x"); ok {
		t.Error("Again without a challenge")
	}
}

func md5hex(s string) string { return string(MD5.appendHash(nil, []byte(s))) }

// FuzzCredentials asserts that no text breaks the reader, and that nothing but the right answer is
// accepted.
func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="101", realm="r", nonce="n", uri="sip:a", response="00000000000000000000000000000000", algorithm=MD5, cnonce="c", qop=auth, nc=00000001`)
	f.Add(`Digest a=b,,c="d\"e" , f = g`)
	f.Add(`Basic x`)
	s := NewServer(Config{Realm: "r", Random: id.New([32]byte{2})})
	f.Fuzz(func(t *testing.T, text string) {
		_, r := s.Check("REGISTER", "sip:a", text, loopback, func(string) (HA1, bool) { return NewHA1("101", "r", "p"), true })
		if r == Accepted || r == UnknownResult {
			t.Fatalf("%v: %q", r, text)
		}
		var st ClientState
		if h, err := Answer([]string{text}, "101", "p", "REGISTER", "sip:a", &st); err == nil {
			var f fields
			if ok, bad := parseFields(h, &f); !ok || bad {
				t.Fatalf("%q answered with %q", text, h)
			}
		}
	})
}

// A client that knows only hashes answers as one that knows the password, and only what it has a hash for.
func TestAnswerByHashes(t *testing.T) {
	challenges := []string{`Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256`, `Digest realm="r", nonce="n", qop="auth", algorithm=MD5`}
	random := func() *id.Source { return id.New([32]byte{1}) }
	want, err := Answer(challenges[1:], "u", "p", "INVITE", "sip:x", &ClientState{Random: random()})
	if err != nil {
		t.Fatal(err)
	}
	state := &ClientState{Random: random(), HA1: map[string]string{"MD5": Hash(MD5, "u", "r", "p")}}
	if got, err := Answer(challenges, "u", "", "INVITE", "sip:x", state); err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
	if _, err := Answer(challenges[:1], "u", "", "INVITE", "sip:x", state); err == nil {
		t.Error("a hash that is not known was found")
	}
	if RealmOf(challenges[0]) != "r" || RealmOf("Basic realm=x") != "" || IsStale(challenges[0]) || !IsStale(challenges[0]+", stale=TRUE") {
		t.Error("what a challenge says is misread")
	}
}
