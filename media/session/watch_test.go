package session_test

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/media"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/session"
)

// noticed is what a session told of, and when.
type noticed struct {
	mu   sync.Mutex
	list []session.News
	at   []time.Time
}

func (n *noticed) hear(s *session.Session) {
	s.OnNews(func(news session.News) {
		n.mu.Lock()
		n.list, n.at = append(n.list, news), append(n.at, time.Now())
		n.mu.Unlock()
	})
}

// first gives the first news of a kind, and how long after a moment it came.
func (n *noticed) first(kind session.NewsKind, since time.Time) (session.News, time.Duration, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, news := range n.list {
		if news.Kind == kind {
			return news, n.at[i].Sub(since), true
		}
	}
	return session.News{}, 0, false
}

func (n *noticed) all() []session.News {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]session.News(nil), n.list...)
}

// habit is how a phone of the 200 calls speaks and falls silent.
type habit struct {
	name    string
	reports bool                                                 // it sends RTCP
	noise   bool                                                 // and comfort noise when it falls silent
	quiet   func(at time.Duration, rnd *rand.Rand) time.Duration // at each second: how long it is silent from now on; 0 for not
	hold    func(c *call, begin bool)
}

func talkSpurts(at time.Duration, rnd *rand.Rand) time.Duration {
	if at == 0 || rnd.IntN(3) > 0 { // its first packets open the way
		return 0
	}
	return time.Duration(1+rnd.IntN(9)) * time.Second
}

func mutedAt(from, long time.Duration) func(time.Duration, *rand.Rand) time.Duration {
	return func(at time.Duration, _ *rand.Rand) time.Duration {
		if at == from {
			return long
		}
		return 0
	}
}

func holding(offer, answer string) func(*call, bool) {
	return func(c *call, begin bool) {
		if begin {
			c.agree(mediatest.Offer(c.t, aAddr, offer), mediatest.Offer(c.t, bAddr, answer))
		} else {
			c.agree(mediatest.Offer(c.t, aAddr), mediatest.Offer(c.t, bAddr))
		}
	}
}

// oldHold is a hold by the address 0.0.0.0 (RFC 3264 §8.4).
func oldHold(c *call, begin bool) {
	offer := mediatest.Offer(c.t, aAddr)
	if begin {
		offer = mediatest.Parse(c.t, strings.ReplaceAll(offer.String(), "IN IP4 "+aAddr.Addr().String()+"\r\nt=", "IN IP4 0.0.0.0\r\nt="))
	}
	c.agree(offer, mediatest.Offer(c.t, bAddr))
}

// The phone of b does in each call what makes it silent without being lost; that of a speaks on. There are 50
// calls, 200 in `make soak`, and nobody is called one-way.
func TestNoFalseAlarms(t *testing.T) {
	habits := []habit{
		{name: "silence suppressed with comfort noise", noise: true, quiet: talkSpurts},
		{name: "silence suppressed without, with reports", reports: true, quiet: talkSpurts},
		{name: "silence suppressed, and nothing else", quiet: talkSpurts},
		{name: "silence suppressed with both", reports: true, noise: true, quiet: talkSpurts},
		{name: "muted, with reports", reports: true, quiet: mutedAt(31*time.Second, 14*time.Second)},
		{name: "muted from the beginning, with reports", reports: true, quiet: mutedAt(0, 20*time.Second)},
		{name: "muted with comfort noise", noise: true, quiet: mutedAt(31*time.Second, 14*time.Second)},
		{name: "held by a", quiet: mutedAt(8*time.Second, 9*time.Second), hold: holding("sendonly", "recvonly")},
		{name: "held by both", quiet: mutedAt(8*time.Second, 9*time.Second), hold: holding("inactive", "inactive")},
		{name: "held as of old", quiet: mutedAt(8*time.Second, 9*time.Second), hold: oldHold},
	}
	each := 5
	if os.Getenv("SANTRAL_SOAK") != "" {
		each = 20
	}
	for _, h := range habits {
		for n := range each {
			seed := uint64(n)
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 7))
				c := newCall(t)
				c.begin()
				var news noticed
				news.hear(c.sa)
				news.hear(c.sb)
				c.sa.OnDead(func() {})
				c.sb.OnDead(func() {})
				speak(c, h, rnd)
				for _, n := range news.all() {
					t.Errorf("%s, seed %d: %s: %s", h.name, seed, n.Kind, n.Text)
				}
				if q := c.sb.Quality()[0]; q.Packets < 100 || q.Lost != 0 {
					t.Errorf("%s, seed %d: b was not heard: %+v", h.name, seed, q)
				}
			})
		}
	}
}

