package sipleg

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"syscall"
	"testing"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/call/calltest"
	"santral/call/control"
	"santral/media/rtp"
	"santral/media/session"
	"santral/sip"
	"santral/sip/endpoint"
)

// loopWire is a wire without sockets: what the exchange sends is answered on the spot by two phones that
// know only this one call flow. It is cheap, so that a benchmark shows what the exchange costs.
type loopWire struct {
	ep    *endpoint.Endpoint
	a, b  sip.Flow
	ended chan struct{}
	stays bool // the caller does not hang up: a call is told of when it is answered
}

func (w *loopWire) Way(hop sip.Hop) (sip.Flow, error) { return w.b, nil }
func (w *loopWire) SentBy(sip.Flow) sip.HostPort      { return sip.HostPort{Host: "192.0.2.1", Port: 5060} }
func (w *loopWire) Writer() endpoint.Writer           { return w }
func (w *loopWire) Alive(sip.Flow) bool               { return true }
func (w *loopWire) Flush()                            {}

func (w *loopWire) put(f sip.Flow, text string) {
	m, err := sip.ParseMessage(text)
	if err != nil {
		panic(err)
	}
	w.ep.Receive(sip.Inbound{Flow: f, Msg: m, Size: len(text)})
}

// copyLines takes header lines of a message as text.
func copyLines(b *strings.Builder, text string, names ...string) {
	for _, n := range names {
		for rest := text; ; {
			i := strings.Index(rest, "\r\n"+n+": ")
			if i < 0 {
				break
			}
			rest = rest[i+2:]
			end := strings.Index(rest, "\r\n")
			b.WriteString(rest[:end+2])
			rest = rest[end:]
		}
	}
}

func (w *loopWire) Send(f sip.Flow, msg []byte, fail func(error)) {
	text := string(msg)
	reply := func(status, tag, more string) {
		var b strings.Builder
		b.WriteString("SIP/2.0 " + status + "\r\n")
		copyLines(&b, text, "Via", "From", "To", "Call-ID", "CSeq")
		s := b.String()
		if tag != "" {
			i := strings.Index(s, "\r\nTo: ")
			end := i + 2 + strings.Index(s[i+2:], "\r\n")
			s = s[:end] + ";tag=" + tag + s[end:]
		}
		w.put(f, s+more)
	}
	switch {
	case strings.HasPrefix(text, "INVITE"):
		reply("180 Ringing", "b", "Contact: <sip:102@192.0.2.12>\r\nContent-Length: 0\r\n\r\n")
		reply("200 OK", "b", "Contact: <sip:102@192.0.2.12>\r\nContent-Type: application/sdp\r\n\r\n"+benchSDP)
	case strings.HasPrefix(text, "BYE"):
		reply("200 OK", "", "Content-Length: 0\r\n\r\n")
	case strings.HasPrefix(text, "SIP/2.0 200") && strings.Contains(text, " INVITE\r\n"):
		w.within(text, "ACK", "1")
		if w.stays {
			w.ended <- struct{}{}
			return
		}
		w.within(text, "BYE", "2")
	case strings.HasPrefix(text, "SIP/2.0 200") && strings.Contains(text, " BYE\r\n"):
		w.ended <- struct{}{}
	}
}

func (w *loopWire) within(text, method, seq string) {
	var b strings.Builder
	b.WriteString(method + " sip:102@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK" + method)
	copyLines(&b, text, "Call-ID")
	s := b.String()
	i := strings.Index(s, "Call-ID")
	s = s[:i] + "x" + s[i+9:len(s)-2] + "\r\n" + s[i:]
	b.Reset()
	b.WriteString(s)
	copyLines(&b, text, "From", "To")
	b.WriteString("Max-Forwards: 70\r\nCSeq: " + seq + " " + method + "\r\nContent-Length: 0\r\n\r\n")
	w.put(w.a, b.String())
}

const benchSDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.12\r\ns=-\r\nc=IN IP4 192.0.2.12\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"

