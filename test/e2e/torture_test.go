package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// tortureMessage is one of RFC 4475 or RFC 5118 with the statuses that it may get; "-" for one that is
// as good as any other.
type tortureMessage struct {
	name, text string
	answers    []string
}

func tortureMessages(t testing.TB) (list []tortureMessage) {
	t.Helper()
	const folder = "../../sip/testdata/torture/"
	table, err := os.ReadFile(folder + "verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		text, err := os.ReadFile(folder + f[0] + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, tortureMessage{f[0], string(text), strings.Split(f[4], ",")})
	}
	return list
}

// healthy fails the test unless the exchange answers OPTIONS and registers an account within limit
// in all, and is still the same process.
func healthy(t testing.TB, x *phone.Exchange, limit time.Duration) {
	t.Helper()
	began := time.Now()
	a := x.UDP(t, "127.0.0.77").Agent("105")
	if m := a.Transact(a.Request("OPTIONS", a.URI("")), limit); m.Status() != 200 {
		t.Errorf("OPTIONS afterwards: %.80q", m.Text)
	}
	a.Register()
	if took := time.Since(began); took > limit {
		t.Errorf("OPTIONS and REGISTER took %v, want at most %v", took, limit)
	}
	if !x.Alive() {
		t.Fatalf("the exchange is dead:\n%s", x.Out)
	}
	a.Close()
}

// settles fails the test unless memory comes down to at most a bound above what it was.
func settles(t testing.TB, x *phone.Exchange, before, bound int64, limit time.Duration) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for x.Resident()-before > bound {
		if time.Now().After(deadline) {
			t.Errorf("memory is %d MiB above its beginning after %v, want at most %d", (x.Resident()-before)>>20, limit, bound>>20)
			return
		}
		time.Sleep(200 * time.Millisecond) // there is no event for memory that is given back
	}
	t.Logf("memory is %d MiB above its beginning", (x.Resident()-before)>>20)
}

// viaPorts are those that the messages' topmost Vias name, and 5060.
var viaPorts = []string{"5060", "5050", "5070", "6050", "19823"}

// TestTorture sends every message of RFC 4475 and RFC 5118, as it stands, to the exchange.
func TestTorture(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	var wires []*phone.Wire
	for _, port := range viaPorts {
		wires = append(wires, x.UDP(t, "127.0.0.9:"+port))
	}
	take := func(limit time.Duration) (m phone.Message, ok bool) {
		for until := time.Now().Add(limit); !ok && time.Now().Before(until); {
			for _, w := range wires {
				if m, ok = w.Take(2*time.Millisecond, func(m phone.Message) bool { return m.Status() != 100 }); ok {
					break
				}
			}
		}
		return m, ok
	}
	right, all := 0, 0
	for _, c := range tortureMessages(t) {
		all++
		ok := t.Run(c.name, func(t *testing.T) {
			wires[0].Send(c.text)
			if c.answers[0] == "drop" {
				if m, ok := take(300 * time.Millisecond); ok {
					t.Errorf("answered %s", m.Line())
				}
				return
			}
			m, ok := take(2 * time.Second)
			if !ok {
				t.Fatalf("no answer, want %v", c.answers)
			}
			status := fmt.Sprint(m.Status())
			if c.answers[0] == "-" {
				if status == "400" || status >= "500" {
					t.Errorf("a good message got %s", m.Line())
				}
			} else if !slices.Contains(c.answers, status) {
				t.Errorf("%s, want %v", m.Line(), c.answers)
			}
			switch status {
			case "420":
				if m.Get("Unsupported") == "" {
					t.Error("420 without Unsupported")
				}
			case "405", "501":
				if m.Get("Allow") == "" {
					t.Errorf("%s without Allow", status)
				}
			case "415":
				if m.Get("Accept") == "" {
					t.Error("415 without Accept")
				}
			case "401":
				if m.Get("WWW-Authenticate") == "" {
					t.Error("401 without a challenge")
				}
			}
			if again, ok := take(20 * time.Millisecond); ok {
				t.Errorf("two answers: %s and %s", m.Line(), again.Line())
			}
		})
		if ok {
			right++
		}
	}
	t.Logf("%d of %d right verdicts", right, all)
	healthy(t, x, 3*time.Second)
	for _, transport := range []string{"tcp", "tls", "ws", "wss"} { // there it may end the connection, and nothing else
		for _, c := range tortureMessages(t) {
			w := x.Wire(t, transport, "127.0.0.9")
			w.Send(c.text)
			w.Take(20*time.Millisecond, phone.Anything)
			w.Close()
		}
		healthy(t, x, 3*time.Second)
	}
}