// speak has b behave so for 46 s, while a speaks on.
func speak(c *call, h habit, rnd *rand.Rand) {
	begin := time.Now()
	next := func(first bool) time.Duration { // RFC 3550 §6.3.1
		d := 5 * time.Second
		if first {
			return time.Second + time.Duration(rnd.Int64N(int64(1500*time.Millisecond)))
		}
		return time.Duration(float64(d) * (0.5 + rnd.Float64()) / 1.21828)
	}
	var until time.Duration
	report, silent, held, count := next(true), false, false, uint32(0)
	control := netip.AddrPortFrom(c.toB.Addr(), c.toB.Port()+1)
	for at := time.Duration(0); at < 46*time.Second; at += rtp.FrameTime {
		if at%time.Second == 0 && !silent {
			if long := h.quiet(at, rnd); long > 0 {
				until, silent = at+long, true
				if h.noise {
					c.b.Send(c.toB, append(rtp.AppendHeader(nil, rtp.Header{Payload: 13, Seq: c.b.Seq, Timestamp: c.b.Stamp, SSRC: c.b.SSRC}), 60))
					c.b.Seq++
				}
				if h.hold != nil {
					h.hold(c, true)
					held = true
				}
			}
		}
		if silent && at >= until {
			silent = false
			if held {
				h.hold(c, false)
				held = false
			}
		}
		c.a.Say(c.toA)
		if silent {
			c.b.Stamp += 160
		} else {
			c.b.Say(c.toB)
			count++
		}
		if h.reports && at >= report {
			report = at + next(false)
			if count == 0 {
				c.b.SendControl(control, rtp.AppendReport(nil, c.b.SSRC, nil))
			} else {
				c.b.SendControl(control, rtp.AppendReport(nil, c.b.SSRC, &rtp.Sender{NTP: uint64(at), Packets: count}))
			}
		}
		mediatest.Wait(time.Until(begin.Add(at + rtp.FrameTime)))
	}
}

// Nothing ever comes of b: 200 calls, each noticed within 3 s, with the address that b's packets went to.
func TestOneWayFromTheBeginning(t *testing.T) {
	for n := range 200 {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(uint64(n), 9))
			c := newCall(t)
			c.begin()
			mediatest.Wait(time.Duration(rnd.Int64N(int64(time.Second))))
			var na, nb noticed
			na.hear(c.sa)
			nb.hear(c.sb)
			c.sa.OnDead(func() {})
			c.sb.OnDead(func() {})
			begin := time.Now()
			c.a.Talk(c.toA, 50*3+5)
			news, after, ok := nb.first(session.OneWay, begin)
			if !ok || after > 3*time.Second+rtp.FrameTime || after < 2*time.Second || news.Addr != bAddr || news.Text == "" {
				t.Errorf("call %d: %v after %v: %+v", n, ok, after, news)
			}
			c.talk(50)
			if _, _, ok := nb.first(session.TwoWay, begin); !ok {
				t.Errorf("call %d: mended, and not told", n)
			}
			if len(na.all()) != 0 || len(nb.all()) != 2 {
				t.Errorf("call %d: of a %v, of b %v", n, na.all(), nb.all())
			}
		})
	}
}

// A way that is cut in the midst of a call is noticed by what else the peer shows.
func TestOneWayLater(t *testing.T) {
	for name, o := range map[string]struct {
		reports, unsaid bool // it sends reports before; they go through afterwards and count on
		within          time.Duration
	}{
		"it never reports":         {within: 4 * time.Second},
		"its reports cease too":    {reports: true, within: 21 * time.Second},
		"its reports count on":     {reports: true, unsaid: true, within: 11 * time.Second},
		"it is silent by a report": {reports: true, within: 21 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := newCall(t)
			c.begin()
			var news noticed
			news.hear(c.sb)
			c.sa.OnDead(func() {})
			c.sb.OnDead(func() {})
			control := netip.AddrPortFrom(c.toB.Addr(), c.toB.Port()+1)
			sent := uint32(0)
			say := func(packets int, through bool, reports bool) {
				for range packets {
					c.a.Say(c.toA)
					if through {
						c.b.Say(c.toB)
					}
					if sent++; reports && sent%250 == 0 {
						c.b.SendControl(control, rtp.AppendReport(nil, c.b.SSRC, &rtp.Sender{NTP: uint64(sent), Packets: sent}))
					}
					mediatest.Wait(rtp.FrameTime)
				}
			}
			say(50*31, true, o.reports)
			if len(news.all()) != 0 {
				t.Errorf("%s: %v", name, news.all())
			}
			cut := time.Now()
			say(50*22, false, o.unsaid)
			n, after, ok := news.first(session.OneWay, cut)
			if !ok || after > o.within || n.Addr != bAddr {
				t.Errorf("%s: %v after %v: %+v", name, ok, after, n)
			}
			c.talk(100)
			if got := news.all(); len(got) != 2 || got[1].Kind != session.TwoWay {
				t.Errorf("%s: %v", name, got)
			}
		})
	}
}