// benchHouse is an exchange with ports from 10000 to last, and its wire.
func benchHouse(b *testing.B, last uint16) (*loopWire, *rtp.Pool, *id.Source) {
	host := vnet.New(1).Host(netip.MustParseAddr("192.0.2.1"))
	pool, err := rtp.NewPool(rtp.Config{Net: host, Bind: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, First: 10000, Last: last, Drain: 1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	random := id.New([32]byte{1})
	flow := func(peer string) sip.Flow {
		return sip.Flow{Transport: sip.UDP, Local: netip.MustParseAddrPort("192.0.2.1:5060"), Remote: netip.MustParseAddrPort(peer)}
	}
	w := &loopWire{a: flow("192.0.2.11:5060"), b: flow("192.0.2.12:5060"), ended: make(chan struct{}, 1)}
	house := calltest.New()
	house.Mute()
	house.Account("102", 0, "sip:102@192.0.2.12:5060")
	agent := New(Config{
		Shard: func(callID string) *endpoint.Shard { return w.ep.Shard(callID) },
		Media: &session.Config{Pool: pool, Random: random}, Random: random, Door: door{}, UserAgent: "Santral",
	})
	w.ep = endpoint.New(endpoint.Config{Wire: w, User: agent, Shards: 1, Random: random, Allow: []sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL}})
	b.Cleanup(func() { w.ep.Close(context.Background()) })
	agent.Open(control.New(control.Config{Router: house, Contacts: house, Channels: house, Ledger: house, Dialer: agent}))

	return w, pool, random
}

// invite is the caller's phone.
func (w *loopWire) invite(random *id.Source) {
	w.put(w.a, "INVITE sip:102@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK"+random.Token(8)+"\r\nMax-Forwards: 70\r\n"+
		"From: \"A\" <sip:101@192.0.2.1>;tag=a\r\nTo: <sip:102@192.0.2.1>\r\nCall-ID: "+random.Token(16)+"\r\nCSeq: 1 INVITE\r\n"+
		"Contact: <sip:101@192.0.2.11:5060>\r\nUser-Agent: bench\r\nContent-Type: application/sdp\r\n\r\n"+benchSDP)
	<-w.ended
}

// BenchmarkMemory reports what an established call holds once its transactions are forgotten: 2,000 everyday calls in
// one process, with their ports opened before.
func BenchmarkMemory(b *testing.B) {
	const calls = 2000
	for b.Loop() {
		w, pool, random := benchHouse(b, 10000+4*calls-1)
		w.stays = true
		var streams []*rtp.Stream
		for range 2 * calls {
			s, err := pool.Take(netip.MustParseAddr("192.0.2.1"))
			if err != nil {
				b.Fatal(err)
			}
			streams = append(streams, s)
		}
		for _, s := range streams {
			s.Release()
		}
		streams = nil
		before := heap()
		for range calls {
			w.invite(random)
		}
		fresh := heap()
		time.Sleep(forgotten)
		b.ReportMetric(float64(heap()-before)/calls, "B/call")
		b.ReportMetric(float64(fresh-before)/calls, "B/call-fresh")
		if path := os.Getenv("SANTRAL_HEAP"); path != "" {
			f, _ := os.Create(path)
			pprof.WriteHeapProfile(f)
			f.Close()
		}
		runtime.KeepAlive(w)
	}
	b.ReportMetric(0, "ns/op")
}

// forgotten is when a transaction that has ended is certainly no more (64·T1, RFC 3261 §17.1.1.2).
const forgotten = 34 * time.Second

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}

// BenchmarkCall is a whole call through two legs, INVITE to BYE, with media ports, control and a ledger in
// memory, but without sockets for SIP, call records and digest. What the two scripted phones cost is in it.
func BenchmarkCall(b *testing.B) {
	w, _, random := benchHouse(b, 10399)
	b.ReportAllocs()
	used := cpu()
	for b.Loop() {
		w.invite(random)
	}
	b.ReportMetric(float64(cpu()-used)/float64(b.N), "cpu-ns/op")
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
