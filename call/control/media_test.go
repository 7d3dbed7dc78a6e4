package control_test

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/call"
	"santral/call/calltest"
	"santral/media"
	"santral/media/dtmf"
	"santral/media/pcm"
	"santral/media/rtp"
	"santral/media/session"
)

// ear is a phone's media: a socket that keeps what it hears and says what it is told.
type ear struct {
	sock vnet.UDP
	at   netip.AddrPort
	ssrc uint32
	seq  uint16

	mu   sync.Mutex
	keys []byte         // digits heard as tones
	hear func(key byte) // is told of each, nil for nobody
	from []uint32
	said media.Frame
	done chan struct{}
}

// sounding is a stage with media: an exchange with ports, and a phone's ear for each address.
func sounding(t *testing.T, stories map[string]call.Story, scene func(s *stage, phone func(last byte) *ear)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := vnet.New(1)
		host := network.Host(exchange)
		s := newStage(t, stories)
		s.Media = ports(t, host)
		s.host = host
		var ears []*ear
		scene(s, func(last byte) *ear {
			e := listen(t, network, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 4000))
			ears = append(ears, e)
			return e
		})
		s.pass(time.Minute)
		s.Check(t)
		if n := s.Media.Pool.Stats().Used; n != 0 {
			t.Errorf("%d pairs of ports are still taken", n)
		}
		s.Media.Pool.Close()
		for _, e := range ears {
			_ = e.sock.Close()
			<-e.done
		}
	})
}

// exchange is the address of ours.
var exchange = netip.MustParseAddr("192.0.2.100")

// ports opens the media ports of the exchange.
func ports(t *testing.T, host vnet.Net) *session.Config {
	t.Helper()
	pool, err := rtp.NewPool(rtp.Config{Net: host, Bind: []netip.Addr{exchange}, First: 10000, Last: 10039})
	if err != nil {
		t.Fatal(err)
	}
	return &session.Config{Pool: pool, Random: id.New([32]byte{1})}
}

func listen(t *testing.T, network *vnet.Network, at netip.AddrPort) *ear {
	t.Helper()
	sock, err := network.Host(at.Addr()).ListenUDP(at, vnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := &ear{sock: sock, at: at, ssrc: uint32(at.Addr().As4()[3]), done: make(chan struct{})}
	tones := dtmf.NewDetector(8000, func(h dtmf.Heard) {
		if !h.Over {
			e.keys = append(e.keys, h.Key)
			if e.hear != nil {
				e.hear(h.Key)
			}
		}
	})
	go func() {
		defer close(e.done)
		batch := []vnet.Datagram{{B: make([]byte, 2048)}}
		for {
			n, err := sock.ReadBatch(batch)
			if err != nil {
				return
			}
			for _, d := range batch[:n] {
				h, ok := rtp.Parse(d.B[:d.N])
				if !ok {
					continue
				}
				e.mu.Lock()
				e.from = append(e.from, h.SSRC)
				frame := make(media.Frame, h.End-h.Begin)
				pcm.DecodeALaw(frame, d.B[h.Begin:h.End])
				tones.Write(frame)
				e.said = append(e.said, frame...)
				e.mu.Unlock()
			}
		}
	}()
	return e
}

// talk sends so many packets of silence to where the leg's phone was told to, in their time.
func (e *ear) talk(s *stage, l *calltest.Leg, packets int) {
	s.t.Helper()
	e.say(s, l, make([]int16, packets*160))
}

// say sends sound to where the leg's phone was told to, in its time.
func (e *ear) say(s *stage, l *calltest.Leg, sound []int16) {
	s.t.Helper()
	to, ok := l.Heard().Media[0].Addr(l.Heard())
	if !ok {
		s.t.Fatal("the phone was told no address")
	}
	for ; len(sound) >= 160; sound = sound[160:] {
		p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: e.seq, Timestamp: uint32(e.seq) * 160, SSRC: e.ssrc})
		e.seq++
		p = append(p, make([]byte, 160)...)
		pcm.EncodeALaw(p[len(p)-160:], sound[:160])
		if err := e.sock.WriteTo(p, to); err != nil {
			s.t.Fatal(err)
		}
		s.pass(20 * time.Millisecond)
	}
}

// heard gives, and forgets, how many packets came of which source.
func (e *ear) heard() map[uint32]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := map[uint32]int{}
	for _, ssrc := range e.from {
		n[ssrc]++
	}
	e.from = nil
	return n
}

