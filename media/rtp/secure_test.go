package rtp_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/srtp"
)

// counting gives octets that differ from one key to the next.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n += 7
		p[i] = c.n
	}
	return len(p), nil
}

func keyOf(t testing.TB, suite srtp.Suite, seed byte) srtp.Key {
	t.Helper()
	k, err := srtp.NewKey(suite, 1, &counting{seed})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func opener(t testing.TB, k srtp.Key) *srtp.Opener {
	t.Helper()
	o, err := srtp.NewOpener(k)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sealer(t testing.TB, k srtp.Key) *srtp.Sealer {
	t.Helper()
	s, err := srtp.NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// safe is a phone that speaks SRTP: mine seals what it says, ours what it hears.
type safe struct {
	*mediatest.Phone
	t          *testing.T
	mine, ours srtp.Key
	out        *srtp.Sealer
	in         *srtp.Opener
	read       int
}

func secure(t *testing.T, p *mediatest.Phone, suite srtp.Suite, seed byte) *safe {
	s := &safe{Phone: p, t: t}
	s.rekey(suite, seed)
	return s
}

func (s *safe) rekey(suite srtp.Suite, seed byte) {
	s.mine, s.ours = keyOf(s.t, suite, seed), keyOf(s.t, suite, seed+100)
	s.out, s.in = sealer(s.t, s.mine), opener(s.t, s.ours)
}

// agree secures a stream with the phone's keys.
func (s *safe) agree(st *rtp.Stream) { st.Secure(opener(s.t, s.mine), sealer(s.t, s.ours)) }

func (s *safe) next() []byte {
	out, err := s.out.Seal(nil, s.Next())
	if err != nil {
		s.t.Error(err)
	}
	return out
}

func (s *safe) say(to netip.AddrPort) { s.Send(to, s.next()) }

// opened gives what was heard since it was asked last, opened.
func (s *safe) opened() (list [][]byte) {
	heard := s.Heard()
	for _, h := range heard[s.read:] {
		open := s.in.Open
		if rtp.Classify(h.Data) == rtp.RTCP {
			open = s.in.OpenControl
		}
		out, err := open(bytes.Clone(h.Data))
		if err != nil {
			s.t.Errorf("a packet to %s: %v", s.Addr(), err)
			continue
		}
		list = append(list, out)
	}
	s.read = len(heard)
	return list
}

// understood checks that count packets of a source were heard, and nothing else.
func (s *safe) understood(ssrc uint32, count int) {
	s.t.Helper()
	list := s.opened()
	for _, p := range list {
		if h, ok := rtp.Parse(p); !ok || h.SSRC != ssrc || len(p) != 172 || h.Payload != 8 {
			s.t.Errorf("%s hears %+v", s.Addr(), h)
			return
		}
	}
	if len(list) != count {
		s.t.Errorf("%s understood %d packets, want %d", s.Addr(), len(list), count)
	}
}

// A phone that speaks SRTP with one that does not, and with one that has another key and another suite.
func TestSecuredRelay(t *testing.T) {
	for name, suite := range map[string]srtp.Suite{"plain": srtp.UnknownSuite, "GCM": srtp.AES256GCM, "CM": srtp.AES128CM32} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				a := secure(t, h.a, srtp.AES128GCM, 1)
				a.agree(h.sa)
				h.agree()
				sr := rtp.AppendReport(nil, h.a.SSRC, &rtp.Sender{NTP: 7 << 32})
				sealed, err := a.out.SealControl(nil, sr)
				if err != nil {
					t.Fatal(err)
				}
				if suite == srtp.UnknownSuite {
					a.SendControl(control(h.sa), sealed)
					mediatest.Talk(100, func() { a.say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
					whole(t, h.b, at(h.sb), h.a.SSRC, 100)
					if got := h.b.HeardControl(); len(got) != 1 || !bytes.Equal(got[0].Data, sr) {
						t.Errorf("b heard %d reports", len(got))
					}
				} else {
					b := secure(t, h.b, suite, 50)
					b.agree(h.sb)
					mediatest.Talk(100, func() { a.say(at(h.sa)) }, func() { b.say(at(h.sb)) })
					b.understood(h.a.SSRC, 100)
				}
				a.understood(h.b.SSRC, 100)
				if middle, _ := h.sa.LastReport(); suite == srtp.UnknownSuite && middle != 7<<16 {
					t.Errorf("the report is read as %x", middle)
				}
			})
		})
	}
}