// monsters are messages beyond any reason, each well within what a datagram or a stream can carry.
func monsters(a *phone.Agent) map[string]string {
	long := func(n int) string { return strings.Repeat("a", n) }
	invite := func() *phone.Draft { return a.Request("INVITE", a.URI("102")) }
	many := func(n int, name, value string) string {
		d := invite()
		for range n {
			d.Add(name, value)
		}
		return d.String()
	}
	return map[string]string{
		"nothing":               "",
		"a line end":            "\r\n",
		"zeros":                 string(make([]byte, 60000)),
		"ones":                  strings.Repeat("\xff", 60000),
		"colons":                strings.Repeat(":", 60000),
		"commas in Via":         "INVITE sip:1@x SIP/2.0\r\nVia: " + strings.Repeat(",", 50000) + "\r\n\r\n",
		"long method":           long(60000) + " sip:102@x SIP/2.0\r\n\r\n",
		"long method in CSeq":   invite().Set("CSeq", "1 "+long(50000)).String(),
		"long Request-URI":      a.Request("INVITE", "sip:"+long(50000)+"@x").String(),
		"long Call-ID":          invite().Set("Call-ID", long(50000)).String(),
		"long branch":           invite().Set("Via", "SIP/2.0/UDP "+a.Addr()+";rport;branch=z9hG4bK"+long(50000)).String(),
		"long tag":              invite().Set("From", "<sip:a@b>;tag="+long(50000)).String(),
		"long header name":      invite().Add(long(50000), "x").String(),
		"many headers":          many(5000, "X", "y"),
		"many Vias":             many(1000, "Via", "SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx"),
		"many Routes":           many(1000, "Route", "<sip:127.0.0.1:9;lr>"),
		"many Contacts":         many(1000, "Contact", "<sip:127.0.0.1:9>"),
		"many Requires":         many(1000, "Require", "x"),
		"many credentials":      many(200, "Authorization", `Digest username="101", realm="santral.local", nonce="x", uri="x", response="00000000000000000000000000000000"`),
		"many Records":          many(1000, "Record-Route", "<sip:127.0.0.1:9;lr>"),
		"deep quotes":           invite().Set("From", strings.Repeat(`"\"`, 15000)+"<sip:a@b>;tag=1").String(),
		"open brackets":         invite().Set("From", strings.Repeat("<", 50000)).String(),
		"parameters":            invite().Set("From", "<sip:a@b>"+strings.Repeat(";a=b", 12000)).String(),
		"percent":               a.Request("INVITE", "sip:"+strings.Repeat("%00", 15000)+"@x").String(),
		"folding":               strings.Replace(invite().String(), "Max-Forwards: 70", "Max-Forwards:"+strings.Repeat("\r\n ", 15000)+"70", 1),
		"huge CSeq":             invite().Set("CSeq", strings.Repeat("9", 50000)+" INVITE").String(),
		"huge Content-Length":   invite().Set("Content-Length", strings.Repeat("9", 50000)).String(),
		"minus Content-Length":  invite().Set("Content-Length", "-1").String(),
		"huge Expires":          a.Request("REGISTER", a.URI("")).Set("Expires", strings.Repeat("9", 50000)).String(),
		"huge Max-Forwards":     invite().Set("Max-Forwards", strings.Repeat("9", 50000)).String(),
		"many lines of media":   invite().SDP("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n" + strings.Repeat("m=audio 9 RTP/AVP 0\r\n", 2800)).String(),
		"many formats":          invite().SDP("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP" + strings.Repeat(" 0", 29000) + "\r\n").String(),
		"many boundaries":       invite().Set("Content-Type", "multipart/mixed;boundary=b").String() + strings.Repeat("--b\r\n\r\n", 8000),
		"response of a million": strings.Replace(phone.Message{Text: invite().String()}.Answer(200, "OK", "t").String(), "200", "1000000", 1),
	}
}