func TestSoundIsRelayed(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Progressing(calltest.DescribeAt(ben.at, "", "PCMA"))
		ben.talk(s, b, 10) // early media
		if n := anna.heard()[ben.ssrc]; n != 10 {
			t.Errorf("the caller heard %d of 10 early packets", n)
		}
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		anna.talk(s, a, 10)
		ben.talk(s, b, 10)
		if n, m := ben.heard()[anna.ssrc], anna.heard()[ben.ssrc]; n != 10 || m != 10 {
			t.Errorf("of 10 packets each the callee heard %d and the caller %d", n, m)
		}
		a.Bye()
		anna.talk(s, a, 5)
		if n := len(ben.heard()); n != 0 {
			t.Error("sound after the end")
		}
	})
}

func TestEarlyMediaOfAnotherDevice(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben, carl := phone(1), phone(3), phone(33)
		a := s.Call(s.k, "1", "101", "103", calltest.DescribeAt(anna.at, "", "PCMA"))
		b, c := s.leg("b"), s.leg("c")
		b.Progressing(calltest.DescribeAt(ben.at, "", "PCMA"))
		ben.talk(s, b, 5)
		c.Ring()
		c.Pickup(calltest.DescribeAt(carl.at, "", "PCMA"))
		a.Ack(nil)
		anna.heard()
		ben.talk(s, b, 5)
		carl.talk(s, c, 5)
		if n := anna.heard(); n[ben.ssrc] != 0 || n[carl.ssrc] != 5 {
			t.Errorf("the caller hears %v", n)
		}
		c.Bye()
	})
}

// The device with early media gives up while the other rings: the caller hears a ringing tone of ours.
func TestRingingToneAfterEarlyMedia(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(3)
		a := s.Call(s.k, "1", "101", "103", calltest.DescribeAt(anna.at, "", "PCMA"))
		b, c := s.leg("b"), s.leg("c")
		c.Ring()
		b.Progressing(calltest.DescribeAt(ben.at, "", "PCMA"))
		ben.talk(s, b, 5)
		b.Fail(call.Busy)
		anna.heard()
		s.pass(time.Second)
		if n := anna.heard(); len(n) != 1 || n[ben.ssrc] != 0 {
			t.Errorf("the caller hears %v", n)
		}
		a.Cancel()
	})
}

// A live call is written out and read into a second control on the same ports: it goes on, both ways.
func TestSoundAfterHandover(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		anna.talk(s, a, 5)
		ben.talk(s, b, 5)
		k := s.handOver(func() {
			s.Media.Pool.Close()
			s.Media = ports(t, s.host)
		})
		a, b = s.leg("a"), s.leg("b")
		anna.heard()
		ben.heard()
		anna.talk(s, a, 5)
		ben.talk(s, b, 5)
		if n, m := ben.heard()[anna.ssrc], anna.heard()[ben.ssrc]; n != 5 || m != 5 {
			t.Errorf("of 5 packets each the callee heard %d and the caller %d", n, m)
		}
		b.Bye()
		if n := k.Stats(); n.Open != 0 {
			t.Errorf("the new control is left with %+v", n)
		}
	})
}

// The second leg can't be written out, so the first one is made again, on ports that it had.
func TestSoundAfterFailedHandover(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		anna.talk(s, a, 5)
		ben.talk(s, b, 5)
		b.Stiffen()
		if _, err := s.k.Freeze(s.t.Context(), "1", s); err == nil {
			t.Error("a leg that can't be written out was")
		}
		synctest.Wait()
		a = s.leg("a")
		anna.heard()
		ben.heard()
		anna.talk(s, a, 5)
		ben.talk(s, b, 5)
		if n, m := ben.heard()[anna.ssrc], anna.heard()[ben.ssrc]; n != 5 || m != 5 {
			t.Errorf("of 5 packets each the callee heard %d and the caller %d", n, m)
		}
		a.Bye()
	})
}