// One good packet, thirty replayed and sixty forged are one frame, and plain packets on the leg are none
// (threats, row 20). The call goes on as if nothing had come.
func TestAttacksOnASecuredLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var alarms []rtp.Alarm
		h.sa.OnAlarm(func(a rtp.Alarm) { alarms = append(alarms, a) })
		a := secure(t, h.a, srtp.AES128GCM, 1)
		wrong := sealer(t, keyOf(t, srtp.AES128GCM, 77))
		a.agree(h.sa)
		h.agree()
		a.say(at(h.sa))
		good := a.next()
		seq := h.a.Seq
		a.Send(at(h.sa), good)
		synctest.Wait()
		h.b.Forget()
		for i := range 60 {
			if i < 30 {
				a.Send(at(h.sa), good)
			}
			forged := a.Next()
			if i%2 == 0 {
				forged, _ = wrong.Seal(nil, forged)
			}
			a.Send(at(h.sa), forged)
			h.x.Send(at(h.sa), forged)
			h.x.Send(at(h.sa), good)
			h.x.SSRC = uint32(i)
			h.x.Say(at(h.sa))
			h.x.Send(at(h.sa), bytes.Repeat([]byte{byte(i * 5)}, i*3))
		}
		synctest.Wait()
		if n := len(h.b.Heard()); n != 0 {
			t.Errorf("%d frames were heard that nobody has said", n)
		}
		if n := len(h.x.Heard()); n != 0 || h.sa.Facts().Source != aAddr {
			t.Errorf("the attacker got %d packets", n)
		}
		if f := h.sa.Facts(); f.Counts[rtp.Forged] != 60 || f.Counts[rtp.Replayed] < 30 {
			t.Errorf("counted: %+v", f)
		}
		h.a.Seq = seq
		mediatest.Talk(50, func() { a.say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 50)
		a.understood(h.b.SSRC, 50)
		if len(alarms) != 0 {
			t.Errorf("alarms %v", alarms)
		}
	})
}

// A phone whose address changes is followed at once, because its packets open; late packets from the old address
// don't turn it back, and a copy of its packets from elsewhere changes nothing.
func TestFollowedByProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		a := secure(t, h.a, srtp.AES128CM80, 1)
		a.agree(h.sa)
		h.agree()
		var late []byte
		mediatest.Talk(20, func() { late = a.next(); a.Send(at(h.sa), late) }, func() { h.b.Say(at(h.sb)) })
		held := a.next() // on its way, by the old network
		elsewhere := netip.MustParseAddrPort("203.0.113.7:9000")
		moved := mediatest.NewPhone(t, h.net.Host(elsewhere.Addr()), elsewhere)
		h.b.Forget()
		moved.Send(at(h.sa), a.next())
		synctest.Wait()
		if f := h.sa.Facts(); f.Source != elsewhere || f.Rank != rtp.Proven {
			t.Errorf("after its first packet from elsewhere the phone is at %s (%s)", f.Source, f.Rank)
		}
		a.Send(at(h.sa), held)
		h.x.Send(at(h.sa), late)
		h.b.Say(at(h.sb))
		synctest.Wait()
		if n := len(h.b.Heard()); n != 2 {
			t.Errorf("%d packets were heard of two", n)
		}
		if n := len(moved.Heard()); n != 1 || h.sa.Facts().Source != elsewhere {
			t.Errorf("the new address got %d packets", n)
		}

		// Somebody on the way sends each packet first: it is heard once, and the peer stays where it is.
		h.b.Forget()
		for range 50 {
			p := a.next()
			h.x.Send(at(h.sa), p)
			synctest.Wait()
			moved.Send(at(h.sa), p)
			synctest.Wait()
			h.b.Say(at(h.sb))
			synctest.Wait()
		}
		if n := len(h.x.Heard()); n != 0 || len(moved.Heard()) != 51 || len(h.b.Heard()) != 50 {
			t.Errorf("who was faster got %d packets, the phone %d, and %d were heard", n, len(moved.Heard()), len(h.b.Heard()))
		}
	})
}

// Keys change while packets with the old ones are on their way.
func TestRekeying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		a := secure(t, h.a, srtp.AES128GCM, 1)
		a.agree(h.sa)
		h.agree()
		mediatest.Talk(10, func() { a.say(at(h.sa)) })
		a.agree(h.sa) // the same keys in another description
		h.b.Say(at(h.sb))
		synctest.Wait()
		a.understood(h.b.SSRC, 1)
		old := *a
		a.rekey(srtp.AES128CM80, 30)
		a.agree(h.sa)
		mediatest.Wait(4 * time.Second) // the peer has offered another key, and waits for an answer as for a person's
		old.say(at(h.sa))
		a.say(at(h.sa))
		synctest.Wait()
		if n := len(h.b.Heard()); n != 12 {
			t.Errorf("%d packets of 12 were heard", n)
		}
		a.read = len(h.a.Heard())
		h.b.Say(at(h.sb))
		synctest.Wait()
		a.understood(h.b.SSRC, 1)
		mediatest.Wait(2 * time.Second)
		old.say(at(h.sa))
		synctest.Wait()
		if n := len(h.b.Heard()); n != 12 {
			t.Error("the old key is taken for ever")
		}
		a.read = len(h.a.Heard())
		h.sa.Secure(nil, nil) // a fax is in the clear
		a.agree(h.sa)         // and the sound after it is not: no number is used again
		a.say(at(h.sa))
		h.b.Say(at(h.sb))
		sr := rtp.AppendReport(nil, h.b.SSRC, nil)
		h.b.SendControl(control(h.sb), sr)
		synctest.Wait()
		a.understood(h.b.SSRC, 1)
		if n := len(h.b.Heard()); n != 13 {
			t.Errorf("%d packets of 13 were heard", n)
		}
		old.agree(h.sa) // the change was refused: what was sealed before is not sealed again
		h.b.Say(at(h.sb))
		synctest.Wait()
		old.read = len(h.a.Heard()) - 1
		old.understood(h.b.SSRC, 1)
	})
}

