package rtp_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/srtp"
)

// wire is a Path that keeps what is sent.
type wire struct {
	mu     sync.Mutex
	sent   [][]byte
	closed int
}

func (w *wire) Send(p []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, bytes.Clone(p))
	return true
}

func (w *wire) Close() { w.closed++ }

// ear is a Handler that keeps what it hears.
type ear struct{ heard []rtp.Header }

func (e *ear) Packet(_ []byte, h rtp.Header) { e.heard = append(e.heard, h) }

func sound(ssrc uint32, seq uint16, payload uint8, mid string) []byte {
	p := rtp.AppendHeader(nil, rtp.Header{Payload: payload, Seq: seq, SSRC: ssrc})
	if mid != "" {
		p[0] |= 0x10
		element := append([]byte{3<<4 | byte(len(mid)-1)}, mid...)
		for len(element)%4 != 0 {
			element = append(element, 0)
		}
		p = append(p, 0xbe, 0xde, 0, byte(len(element)/4))
		p = append(p, element...)
	}
	return append(p, make([]byte, 160)...)
}

// A stream over a path relays to one with ports and back, secured, and gives the path back.
func TestOverAPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := &wire{}
		s := h.pool.Over(w)
		k, ours := keyOf(t, srtp.AES128GCM, 1), keyOf(t, srtp.AES128GCM, 2)
		s.Secure(opener(t, k), sealer(t, ours))
		peer, mine := sealer(t, k), opener(t, ours)
		s.Relay(h.sb)
		h.sb.Relay(s)
		seal := func(p []byte) []byte {
			out, err := peer.Seal(nil, p)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		s.Receive(seal(sound(5, 1, 8, "")))
		if s.Send(h.b.Next()) {
			t.Error("sent before anything was settled")
		}
		s.Negotiate(terms(aAddr))
		h.sb.Negotiate(terms(bAddr))
		s.Receive(sound(5, 2, 8, ""))
		for i := range 50 {
			s.Receive(seal(sound(5, uint16(3+i), 8, "")))
		}
		s.Receive([]byte{0x80})
		s.Receive(nil)
		synctest.Wait()
		if n := h.b.HeardOf(5); n != 50 || len(h.b.Heard()) != 50 {
			t.Errorf("%d packets of 50 were heard", n)
		}
		h.b.Talk(at(h.sb), 10)
		h.b.SendControl(control(h.sb), rtp.AppendReport(nil, 9, nil))
		synctest.Wait()
		if len(w.sent) != 11 {
			t.Fatalf("%d packets were sent over the path", len(w.sent))
		}
		for i, p := range w.sent {
			open := mine.Open
			if i == 10 {
				open = mine.OpenControl
			}
			if _, err := open(p); err != nil {
				t.Errorf("packet %d: %v", i, err)
			}
		}
		if f := s.Facts(); f.Packets != 50 || f.Sent != 10 || f.Counts[rtp.Forged] != 1 || f.Heard.IsZero() {
			t.Errorf("%+v", f)
		}
		used := h.pool.Stats().Packets
		s.Release()
		s.Release()
		if w.closed != 1 || h.pool.Stats().Packets != used || s.Send(h.b.Next()) {
			t.Errorf("closed %d times", w.closed)
		}
		s.Receive(seal(sound(5, 90, 8, "")))
	})
}

