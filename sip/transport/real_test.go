package transport

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"santral/base/vnet"
	"santral/sip"
)

// On the kernel's sockets: many peers at once over UDP and TCP, each hears the answers to its own
// requests, in order, sent in batches by one writer.
func TestRealSockets(t *testing.T) {
	const peers, each = 8, 100
	in := make(chan sip.Inbound, peers*each)
	l, err := Start(Config{
		Net: vnet.Real(), Readers: 2, Handle: func(m sip.Inbound) { in <- m },
		Listeners: []Listener{{Transport: sip.UDP, Addr: at("127.0.0.1:0")}, {Transport: sip.TCP, Addr: at("127.0.0.1:0")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // the house: takes what is there, answers, flushes
		defer close(done)
		w := l.Writer()
		for m := range in {
			w.Send(m.Flow, []byte(sip.NewResponse(m.Msg, 200, "").String()), func(err error) { t.Error(err) })
			if len(in) == 0 {
				w.Flush()
			}
		}
	}()
	var wg sync.WaitGroup
	for _, x := range l.Listeners() {
		for p := range peers {
			network := strings.ToLower(x.Transport.String())
			wg.Go(func() {
				c, err := net.Dial(network, x.Addr.String())
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				b := make([]byte, 2000)
				for i := range each {
					id := fmt.Sprint(network, p, "-", i)
					text := request(fmt.Sprintf("SIP/2.0/%s %s;rport;branch=z9hG4bK%s", x.Transport, c.LocalAddr(), id), id)
					if _, err := io.WriteString(c, text); err != nil {
						t.Error(err)
						return
					}
					n, err := c.Read(b)
					if err != nil || !strings.Contains(string(b[:n]), "Call-ID: "+id+"\r\n") || !strings.HasPrefix(string(b[:n]), "SIP/2.0 200 OK\r\n") {
						t.Error(id, err, string(b[:n]))
						return
					}
				}
			})
		}
	}
	wg.Wait()
	l.Close()
	close(in)
	<-done
	if s := l.Stats(); s.Received != 2*peers*each || s.Sent != 2*peers*each || s.Accepted != peers || s.Lost+s.Junk+s.Foreign != 0 {
		t.Fatalf("%+v", s)
	}
}

// A port that somebody else holds is an error, also when both would share it.
func TestRealPortIsTaken(t *testing.T) {
	cfg := Config{Net: vnet.Real(), Readers: 2, Handle: func(sip.Inbound) {}, Listeners: []Listener{{Transport: sip.UDP, Addr: at("127.0.0.1:0")}}}
	first, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	cfg.Listeners = first.Listeners()
	if second, err := Start(cfg); err == nil {
		second.Close()
		t.Fatal("two transports share a port")
	}
}

const everyday = "INVITE sip:102@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds;rport\r\n" +
	"Max-Forwards: 70\r\nFrom: \"A\" <sip:101@192.0.2.1>;tag=1928301774\r\nTo: <sip:102@192.0.2.1>\r\nCall-ID: a84b4c76e66710@192.0.2.10\r\n" +
	"CSeq: 314159 INVITE\r\nContact: <sip:101@192.0.2.10:5060>\r\nUser-Agent: bench\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: 129\r\n\r\nv=0\r\no=a 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 10000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

// silent is a socket whose system calls cost nothing.
type silent struct{ vnet.UDP }

func (silent) WriteBatch(d []vnet.Datagram) (int, error) { return len(d), nil }

func benchLayer(b *testing.B) *Layer {
	l, err := Start(Config{Net: vnet.New(1).Host(house), Readers: 1, Handle: func(sip.Inbound) {}, Listeners: []Listener{{Transport: sip.UDP, Addr: at("192.0.2.1:5060")}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	return l
}

// One datagram from the socket's buffer to the handler: gate, text, parse, stamp.
func BenchmarkDatagramIn(b *testing.B) {
	l := benchLayer(b)
	d := vnet.Datagram{B: []byte(everyday), N: len(everyday), Addr: at("192.0.2.10:5060")}
	b.ReportAllocs()
	for b.Loop() {
		l.datagram(l.listeners[0], nil, &d)
	}
	if l.Stats().Received == 0 {
		b.Fatalf("%+v", l.Stats())
	}
}

// One response through a Writer, without the system call.
func BenchmarkSend(b *testing.B) {
	l := benchLayer(b)
	w := l.Writer()
	w.out[0].sock = silent{}
	f := sip.Flow{Transport: sip.UDP, Local: at("192.0.2.1:5060"), Remote: at("192.0.2.10:5060")}
	m, err := sip.ParseMessage(everyday)
	if err != nil {
		b.Fatal(err)
	}
	m.StampReceived(f.Remote)
	for name, text := range map[string][]byte{"request": []byte(everyday), "response": []byte(sip.NewResponse(m, 200, "").String())} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w.Send(f, text, nil)
			}
		})
	}
}

// A request in and its response out over the kernel's loopback, 32 in each batch.
func BenchmarkRealRoundTrip(b *testing.B) {
	in := make(chan sip.Inbound, 64)
	l, err := Start(Config{Net: vnet.Real(), Readers: 1, Handle: func(m sip.Inbound) { in <- m }, Listeners: []Listener{{Transport: sip.UDP, Addr: at("127.0.0.1:0")}}})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s, err := vnet.Real().ListenUDP(at("127.0.0.1:0"), vnet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const size = 32
	out, back := make([]vnet.Datagram, size), make([]vnet.Datagram, size)
	for i := range out {
		out[i] = vnet.Datagram{B: []byte(everyday), Addr: l.Listeners()[0].Addr}
		back[i].B = make([]byte, 2000)
	}
	w := l.Writer()
	answer := []byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds;rport=5060;received=127.0.0.1\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.WriteBatch(out); err != nil {
			b.Fatal(err)
		}
		for range size {
			m := <-in
			w.Send(m.Flow, answer, nil)
		}
		w.Flush()
		for got := 0; got < size; {
			n, err := s.ReadBatch(back)
			if err != nil {
				b.Fatal(err)
			}
			got += n
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/pair")
}

func BenchmarkSentBy(b *testing.B) {
	l := benchLayer(b)
	f := sip.Flow{Transport: sip.UDP, Local: at("192.0.2.1:5060"), Remote: at("192.0.2.10:5060")}
	b.ReportAllocs()
	for b.Loop() {
		l.SentBy(f)
	}
}

// A stream of whole messages through the framer.
func BenchmarkFramer(b *testing.B) {
	data := []byte(strings.Repeat(everyday, 4))
	f := framer{lim: &sip.DefaultLimits}
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		for rest := data; len(rest) > 0; {
			n := copy(f.room(), rest)
			f.filled(n)
			rest = rest[n:]
			for {
				if fr, ok := f.next(); !ok {
					break
				} else if fr.err != nil || fr.broken {
					b.Fatal(fr.err)
				}
			}
		}
	}
}