// TestMonstersAndMutations is the rest of threat 1: each batch leaves the exchange well and small.
func TestMonstersAndMutations(t *testing.T) {
	x := phone.StartExchange(t, "--digest", "md5")
	healthy(t, x, 3*time.Second)
	before := x.Resident()
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 1))
	for _, transport := range []string{"udp", "tcp", "tls", "wss"} {
		t.Run("monsters/"+transport, func(t *testing.T) {
			a := x.UDP(t, "127.0.0.11").Agent("101")
			for range 3 {
				for _, text := range monsters(a) {
					if transport == "udp" {
						a.Send(text)
						continue
					}
					w := x.Wire(t, transport, "127.0.0.11")
					w.Send(text)
					w.Close()
				}
			}
			healthy(t, x, 3*time.Second)
		})
		t.Run("mutations/"+transport, func(t *testing.T) {
			var texts []string
			for _, c := range tortureMessages(t) {
				texts = append(texts, c.text)
			}
			a := x.UDP(t, "127.0.0.12").Agent("101")
			texts = append(texts, a.Request("INVITE", a.URI("102")).SDP(phone.Offer("127.0.0.12:40000")).String(), a.Request("REGISTER", a.URI("")).String(),
				a.Request("INVITE", a.URI("102")).Set("Authorization", `Digest username="101", realm="santral.local", nonce="a", uri="sip:x", response="b", qop=auth, nc=00000001, cnonce="c"`).String())
			count := 6000
			if transport != "udp" { // each has a connection of its own
				count = 600
			}
			for i := range count {
				b := mutate(random, []byte(texts[random.IntN(len(texts))]), texts)
				if transport == "udp" {
					a.Send(string(b))
					if i%50 == 49 {
						time.Sleep(10 * time.Millisecond) // below what the guard lets in
					}
					continue
				}
				w := x.Wire(t, transport, "127.0.0.12")
				w.Send(string(b))
				w.Close()
			}
			if healthy(t, x, 3*time.Second); t.Failed() {
				t.Logf("seed %d", seed)
			}
		})
	}
	settles(t, x, before, 64<<20, 40*time.Second)
}

// mutate bends a message in one to four places.
func mutate(random *rand.Rand, b []byte, others []string) []byte {
	for range 1 + random.IntN(4) {
		if len(b) < 2 {
			return b
		}
		i, j := random.IntN(len(b)), random.IntN(len(b))
		if i > j {
			i, j = j, i
		}
		switch random.IntN(7) {
		case 0:
			b[i] = byte(random.Uint32())
		case 1:
			b = append(b[:i:i], b[j:]...)
		case 2:
			b = append(b[:j:j], b[i:]...)
		case 3:
			b = b[:j]
		case 4:
			const special = "\r\n\x00\t \"<>;:,@=%[]()\\/?&"
			b[i] = special[random.IntN(len(special))]
		case 5:
			o := others[random.IntN(len(others))]
			b = append(b[:i:i], o[random.IntN(len(o)):]...)
		case 6:
			b = append(b[:i:i], append([]byte(strings.Repeat(string(b[i:i+1]), random.IntN(2000))), b[i:]...)...)
		}
	}
	return b
}