// Streams that share a path are told apart by what packets say, by their sources, and by payload types that only
// one has (RFC 9143 §9.2); reports reach all whom they concern.
func TestBundle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		w := &wire{}
		audio := h.pool.Over(w)
		video := audio.Beside()
		audio.SetMID("0", 3)
		video.SetMID("v1", 3)
		k := keyOf(t, srtp.AES128GCM, 1)
		video.Secure(opener(t, k), sealer(t, k))
		peer := sealer(t, k)
		a, v := &ear{}, &ear{}
		audio.Deliver(a)
		video.Deliver(v)
		ta, tv := terms(aAddr), terms(aAddr)
		ta.Types, tv.Types = rtp.Types(8, 100), rtp.Types(96, 100)
		tv.Packets, tv.Octets = 0, 250_000
		audio.Negotiate(ta)
		video.Negotiate(tv)
		seq := uint16(0)
		say := func(ssrc uint32, payload uint8, mid string) {
			t.Helper()
			seq++
			out, err := peer.Seal(nil, sound(ssrc, seq, payload, mid))
			if err != nil {
				t.Fatal(err)
			}
			audio.Receive(out)
		}
		check := func(what string, wantA, wantV int) {
			t.Helper()
			if len(a.heard) != wantA || len(v.heard) != wantV {
				t.Errorf("%s: %d of sound and %d of pictures, want %d and %d", what, len(a.heard), len(v.heard), wantA, wantV)
			}
			a.heard, v.heard = nil, nil
		}
		say(1, 8, "")
		say(2, 96, "")
		check("by payload type", 1, 1)
		say(3, 100, "")
		say(4, 50, "")
		check("payload types of both or of none", 0, 0)
		say(3, 100, "v1")
		say(3, 100, "")
		say(3, 8, "")
		check("by the extension, and then by the source", 0, 3)
		say(3, 100, "0")
		say(3, 100, "")
		check("a source that moves", 2, 0)
		say(9, 8, "nobody")
		check("a line that is not there", 0, 0)

		// Reports: of whom they are, and about whom.
		for i, s := range []*rtp.Stream{audio, video} {
			p := sound(uint32(500+i), 1, 8, "")
			if !s.Send(p) {
				t.Error("not sent")
			}
		}
		other := take(t, h.pool)
		other.Negotiate(terms(bAddr))
		feedback := []byte{0x81, rtp.PayloadFeedback, 0, 2, 0, 0, 0, 77, 0, 0, 1, 0xf5} // a picture is lost, of 501
		for _, c := range []struct {
			p            []byte
			audio, video int
		}{
			{rtp.AppendReport(nil, 77, nil, rtp.Report{SSRC: 500}), 1, 0},
			{rtp.AppendReport(nil, 2, nil, rtp.Report{SSRC: 500}), 1, 1},
			{feedback, 0, 1},
			{rtp.AppendReport(nil, 78, nil), 1, 1},
		} {
			out, err := peer.SealControl(nil, c.p)
			if err != nil {
				t.Fatal(err)
			}
			for s, want := range map[*rtp.Stream]int{audio: c.audio, video: c.video} {
				h.b.Forget()
				audio.Relay(nil)
				video.Relay(nil)
				s.Relay(other)
				audio.Receive(slices.Clone(out))
				synctest.Wait()
				if n := len(h.b.HeardControl()); n != want {
					t.Errorf("%x: %d reports, want %d", c.p, n, want)
				}
				if out, err = peer.SealControl(nil, c.p); err != nil {
					t.Fatal(err)
				}
			}
		}

		// Each has a rate of its own.
		var alarms []rtp.Alarm
		audio.OnAlarm(func(a rtp.Alarm) { alarms = append(alarms, a) })
		video.OnAlarm(func(rtp.Alarm) { t.Error("pictures flood") })
		audio.Deliver(a)
		video.Deliver(v)
		for range 500 {
			say(1, 8, "")
			say(2, 96, "")
		}
		if n := len(a.heard); n < 100 || n > 220 || len(v.heard) != 500 || len(alarms) != 1 {
			t.Errorf("%d of sound, %d of pictures, %v", n, len(v.heard), alarms)
		}
		a.heard, v.heard = nil, nil
		mediatest.Wait(2 * time.Second)

		audio.Release() // the path serves the other on
		video.Deliver(v)
		say(1, 8, "")
		say(2, 96, "")
		check("after one has gone", 0, 1)
		if w.closed != 0 || audio.Send(sound(1, 9, 8, "")) || !video.Send(sound(501, 9, 96, "")) {
			t.Error("the path is closed")
		}
		video.Release()
		if w.closed != 1 {
			t.Error("the path is not closed")
		}
	})
}