// The five seconds of both directions: what we count, and what the peer says.
func TestFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		var mu sync.Mutex
		var ours, theirs []media.Sample
		c.cfg.OnSample = func(heard bool, s media.Sample) {
			mu.Lock()
			defer mu.Unlock()
			if heard {
				theirs = append(theirs, s)
			} else {
				ours = append(ours, s)
			}
		}
		c.begin()
		c.sa.OnDead(func() {})
		c.sb.OnDead(func() {})
		control := netip.AddrPortFrom(c.toB.Addr(), c.toB.Port()+1)
		for i := range 50 * 20 {
			if i < 500 || i%10 < 8 { // then every tenth and the next are lost on a's way to us
				c.a.Say(c.toA)
			} else {
				c.a.Next()
			}
			c.b.Say(c.toB)
			if i%250 == 100 {
				p := rtp.AppendReport(nil, c.b.SSRC, &rtp.Sender{NTP: uint64(i), Packets: uint32(i)}, rtp.Report{SSRC: c.a.SSRC, Highest: uint32(c.a.Seq) - 1, Lost: int32(max(0, i-500) / 5), Jitter: 16})
				begin := len(p)
				p = rtp.AppendVoIP(rtp.BeginXR(p, c.b.SSRC), rtp.VoIP{SSRC: c.a.SSRC, Loss: 10, EndDelay: 60, Listening: 42, Factor: 90, Gmin: 16})
				c.b.SendControl(control, rtp.EndXR(p, begin))
			}
			mediatest.Wait(rtp.FrameTime)
		}
		a, b := c.sa.Quality()[0], c.sb.Quality()[0]
		if a.Samples < 3 || a.Samples > 4 || a.Worst.Loss < .15 || a.Worst.Loss > .25 || a.Worst.MOS >= a.MOS || a.Average <= a.Worst.MOS || a.Lost < 95 || a.Bursts == 0 || a.BurstRatio < 1.3 {
			t.Errorf("from a: %+v", a)
		}
		if b.Samples < 3 || b.Lost != 0 || b.Worst.MOS != 4.41 || b.Average != 4.41 || b.Listening != 4.41 || b.Delay < 20*time.Millisecond || b.Delay > 25*time.Millisecond {
			t.Errorf("from b: %+v", b)
		}
		h := b.Heard
		if h.Reports != 4 || h.Lost != 70 || h.Said != 4.2 || h.Delay != 60*time.Millisecond || h.Jitter != 2*time.Millisecond || h.Samples < 3 || h.Worst.MOS >= 4 || h.MOS >= 4.3 {
			t.Errorf("b says: %+v", h)
		}
		if a.Heard.Reports != 0 || a.Heard.MOS != 0 {
			t.Errorf("a says nothing: %+v", a.Heard)
		}
		mu.Lock()
		if len(ours) < 6 || len(theirs) < 3 {
			t.Errorf("%d and %d samples were told", len(ours), len(theirs))
		}
		mu.Unlock()
	})
}

// Whoever is looked after at once with many others is let go of.
func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t, vnet.New(1).Host(home))
		cfg.DeadAfter = 10 * time.Second
		var list []*session.Session
		for range 50 {
			s := session.New(cfg, aAddr.Addr(), session.Profile{})
			check(t, s.SetRemote(mediatest.Offer(t, aAddr)))
			_, err := s.AnswerLocal()
			check(t, err)
			list = append(list, s)
		}
		var mu sync.Mutex
		told := map[int]int{}
		for i, s := range list {
			s.OnDead(func() {
				mu.Lock()
				told[i]++
				mu.Unlock()
			})
		}
		mediatest.Wait(5 * time.Second)
		for i, s := range list {
			if i%2 == 0 {
				s.Close()
			}
		}
		mediatest.Wait(time.Minute)
		mu.Lock()
		for i := range list {
			if want := i % 2; told[i] != want {
				t.Errorf("session %d was told of %d times", i, told[i])
			}
		}
		mu.Unlock()
		if last, due := list[1].Heard(); !due || !last.IsZero() {
			t.Errorf("heard at %v, %v", last, due)
		}
		for _, s := range list {
			s.Close()
		}
		mediatest.Wait(time.Minute) // no timer is left, or the bubble would not end
	})
}
