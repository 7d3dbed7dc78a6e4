package transaction

import (
	"encoding/json"
	"strings"
	"testing"

	"santral/base/id"
	"santral/sip"
)

const invite = "INVITE sip:bob@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bKnashds8;rport\r\n" +
	"Via: SIP/2.0/UDP other;branch=z9hG4bKother\r\n" +
	"Max-Forwards: 70\r\nTo: Bob <sip:bob@example.com>\r\n" +
	"From: Alice <sip:alice@example.com>;tag=1928301774\r\n" +
	"Call-ID: a84b4c76e66710@pc33\r\nCSeq: 314159 INVITE\r\nContent-Length: 0\r\n\r\n"

func server(t testing.TB, h Hasher, text string) Key {
	t.Helper()
	m, err := sip.ParseMessage(text)
	if err != nil {
		t.Fatal(err)
	}
	method := m.Method
	if method == sip.CANCEL {
		method = sip.INVITE
	}
	k, marked := h.Server(m, method)
	if marked != strings.Contains(text[:strings.Index(text, "\r\nVia: SIP/2.0/UDP other")], "z9hG4bKn") {
		t.Errorf("marked is %v:\n%s", marked, text)
	}
	return k
}

// RFC 3261 §17.2.3: which requests belong to one transaction and which do not.
func TestServerKey(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	same := server(t, h, invite)
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(invite) }
	for name, text := range map[string]string{
		"a copy":                  invite,
		"its ACK":                 change("INVITE", "ACK", "To: Bob <sip:bob@example.com>", "To: Bob <sip:bob@example.com>;tag=x"),
		"its CANCEL":              change("INVITE", "CANCEL"),
		"stamped on its way":      change(";rport", ";received=192.0.2.1;rport=9"),
		"another display name":    change("Alice", "Anonymous"),
		"other lower Via headers": change("z9hG4bKother", "z9hG4bKsecond"),
	} {
		if server(t, h, text) != same {
			t.Errorf("%s: another key", name)
		}
	}
	for name, text := range map[string]string{
		"another branch": change("nashds8", "nashds9"),
		"another host":   change("pc33.example.com:5066", "pc34.example.com:5066"),
		"another port":   change(":5066", ":5067"),
		"another method": change("INVITE", "OPTIONS"),
		"another number": change("314159", "314160"),
		"another call":   change("a84b4c76e66710", "b84b4c76e66710"),
	} {
		if server(t, h, text) == same {
			t.Errorf("%s: the same key", name)
		}
	}
	if server(t, NewHasher(id.New([32]byte{2})), invite) == same {
		t.Error("another secret: the same key")
	}
}

// The rules for clients of RFC 2543, whose branch says nothing.
func TestOldServerKey(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	old := strings.Replace(invite, ";branch=z9hG4bKnashds8;rport", "", 1)
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(old) }
	same := server(t, h, old)
	for name, text := range map[string]string{
		"a copy":     old,
		"its ACK":    change("INVITE", "ACK", "To: Bob <sip:bob@example.com>", "To: Bob <sip:bob@example.com>;tag=x"),
		"its CANCEL": change("INVITE", "CANCEL"),
	} {
		if server(t, h, text) != same {
			t.Errorf("%s: another key", name)
		}
	}
	for name, text := range map[string]string{
		"a bare cookie":       change("SIP/2.0/UDP pc33.example.com:5066", "SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bK"),
		"another Request-URI": change("INVITE sip:bob@example.com", "INVITE sip:bob@example.org"),
		"another From tag":    change("1928301774", "1928301775"),
		"another call":        change("a84b4c76e66710", "b84b4c76e66710"),
		"another number":      change("314159", "314160"),
		"another Via":         change("pc33.example.com:5066", "pc34.example.com:5066"),
		"another method":      change("INVITE", "OPTIONS"),
	} {
		if server(t, h, text) == same {
			t.Errorf("%s: the same key", name)
		}
	}
}

// The quick reading of the topmost Via agrees with the parser's, however it is written.
func TestTopVia(t *testing.T) {
	for _, via := range []string{
		"SIP/2.0/UDP h:5060;branch=z9hG4bK1", "SIP/2.0/UDP h:5060;rport;branch=z9hG4bK1;received=192.0.2.1",
		"SIP/2.0/UDP h;Branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2", "SIP/2.0/UDP h;branch=z9hG4bK1,SIP/2.0/UDP b",
		"SIP/2.0/UDP h, SIP/2.0/UDP b;branch=z9hG4bK2", "SIP / 2.0 / UDP h : 5060 ; branch = z9hG4bK1",
		"SIP/2.0/UDP h;branch=z9hG4bK1 ;x", "SIP/2.0/UDP h;x=\";branch=z9hG4bK9\";branch=z9hG4bK1", "SIP/2.0/UDP h",
		"SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1", "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;branched=z9hG4bK2;branch=z9hG4bK1",
	} {
		m, err := sip.ParseMessage(strings.Replace(invite, "SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bKnashds8;rport", via, 1))
		if err != nil {
			t.Fatalf("%s: %v", via, err)
		}
		v, _ := m.Via()
		sentBy, branch := TopVia(m)
		if sentBy != v.SentBy().String() || branch != v.Branch() {
			t.Errorf("%s: %q %q, want %q %q", via, sentBy, branch, v.SentBy(), v.Branch())
		}
	}
	if s, b := TopVia(sip.NewRequest(sip.INVITE, "sip:x")); s != "" || b != "" {
		t.Errorf("%q %q without a Via", s, b)
	}
}

func TestKeysOfDifferentSortsDiffer(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	seen := map[Key]string{}
	for name, k := range map[string]Key{
		"client":     h.Client("z9hG4bKa", sip.INVITE),
		"cancel":     h.Client("z9hG4bKa", sip.CANCEL),
		"dialog":     h.Dialog("a", "b", "c"),
		"moved":      h.Dialog("a", "bc", ""),
		"half":       h.Dialog("a", "b", ""),
		"long":       h.Dialog("a", "b", "c0123456789"),
		"turned":     h.Dialog("a", "c", "b"),
		"with a nul": h.Dialog("a", "b", "c\x00"),
		"empty":      h.Dialog("", "", ""),
	} {
		if other, ok := seen[k]; ok {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[k] = name
	}
}

func TestManyKeysNeverMeet(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	r := id.New([32]byte{9})
	seen := map[uint64]bool{}
	for i := range 200000 {
		d := h.Dialog("call", r.Token(14+i%8), "")
		if seen[d.Hi] || seen[d.Lo] {
			t.Fatal("two keys share a half")
		}
		seen[d.Hi], seen[d.Lo] = true, true
	}
}

func TestShardsShareAlike(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	r := id.New([32]byte{9})
	var n [4]int
	for range 40000 {
		n[h.Call(r.Token(20)+"@192.0.2.1")%4]++
	}
	for i, c := range n {
		if c < 9500 || c > 10500 {
			t.Errorf("shard %d has %d of 40,000", i, c)
		}
	}
}

func TestHasherIsData(t *testing.T) {
	h := NewHasher(id.New([32]byte{1}))
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var again Hasher
	if err := json.Unmarshal(b, &again); err != nil || again != h {
		t.Fatalf("%v: %v, want %v", err, again, h)
	}
}

func BenchmarkServerKey(b *testing.B) {
	h := NewHasher(id.New([32]byte{1}))
	m, _ := sip.ParseMessage(invite)
	b.ReportAllocs()
	for b.Loop() {
		h.Server(m, m.Method)
	}
}