// Streams share a pair of ports too, and the latch serves both.
func TestBundleOverPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		video := h.sa.Beside()
		ta, tv := terms(aAddr), terms(aAddr)
		ta.Mux, tv.Mux, ta.Control = true, true, aAddr
		tv.Types, tv.Packets, tv.Octets = rtp.Types(96), 0, 250_000
		v := &ear{}
		video.Deliver(v)
		h.sa.Negotiate(ta)
		video.Negotiate(tv)
		h.sb.Negotiate(terms(bAddr))
		mediatest.Talk(10, func() { h.a.Say(at(h.sa)) }, func() { h.a.Send(at(h.sa), sound(3, 4, 96, "")) }, func() { h.x.Say(at(h.sa)) },
			func() { video.Send(sound(9, 9, 96, "")) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 10)
		if len(v.heard) != 10 || h.a.HeardOf(9) != 10 || video.Port() != h.sa.Port() {
			t.Errorf("%d pictures came and %d went", len(v.heard), h.a.HeardOf(9))
		}
		if f := h.sa.Facts(); f.Packets != 10 || video.Facts().Packets != 10 {
			t.Errorf("%+v", f)
		}
		h.sa.Release()
		h.a.Send(at(video), sound(3, 5, 96, ""))
		synctest.Wait()
		if len(v.heard) != 11 {
			t.Error("the pictures end with the sound")
		}
		video.Release()
		if st := h.pool.Stats(); st.Used != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// Streams that share ports are written out and read back in any order, whether the one that had the ports is there
// still or not.
func TestBundleFreezeAndThaw(t *testing.T) {
	for name, order := range map[string][]int{"in order": {0, 1}, "the other way round": {1, 0}, "one alone": {1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				a := secure(t, h.a, srtp.AES128GCM, 1)
				a.agree(h.sa)
				video := h.sa.Beside()
				ta, tv := terms(aAddr), terms(aAddr)
				ta.Mux, tv.Mux, ta.Control = true, true, aAddr
				tv.Types, tv.Packets, tv.Octets = rtp.Types(96), 0, 250_000
				h.sa.Negotiate(ta)
				video.Negotiate(tv)
				say := func(to netip.AddrPort, payload uint8, ssrc uint32) {
					h.a.Seq++
					out, err := a.out.Seal(nil, sound(ssrc, h.a.Seq, payload, ""))
					if err != nil {
						t.Fatal(err)
					}
					h.a.Send(to, out)
				}
				to := at(h.sa)
				say(to, 8, 5)
				say(to, 96, 6)
				synctest.Wait()
				if len(order) == 1 {
					h.sa.Release()
				}
				states := []rtp.StreamState{h.sa.Freeze(), video.Freeze()}
				text, err := json.Marshal(states)
				if err != nil {
					t.Fatal(err)
				}
				h.pool.Close()
				pool := open(t, h.host, 10000, 10099)
				if err := json.Unmarshal(text, &states); err != nil {
					t.Fatal(err)
				}
				ears := [2]*ear{{}, {}}
				var back [2]*rtp.Stream
				for _, i := range order {
					if back[i], err = pool.Thaw(states[i], srtp.Machines{}); err != nil {
						t.Fatal(err)
					}
					back[i].Deliver(ears[i])
				}
				say(to, 8, 5)
				say(to, 96, 6)
				synctest.Wait()
				if len(order) == 2 && len(ears[0].heard) != 1 || len(ears[1].heard) != 1 {
					t.Errorf("heard %v and %v", ears[0].heard, ears[1].heard)
				}
				for _, i := range order {
					if !back[i].Send(sound(uint32(9+i), 1, 96, "")) {
						t.Error("not sent")
					}
					back[i].Release()
				}
				if st := pool.Stats(); st.Used != 0 {
					t.Errorf("%+v", st)
				}
			})
		})
	}
}

// Payload numbers are mapped on the way, and what has none on the other side does not pass.
func TestRelayAs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.agree()
		var m rtp.Numbers
		for i := range m {
			m[i] = rtp.NoNumber
		}
		m[8], m[101] = 96, 8
		h.sa.RelayAs(h.sb, &m)
		for _, payload := range []uint8{8, 101, 0} {
			h.a.Payload = payload
			p := h.a.Next()
			p[1] |= 0x80
			h.a.Send(at(h.sa), p)
		}
		synctest.Wait()
		heard := h.b.Heard()
		if len(heard) != 2 || heard[0].Header.Payload != 96 || heard[1].Header.Payload != 8 || !heard[0].Header.Marker {
			t.Errorf("%+v", heard)
		}
	})
}

// DTLS comes from the peer alone, STUN from anybody, and neither in a flood (threats, row 19).
func TestOtherProtocols(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		from := map[netip.AddrPort]int{}
		take := func(_ []byte, a netip.AddrPort) { from[a]++ }
		hello, check := append([]byte{22, 254, 253}, make([]byte, 50)...), append([]byte{0, 1}, make([]byte, 50)...)
		h.a.Send(at(h.sa), hello)
		h.sa.Other(take)
		h.a.Send(at(h.sa), hello)
		synctest.Wait()
		if len(from) != 0 {
			t.Error("a handshake before anything was settled")
		}
		h.sa.Secure(rtp.Shut, rtp.Shut)
		h.agree()
		for range 20 {
			h.x.Send(at(h.sa), hello)
		}
		h.a.Send(at(h.sa), hello)
		synctest.Wait()
		if from[thief] != 0 || from[aAddr] != 1 {
			t.Errorf("handshakes: %v", from)
		}
		h.x.Send(at(h.sa), check)
		synctest.Wait()
		if from[thief] != 1 {
			t.Error("a check does not arrive")
		}
		if !h.sa.SendOther(hello, aAddr) || len(h.a.Heard()) != 0 {
			t.Error("no answer to a handshake")
		}
		synctest.Wait()
		if got := h.a.Heard(); len(got) != 1 || !bytes.Equal(got[0].Data, hello) || got[0].From != at(h.sa) {
			t.Error("the answer does not arrive")
		}
		clear(from)
		for range 5000 {
			h.x.Send(at(h.sa), check)
		}
		synctest.Wait()
		if n := from[thief]; n > 150 {
			t.Errorf("%d checks of a flood", n)
		}

		// A peer behind a translator: any port of its host, until it has shown which.
		near := terms(netip.MustParseAddrPort("192.168.7.7:4000"))
		near.Open, near.Peer = false, aAddr.Addr()
		h.sa.Negotiate(near)
		clear(from)
		mediatest.Wait(rtp.FrameTime * 50)
		h.a.Send(at(h.sa), hello)
		h.x.Send(at(h.sa), hello)
		synctest.Wait()
		if from[aAddr] != 1 || from[thief] != 0 {
			t.Errorf("handshakes through a translator: %v", from)
		}
		h.sa.Prove(aAddr)
		if f := h.sa.Facts(); f.Source != aAddr {
			t.Errorf("%+v", f)
		}
		h.sa.Other(nil)
		h.a.Send(at(h.sa), hello)
		synctest.Wait()
		if from[aAddr] != 1 {
			t.Error("told when nobody asks")
		}
	})
}

