package dtls

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// end is one end of a handshake.
type end struct {
	gate *Gate
	a    atomic.Pointer[Association]
	keys Keys
	err  error
	done chan struct{}

	mu   sync.Mutex
	sent [][]byte
	lose func(n int, b []byte) bool // whether the nth datagram is lost
	n    int
}

func newEnd(t *testing.T) *end {
	t.Helper()
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return &end{gate: &Gate{Identity: id}, done: make(chan struct{})}
}

func vouch(t *testing.T, e *end) []Fingerprint {
	t.Helper()
	f, err := ParseFingerprint(e.gate.Identity.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	return []Fingerprint{f}
}

// begin has e shake hands with other over a wire that takes a while.
func (e *end) begin(t *testing.T, other *end, client bool, peer []Fingerprint) {
	t.Helper()
	a, err := e.gate.Begin(Config{Client: client, Peer: peer, Done: func(k Keys, err error) {
		e.keys, e.err = k, err
		close(e.done)
	}, Send: func(b []byte) bool {
		e.mu.Lock()
		e.n++
		lost := e.lose != nil && e.lose(e.n, b)
		e.sent = append(e.sent, append([]byte(nil), b...))
		e.mu.Unlock()
		if lost {
			return true
		}
		b = append([]byte(nil), b...)
		time.AfterFunc(10*time.Millisecond, func() {
			if a := other.a.Load(); a != nil {
				a.Packet(b)
			}
		})
		return true
	}})
	if err != nil {
		t.Fatal(err)
	}
	e.a.Store(a)
}

func agree(t *testing.T, server, client *end) {
	t.Helper()
	<-server.done
	<-client.done
	if server.err != nil || client.err != nil {
		t.Fatalf("server: %v; client: %v", server.err, client.err)
	}
	if !bytes.Equal(server.keys.In.Master, client.keys.Out.Master) || !bytes.Equal(server.keys.Out.Master, client.keys.In.Master) ||
		server.keys.In.Suite != client.keys.Out.Suite || bytes.Equal(server.keys.In.Master, server.keys.Out.Master) {
		t.Error("the two sides have different keys")
	}
	key, salt := server.keys.In.Suite.Sizes()
	if len(server.keys.In.Master) != key+salt || server.keys.In.Suite.String() != "AEAD_AES_128_GCM" {
		t.Errorf("%d octets for %s", len(server.keys.In.Master), server.keys.In.Suite)
	}
}

func close2(a, b *end) {
	a.a.Load().Close()
	b.a.Load().Close()
	a.gate.Wait()
	b.gate.Wait()
}

// Both sides end with the same keys, whatever of each flight is lost once.
func TestHandshake(t *testing.T) {
	for lost := range 8 {
		synctest.Test(t, func(t *testing.T) {
			s, c := newEnd(t), newEnd(t)
			if lost > 0 {
				s.lose = func(n int, _ []byte) bool { return n == lost }
				c.lose = func(n int, _ []byte) bool { return n == lost+1 }
			}
			s.begin(t, c, false, vouch(t, c))
			c.begin(t, s, true, vouch(t, s))
			agree(t, s, c)
			close2(s, c)
		})
	}
}

// When the last flight of a server is lost the client asks for it again, and gets it though the handshake is over.
func TestLastFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newEnd(t), newEnd(t)
		after := 0
		s.lose = func(n int, b []byte) bool {
			if b[0] == 20 { // change cipher spec begins it
				after++
			}
			return b[0] == 20 && after <= 2
		}
		s.begin(t, c, false, vouch(t, c))
		c.begin(t, s, true, vouch(t, s))
		agree(t, s, c)
		if after < 3 {
			t.Errorf("the last flight was sent %d times", after)
		}
		for range 1000 { // and nobody can have it sent without end
			s.a.Load().Packet(append([]byte{22, 254, 253}, make([]byte, 20)...))
			time.Sleep(10 * time.Millisecond)
		}
		if after > againMost+3 {
			t.Errorf("the last flight was sent %d times", after)
		}
		close2(s, c)
	})
}

// A certificate that the description does not vouch for ends the handshake on the side that looks.
func TestAnotherCertificate(t *testing.T) {
	for _, client := range [...]bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s, c, thief := newEnd(t), newEnd(t), newEnd(t)
			who := [2][]Fingerprint{vouch(t, c), vouch(t, s)}
			looks := s
			if client {
				who[1], looks = vouch(t, thief), c
			} else {
				who[0] = vouch(t, thief)
			}
			s.begin(t, c, false, who[0])
			c.begin(t, s, true, who[1])
			<-looks.done
			if looks.err == nil || !strings.Contains(looks.err.Error(), errNobody.Error()) || looks.keys.In.Master != nil {
				t.Errorf("%v", looks.err)
			}
			close2(s, c)
		})
	}
}

// A handshake that nobody answers ends, and one above the limit does not begin.
func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newEnd(t), newEnd(t)
		s.gate.Most = 1
		s.begin(t, c, false, vouch(t, c))
		if _, err := s.gate.Begin(Config{}); !errors.Is(err, ErrBusy) {
			t.Errorf("%v", err)
		}
		for range 1000 { // what arrives is bounded and does no harm
			s.a.Load().Packet(append([]byte{22, 254, 253}, make([]byte, 20)...))
		}
		begun := time.Now()
		<-s.done
		if s.err == nil || time.Since(begun) > timeLimit+time.Second {
			t.Errorf("%v after %s", s.err, time.Since(begun))
		}
		if st := s.gate.Stats(); st.Busy != 0 || st.Failed != 1 || st.Refused != 1 {
			t.Errorf("%+v", st)
		}
		s.gate.Wait()
	})
}

func TestFingerprints(t *testing.T) {
	id, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	der := id.cert.Certificate[0]
	good, err := ParseFingerprint(id.Fingerprint())
	if err != nil || good.String() != id.Fingerprint() {
		t.Fatalf("%v: %s", err, good)
	}
	text, err := id.PEM()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ReadIdentity(text); err != nil || again.Fingerprint() != id.Fingerprint() {
		t.Errorf("%v: the identity came back as another", err)
	}
	if _, err := ReadIdentity(text[:len(text)/2]); err == nil {
		t.Error("half an identity was taken")
	}
	lower, err := ParseFingerprint(strings.ToLower(id.Fingerprint()))
	if err != nil || !vouched(der, []Fingerprint{lower}) {
		t.Errorf("%v: lower case", err)
	}
	sum := sha1.Sum(der)
	old := Fingerprint{Hash: "sha-1", Sum: sum[:]}
	bad := Fingerprint{Hash: "sha-256", Sum: make([]byte, 32)}
	for name, c := range map[string]struct {
		list []Fingerprint
		want bool
	}{
		"none":                      {nil, false},
		"sha-1 alone":               {[]Fingerprint{old}, true},
		"one of two":                {[]Fingerprint{bad, good}, true},
		"the stronger one is wrong": {[]Fingerprint{old, bad}, false},
	} {
		if vouched(der, c.list) != c.want {
			t.Errorf("%s: not %v", name, c.want)
		}
	}
	for _, text := range []string{"", "sha-256", "sha-256 AB", "md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF", "sha-256 " + strings.Repeat("zz:", 32)} {
		if _, err := ParseFingerprint(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