func TestSoundOfStories(t *testing.T) {
	t.Parallel()
	var verbs []error
	play := tale(func(ctx context.Context, c call.Control) call.Cause {
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		verbs = append(verbs, c.Answer(ctx), c.Tones(ctx, " 101 "), c.Echo(short), c.Echo(ctx))
		return call.NormalClearing
	})
	sounding(t, told(play), func(s *stage, phone func(byte) *ear) {
		anna := phone(1)
		s.Service("*1", "story")
		a := s.Call(s.k, "1", "101", "*1", calltest.DescribeAt(anna.at, "", "PCMA"))
		a.Ack(nil)
		anna.talk(s, a, 75) // tones: 5 times 300 ms
		if anna.mu.Lock(); string(anna.keys) != "101" {
			t.Errorf("heard %q", anna.keys)
		}
		anna.mu.Unlock()
		anna.heard()
		anna.talk(s, a, 50)
		if n := anna.heard(); len(n) != 1 || n[anna.ssrc] != 0 {
			t.Errorf("echo is %v", n)
		}
		s.pass(2 * time.Second)
		anna.talk(s, a, 5)
		a.Bye()
	})
	if len(verbs) != 4 || verbs[0] != nil || verbs[1] != nil || verbs[2] != context.DeadlineExceeded || verbs[3] != call.ErrEnded {
		t.Errorf("the verbs came back with %v", verbs)
	}
}

// A phone whose address has changed is silent for us. It is asked, says where it is, and the call goes on; a phone that
// says the same and stays silent ends it; one that is held is never asked.
func TestDeadMediaIsAskedAbout(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		s.Media.DeadAfter = 30 * time.Second
		anna, ben, moved := phone(1), phone(2), phone(7)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		anna.talk(s, a, 5)
		ben.talk(s, b, 5)
		b.Silent()
		moved.ssrc = ben.ssrc
		moved.seq = ben.seq
		moved.talk(s, b, 20) // from where nothing is known of
		anna.heard()
		b.Agree(calltest.DescribeAt(moved.at, "", "PCMA"))
		anna.talk(s, a, 5)
		moved.talk(s, b, 10)
		if n, m := anna.heard()[ben.ssrc], moved.heard()[anna.ssrc]; n != 10 || m != 5 {
			t.Errorf("anna heard %d of 10 packets, ben %d of 5", n, m)
		}
		s.pass(20 * time.Second)
		if l, ok := s.k.Call("1"); !ok || len(l.Legs[1].Notices) != 2 || l.Legs[1].Notices[0].What != "dead" || l.Legs[1].Notices[0].Addr != ben.at || l.Legs[1].Notices[1].What != "reached again" || l.Legs[1].Notices[1].Addr != moved.at {
			t.Errorf("%v: %+v", ok, l)
		}
		b.Silent()
		b.Agree(calltest.DescribeAt(moved.at, "", "PCMA"))
		s.pass(7 * time.Second)
		if _, ok := s.k.Call("1"); !ok {
			t.Error("the call was not given 8 s")
		}
		s.pass(2 * time.Second)
		if _, ok := s.k.Call("1"); ok {
			t.Error("the call goes on without a sound")
		}
	})
}

// What media sessions find stands in the ledger, each leg's within bounds.
func TestNoticed(t *testing.T) {
	t.Parallel()
	sounding(t, nil, func(s *stage, phone func(byte) *ear) {
		anna, ben := phone(1), phone(2)
		a := s.Call(s.k, "1", "101", "102", calltest.DescribeAt(anna.at, "", "PCMA"))
		b := s.leg("b")
		b.Pickup(calltest.DescribeAt(ben.at, "", "PCMA"))
		a.Ack(nil)
		b.Say("news", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.OneWay, Addr: ben.at, Text: "nothing came from it"}})
		b.Say("news", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.Candidates, Text: "none of the record's"}})
		for range 50 {
			a.Say("news", call.LegEvent{Kind: call.Noticed, News: session.News{Kind: session.Flood}})
		}
		l, _ := s.k.Call("1")
		if n := l.Legs[1].Notices; len(n) != 1 || n[0].What != "one way" || n[0].Addr != ben.at || n[0].Text == "" || n[0].At.IsZero() {
			t.Errorf("%+v", n)
		}
		if n := len(l.Legs[0].Notices); n != call.MostNotices {
			t.Errorf("%d notices", n)
		}
		if n := s.k.Noticed(); n["flood"] != 50 || n["one way"] != 1 {
			t.Errorf("%v", n)
		}
		a.Bye()
		events := 0
		for _, e := range s.Events() {
			if e.Kind == call.LegNoticed {
				events++
			}
		}
		if events != 1+call.MostNotices {
			t.Errorf("%d in the ledger", events)
		}
	})
}