func TestExtension(t *testing.T) {
	with := func(form uint16, words byte, data ...byte) []byte {
		p := rtp.AppendHeader(nil, rtp.Header{SSRC: 1})
		p[0] |= 0x10
		return append(append(p, byte(form>>8), byte(form), 0, words), data...)
	}
	for name, c := range map[string]struct {
		p    []byte
		id   uint8
		want string
	}{
		"one octet":              {with(0xbede, 1, 0x31, 'a', 'b', 0), 3, "ab"},
		"after padding":          {with(0xbede, 2, 0, 0x10, 9, 0, 0x31, 'a', 'b', 0), 3, "ab"},
		"two octets":             {with(0x1003, 2, 3, 2, 'a', 'b', 0, 200, 1, 'c'), 200, "c"},
		"empty, and the next":    {with(0x1000, 1, 3, 0, 4, 0), 3, ""},
		"another":                {with(0xbede, 1, 0x31, 'a', 'b', 0), 4, ""},
		"of no form":             {with(0xabcd, 1, 0x31, 'a', 'b', 0), 3, ""},
		"longer than it can be":  {with(0xbede, 1, 0x3f, 'a', 'b', 0), 3, ""},
		"the end":                {with(0xbede, 2, 0xf0, 'a', 'b', 0, 0x31, 'a', 'b', 0), 3, ""},
		"longer than the packet": {with(0xbede, 9, 0x31, 'a', 'b', 0), 3, ""},
		"none":                   {rtp.AppendHeader(nil, rtp.Header{}), 3, ""},
	} {
		if got := rtp.Extension(c.p, c.id); string(got) != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzExtension(f *testing.F) {
	f.Add(sound(1, 2, 8, "v1"), uint8(3))
	f.Add([]byte{0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 3, 1, 9, 9}, uint8(3))
	f.Fuzz(func(t *testing.T, p []byte, id uint8) {
		e := rtp.Extension(p, id)
		if len(e) > 255 || len(e) > len(p)-16 && len(e) > 0 {
			t.Fatalf("%d octets of %d", len(e), len(p))
		}
	})
}

// FuzzBundle has any packets arrive on a path that two streams share.
func FuzzBundle(f *testing.F) {
	f.Add(sound(1, 2, 8, "v1"), sound(1, 2, 8, "0"))
	f.Add(rtp.AppendReport(nil, 7, &rtp.Sender{}, rtp.Report{SSRC: 500}), []byte{0x81, 206, 0, 2, 0, 0, 0, 77, 0, 0, 1, 0xf5})
	pool, err := rtp.NewPool(rtp.Config{Bind: []netip.Addr{loopback}, First: 30300, Last: 30303})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(pool.Close)
	f.Fuzz(func(t *testing.T, p, q []byte) {
		w := &wire{}
		audio := pool.Over(w)
		video := audio.Beside()
		defer video.Release()
		defer audio.Release()
		audio.SetMID("0", 3)
		video.SetMID("v1", 3)
		audio.Negotiate(rtp.Terms{Types: rtp.Types(8)})
		video.Negotiate(rtp.Terms{Types: rtp.Types(96)})
		a, v := &ear{}, &ear{}
		audio.Deliver(a)
		video.Relay(audio)
		n := 0
		for i := range 20 {
			for _, b := range [][]byte{p, q} {
				b = bytes.Clone(b)
				if len(b) > 11 && i > 0 {
					b[11] = byte(i)
				}
				audio.Receive(b)
				n++
			}
		}
		if len(a.heard)+len(v.heard)+len(w.sent) > 2*n {
			t.Fatalf("%d packets became %d", n, len(a.heard)+len(v.heard)+len(w.sent))
		}
	})
}