// The wrong key is told once, a flood is told once, and each again after it was over.
func TestAlarms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var alarms []rtp.Alarm
		h.sa.OnAlarm(func(a rtp.Alarm) { alarms = append(alarms, a) })
		a := secure(t, h.a, srtp.AES128GCM, 1)
		h.sa.Secure(opener(t, keyOf(t, srtp.AES128GCM, 9)), sealer(t, a.ours))
		h.agree()
		mediatest.Talk(40, func() { a.say(at(h.sa)) })
		if len(alarms) != 0 {
			t.Errorf("%v after 40 packets in less than a second", alarms)
		}
		mediatest.Talk(100, func() { a.say(at(h.sa)) })
		if len(alarms) != 1 || alarms[0] != rtp.WrongKey {
			t.Errorf("%v with the wrong key", alarms)
		}
		if len(h.b.Heard()) != 0 {
			t.Error("noise was heard")
		}
		a.agree(h.sa)
		alarms = nil
		flood := func() {
			mediatest.Talk(100, func() {
				for range 30 {
					a.say(at(h.sa))
				}
			})
		}
		flood()
		flood()
		if len(alarms) != 1 || alarms[0] != rtp.Flood {
			t.Errorf("%v by a flood", alarms)
		}
		mediatest.Talk(600, func() { a.say(at(h.sa)) })
		flood()
		if len(alarms) != 2 {
			t.Errorf("%v by another flood", alarms)
		}
	})
}

// Nothing passes while the keys are not known.
func TestShut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.sa.Secure(rtp.Shut, rtp.Shut)
		h.agree()
		mediatest.Talk(10, func() { h.a.Say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		if n := len(h.a.Heard()) + len(h.b.Heard()); n != 0 {
			t.Errorf("%d packets passed", n)
		}
		if f := h.sa.Facts(); f.Counts[rtp.Unarmed] != 10 {
			t.Errorf("%+v", f)
		}
	})
}

// A secured stream is written out and read back, and neither key nor index is lost (RFC 3711 §3.2.3).
func TestSecuredFreezeAndThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		a := secure(t, h.a, srtp.AES256GCM, 1)
		a.agree(h.sa)
		h.agree()
		h.a.Seq, h.b.Seq = 65500, 65500
		var old []byte
		mediatest.Talk(100, func() { old = a.next(); a.Send(at(h.sa), old) }, func() { h.b.Say(at(h.sb)) })
		a.understood(h.b.SSRC, 100)
		text, err := json.Marshal([]rtp.StreamState{h.sa.Freeze(), h.sb.Freeze()})
		if err != nil {
			t.Fatal(err)
		}
		h.pool.Close()
		pool := open(t, h.host, 10000, 10099)
		var states []rtp.StreamState
		if err := json.Unmarshal(text, &states); err != nil {
			t.Fatal(err)
		}
		var back [2]*rtp.Stream
		for i := range states {
			if back[i], err = pool.Thaw(states[i], srtp.Machines{}); err != nil {
				t.Fatal(err)
			}
		}
		back[0].Relay(back[1])
		back[1].Relay(back[0])
		h.a.Forget()
		h.b.Forget()
		a.read = 0
		a.Send(at(h.sa), old)
		mediatest.Talk(50, func() { h.x.Say(at(h.sa)) }, func() { a.say(at(h.sa)) }, func() { h.b.Say(at(h.sb)) })
		whole(t, h.b, at(h.sb), h.a.SSRC, 50)
		a.understood(h.b.SSRC, 50)

		// Without machines nothing passes, rather than in the clear.
		for _, s := range back {
			s.Release()
		}
		mediatest.Wait(5 * time.Second)
		bare, err := pool.Thaw(states[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		bare.Relay(bare)
		h.a.Forget()
		h.a.Talk(at(bare), 5)
		if n := len(h.a.Heard()); n != 0 {
			t.Errorf("%d packets passed without a key", n)
		}
	})
}
