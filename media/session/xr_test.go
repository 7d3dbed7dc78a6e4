package session_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/session"
)

// A peer that asks for extended reports in its description gets them where media ends here, and its clock is
// answered; the answer to ours gives the round trip of one that reports nothing else.
func TestExtendedReportsOfOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		for name, attrs := range map[string][]string{"asked": {"rtcp-xr:pkt-loss-rle=10 rcvr-rtt=all:1000 voip-metrics"}, "not asked": nil} {
			c.a.Forget()
			s := session.New(c.cfg, aAddr.Addr(), session.Profile{})
			check(t, s.SetRemote(mediatest.Offer(t, aAddr, attrs...)))
			answer := got(s.AnswerLocal())(t)
			s.Attach(nil, &mediatest.Ear{})
			s.OnDead(func() {})
			to := mediatest.To(t, answer)
			control := netip.AddrPortFrom(to.Addr(), to.Port()+1)
			for i := range 50 * 22 {
				if i%20 < 19 {
					c.a.Say(to)
				} else {
					c.a.Next()
				}
				if i == 100 {
					p := rtp.AppendReport(nil, 77, nil)
					begin := len(p)
					c.a.SendControl(control, rtp.EndXR(rtp.AppendReference(rtp.BeginXR(p, 77), 0x1234567890abcdef), begin))
				}
				if i%250 == 200 { // it answers our clock, which it had for 100 ms
					for _, heard := range c.a.HeardControl() {
						for x, rest, ok := rtp.NextXR(extendedOf(heard.Data)); ok; x, rest, ok = rtp.NextXR(rest) {
							if ntp, ok := x.Reference(); ok && time.Since(heard.At) < 5*time.Second {
								kept := time.Since(heard.At) - 100*time.Millisecond
								p := rtp.AppendReport(nil, 77, nil)
								begin := len(p)
								p = rtp.AppendSince(rtp.BeginXR(p, 77), rtp.Since{SSRC: ssrcOf(heard.Data), Last: uint32(ntp >> 16), Delay: uint32(uint64(kept) << 16 / uint64(time.Second))})
								c.a.SendControl(control, rtp.EndXR(p, begin))
							}
						}
					}
				}
				mediatest.Wait(rtp.FrameTime)
			}
			var voip, since int
			var last rtp.VoIP
			for _, heard := range c.a.HeardControl() {
				if !rtp.ValidControl(heard.Data) {
					t.Errorf("%s: no report: %x", name, heard.Data)
				}
				for x, rest, ok := rtp.NextXR(extendedOf(heard.Data)); ok; x, rest, ok = rtp.NextXR(rest) {
					if v, ok := x.VoIP(); ok {
						voip++
						last = v
					}
					if x.Answers() > 0 && x.Answer(0).SSRC == 77 && x.Answer(0).Last == 0x567890ab {
						since++
					}
				}
			}
			if attrs == nil {
				if voip != 0 || since == 0 {
					t.Errorf("%s: %d of voice, %d answers", name, voip, since)
				}
			} else {
				if voip < 3 || since < 3 || last.SSRC != c.a.SSRC || last.Loss < 10 || last.Loss > 15 || last.GapDensity == 0 || last.BurstDensity != 0 || last.GapTime < 15000 ||
					last.Factor < 60 || last.Factor > 90 || last.Listening < 30 || last.Listening > 44 || last.Gmin != 16 || last.EndDelay < 20 {
					t.Errorf("%s: %d of voice, %d answers; %+v", name, voip, since, last)
				}
				if q := s.Quality()[0]; q.RoundTrip < 90*time.Millisecond || q.RoundTrip > 110*time.Millisecond {
					t.Errorf("%s: round trip %v", name, q.RoundTrip)
				}
			}
			s.Close()
		}
	})
}

// extendedOf gives the blocks of the first extended report of a compound packet.
func extendedOf(p []byte) []byte {
	for c, rest, ok := rtp.NextControl(p); ok; c, rest, ok = rtp.NextControl(rest) {
		if x := c.Extended(); x != nil {
			return x
		}
	}
	return nil
}

func ssrcOf(p []byte) uint32 {
	c, _, _ := rtp.NextControl(p)
	return c.SSRC
}
