package endpoint

import (
	"strconv"
	"testing"
	"time"

	"santral/base/id"
	"santral/sip"
)

type serveFunc func(s *Shard, tx *ServerTx)

func (f serveFunc) Serve(s *Shard, tx *ServerTx) { f(s, tx) }

// still is a shard whose loop does not run: the benchmark is its goroutine.
func still(serve serveFunc) *Shard {
	e := build(Config{
		Wire: silent{}, Shards: 1, Random: id.New([32]byte{1}), User: serve,
		Allow: []sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER},
	})
	return e.shards[0]
}

const benchInvite = "INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-2111-BBBBBBBB-0;rport=5061;received=127.0.0.1\r\n" +
	"From: sipp <sip:sipp@127.0.0.1:5061>;tag=2111SIPpTag00BBBBBBBB\r\n" +
	"To: service <sip:service@127.0.0.1:5060>\r\n" +
	"Call-ID: BBBBBBBB-2111@127.0.0.1\r\nCSeq: 1 INVITE\r\n" +
	"Contact: sip:sipp@127.0.0.1:5061\r\nMax-Forwards: 70\r\nSubject: Performance Test\r\n" +
	"Content-Type: application/sdp\r\nContent-Length: 129\r\n\r\n" +
	"v=0\r\no=user1 53655765 2353687637 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

// inbounds makes n requests that differ in Call-ID and branch.
func inbounds(b *testing.B, method sip.Method, n int) []sip.Inbound {
	list := make([]sip.Inbound, n)
	for i := range list {
		m, err := sip.ParseMessage(benchInvite)
		if err != nil {
			b.Fatal(err)
		}
		m = m.Clone()
		no := strconv.Itoa(10000000 + i)
		m.Method = method
		m.Set(sip.CSeqKind, "1 "+string(method))
		m.Set(sip.CallID, no+"-2111@127.0.0.1")
		m.Set(sip.ViaKind, "SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-2111-"+no+"-0;rport=5061;received=127.0.0.1")
		list[i] = sip.Inbound{Flow: alice, Msg: m, Size: 600}
	}
	return list
}

// BenchmarkRoute finds the transaction of a request: a copy of an INVITE that waits for its user, among
// as many as fit into the processor's cache and among many more.
func BenchmarkRoute(b *testing.B) {
	for _, n := range []int{100, 20000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := still(func(*Shard, *ServerTx) {})
			list := inbounds(b, sip.INVITE, n)
			for i := range list {
				list[i].Flow.Remote = mustAddr("10.0." + strconv.Itoa(i/200) + ".1:5060")
				s.receive(&list[i])
			}
			if len(s.servers) != len(list) {
				b.Fatal(len(s.servers))
			}
			for _, r := range s.servers {
				r.m.Answered, r.last = true, nil
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				s.receive(&list[i])
				if i++; i == len(list) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkServer is a whole OPTIONS: received, served, answered 200, and forgotten in its time.
func BenchmarkServer(b *testing.B) {
	s := still(func(_ *Shard, tx *ServerTx) { tx.Refuse(200, "") })
	list := inbounds(b, sip.OPTIONS, 50000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.receive(&list[i])
		if i++; i == len(list) {
			i = 0
		}
		s.now += 10 * time.Millisecond
		s.wheel.advance(uint64(s.now / tick))
	}
}

// BenchmarkChallenge is a request that the gate refuses without any state.
func BenchmarkChallenge(b *testing.B) {
	s := still(nil)
	s.e.cfg.Gate = func(sip.Inbound) Verdict { return Verdict{Status: 401} }
	list := inbounds(b, sip.REGISTER, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.receive(&list[i%1000])
		i++
	}
}

// BenchmarkInvitePair is a call's INVITE through both transactions: received, sent on, 180 and 200
// back on both sides, the ACKs, and all timers to the end.
func BenchmarkInvitePair(b *testing.B) {
	var last *ClientTx
	s := still(nil)
	s.e.cfg.User = serveFunc(func(s *Shard, tx *ServerTx) {
		in := tx.Request()
		out := sip.NewRequest(sip.INVITE, "sip:bob@192.0.2.20")
		for _, k := range []sip.Kind{sip.From, sip.To, sip.CallID, sip.CSeqKind, sip.Contact, sip.ContentType} {
			out.Add(k, in.Get(k))
		}
		out.Body = in.Body
		last = s.Request(out, toBob, func(ev ClientEvent) {
			res := sip.NewResponse(in, ev.Response.Status, "")
			tx.Respond(res)
			if ev.Response.Status == 200 {
				s.Send(ackOf(out, ev.Response), toBob)
				last.Forget()
				tx.Forget()
			}
		})
	})
	list := inbounds(b, sip.INVITE, 50000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.receive(&list[i])
		out := last.Request()
		for _, status := range []int{180, 200} {
			res := sip.NewResponse(out, status, "")
			res.SetToTag("b1")
			s.receive(&sip.Inbound{Flow: bob, Msg: res})
		}
		if i++; i == len(list) {
			i = 0
		}
		s.now += 10 * time.Millisecond
		s.wheel.advance(uint64(s.now / tick))
	}
}

func ackOf(req, res *sip.Message) *sip.Message {
	ack := sip.NewRequest(sip.ACK, req.RequestURI)
	for _, k := range []sip.Kind{sip.From, sip.CallID} {
		ack.Add(k, req.Get(k))
	}
	ack.Add(sip.To, res.Get(sip.To))
	ack.Add(sip.CSeqKind, "1 ACK")
	return ack
}

// BenchmarkThroughTheLoop is BenchmarkServer with the shard's goroutine and its inbox.
func BenchmarkThroughTheLoop(b *testing.B) {
	done := make(chan struct{}, 1024)
	e := New(Config{
		Wire: silent{}, Shards: 1, Random: id.New([32]byte{1}),
		User:  serveFunc(func(_ *Shard, tx *ServerTx) { tx.Refuse(200, ""); done <- struct{}{} }),
		Allow: []sip.Method{sip.OPTIONS}, Limits: Limits{Answered: 5000},
	})
	defer e.Close(b.Context())
	list := inbounds(b, sip.OPTIONS, 50000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.Receive(list[i])
		if i++; i == len(list) {
			i = 0
		}
		<-done
	}
}

// BenchmarkShed refuses an INVITE for want of time, which must cost next to nothing.
func BenchmarkShed(b *testing.B) {
	s := still(func(*Shard, *ServerTx) {})
	s.load.calls[members], s.load.end = 1, time.Hour
	list := inbounds(b, sip.INVITE, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		s.receive(&list[i])
		if i++; i == len(list) {
			i = 0
		}
	}
	if len(s.servers) != 0 {
		b.Error("something is kept")
	}
}
