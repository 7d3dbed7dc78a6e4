package session_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/media/udptl"
)

var (
	home  = netip.MustParseAddr("198.51.100.1")
	aAddr = netip.MustParseAddrPort("192.0.2.10:4000")
	bAddr = netip.MustParseAddrPort("192.0.2.20:6000")
	xAddr = netip.MustParseAddrPort("203.0.113.66:6666")
)

// call is two phones with a leg's session for each.
type call struct {
	t      *testing.T
	net    *vnet.Network
	host   *vnet.Host
	cfg    *session.Config
	a, b   *mediatest.Phone
	sa, sb *session.Session
	toA    netip.AddrPort // where a sends
	toB    netip.AddrPort // where b sends
}

func config(t *testing.T, host *vnet.Host) *session.Config {
	t.Helper()
	pool, err := rtp.NewPool(rtp.Config{Net: host, Bind: []netip.Addr{home}, First: 10000, Last: 10199})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &session.Config{
		Pool: pool, Advertise: func(netip.Addr) netip.Addr { return home }, DeadAfter: 30 * time.Second, Random: id.New([32]byte{1}),
	}
}

func newCall(t *testing.T) *call {
	n := vnet.New(1)
	c := &call{t: t, net: n, host: n.Host(home)}
	c.cfg = config(t, c.host)
	c.a = mediatest.NewPhone(t, n.Host(aAddr.Addr()), aAddr)
	c.b = mediatest.NewPhone(t, n.Host(bAddr.Addr()), bAddr)
	c.sa, c.sb = session.New(c.cfg, aAddr.Addr(), session.Profile{}), session.New(c.cfg, bAddr.Addr(), session.Profile{})
	t.Cleanup(func() { c.sa.Close(); c.sb.Close() })
	return c
}

// agree passes a's offer and b's answer through both legs, and gives what each phone is told.
func (c *call) agree(offer, answer *sdp.Description) (toB, toA *sdp.Description) {
	c.t.Helper()
	check(c.t, c.sa.SetRemote(offer))
	toB = got(c.sb.RelayLocal(offer, false))(c.t)
	check(c.t, c.sb.SetAnswer(answer))
	toA = got(c.sa.RelayLocal(answer, true))(c.t)
	if err := sdp.CheckAnswer(offer, toA); err != nil {
		c.t.Error(err)
	}
	return toB, toA
}

// begin is an everyday call, joined.
func (c *call) begin() {
	c.t.Helper()
	toB, toA := c.agree(mediatest.Offer(c.t, aAddr), mediatest.Offer(c.t, bAddr))
	c.toA, c.toB = mediatest.To(c.t, toA), mediatest.To(c.t, toB)
	c.sa.Join(c.sb)
}

// talk has both phones speak n packets.
func (c *call) talk(n int) {
	mediatest.Talk(n, func() { c.a.Say(c.toA) }, func() { c.b.Say(c.toB) })
}

// hear checks how many packets of the other phone each has heard since it was last asked.
func (c *call) hear(a, b int) {
	c.t.Helper()
	if n := c.a.HeardOf(c.b.SSRC); n != a {
		c.t.Errorf("a heard %d packets of b, want %d", n, a)
	}
	if n := c.b.HeardOf(c.a.SSRC); n != b {
		c.t.Errorf("b heard %d packets of a, want %d", n, b)
	}
	c.a.Forget()
	c.b.Forget()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func got[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func TestRelayedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		c.talk(100)
		c.hear(100, 100)
		for _, s := range []*session.Session{c.sa, c.sb} {
			q := s.Quality()
			if len(q) != 1 || q[0].Packets != 100 || q[0].Sent != 100 || q[0].Lost != 0 || q[0].Octets != 16000 || q[0].Format != "PCMA" || q[0].MOS < 4.3 {
				t.Errorf("%+v", q)
			}
		}
		if c.sa.Remote() != aAddr.String() || c.sb.Remote() != bAddr.String() || c.sa.Codec() != "PCMA" || c.sa.Held() {
			t.Errorf("%s %s %s %v", c.sa.Remote(), c.sb.Remote(), c.sa.Codec(), c.sa.Held())
		}
		c.sa.Part()
		c.talk(10)
		c.hear(0, 0)
		c.sb.Join(c.sa)
		c.sb.Join(c.sa)
		c.talk(10)
		c.hear(10, 10)
		before := c.sb.Quality()
		c.sa.Close()
		c.sa.Close()
		c.sa.Join(c.sb)
		c.talk(10)
		c.hear(0, 0)
		c.sb.Close()
		if q := c.sb.Quality(); q[0].Packets < before[0].Packets || q[0].Sent != before[0].Sent || c.sb.Remote() != bAddr.String() {
			t.Errorf("after the end %+v, before %+v", q, before)
		}
		if st := c.cfg.Pool.Stats(); st.Used != 0 || st.Resting != 2 {
			t.Errorf("%+v", st)
		}
	})
}

// Reports go where the rtcp attribute says (RFC 3605), and where it says nothing to the next port.
func TestReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		own := mediatest.NewPhone(t, c.net.Host(netip.MustParseAddr("192.0.2.12")), netip.MustParseAddrPort("192.0.2.12:4998"))
		offer := mediatest.Offer(t, netip.MustParseAddrPort("192.0.2.12:4000"), "rtcp:4999 IN IP4 192.0.2.12")
		toB, toA := c.agree(offer, mediatest.Offer(t, bAddr))
		c.sa.Join(c.sb)
		a, b := mediatest.To(t, toA), mediatest.To(t, toB)
		sr := rtp.AppendReport(nil, 1, &rtp.Sender{NTP: 1 << 40})
		own.SendControl(netip.AddrPortFrom(home, a.Port()+1), sr)
		c.b.SendControl(netip.AddrPortFrom(home, b.Port()+1), sr)
		synctest.Wait()
		if n, m := len(own.HeardControl()), len(c.b.HeardControl()); n != 1 || m != 1 {
			t.Errorf("%d and %d reports", n, m)
		}
	})
}

func TestOriginAndVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		offer, answer := mediatest.Offer(t, aAddr), mediatest.Offer(t, bAddr)
		first, _ := c.agree(offer, answer)
		if first.Origin.User != "-" || first.Origin.Addr != home.String() || first.Origin.Version != "1" || first.Origin.ID == offer.Origin.ID {
			t.Errorf("%+v", first.Origin)
		}
		offer.Origin.Version = "77" // no change that matters
		again := got(c.sb.RelayLocal(offer, false))(t)
		if again.String() != first.String() {
			t.Errorf("%s\nbecame\n%s", first, again)
		}
		held := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr, "sendonly"), false))(t)
		if held.Origin.Version != "2" || held.Origin.ID != first.Origin.ID || held.Media[0].Port != first.Media[0].Port {
			t.Errorf("%s", held)
		}
	})
}

// What a leg's description becomes for the other one: a golden pair.
func TestRelayedDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		offer := mediatest.Parse(t, strings.ReplaceAll(`v=0
o=alice 20518 3 IN IP4 10.1.2.3
s=talk
i=a session
c=IN IP4 10.1.2.3
b=AS:900
t=0 0
a=group:BUNDLE a v
a=group:LS a v
a=ice-ufrag:F7gI
a=ice-options:trickle
a=fingerprint:sha-256 AA:BB
a=x-house:blue
m=audio 49170 RTP/AVP 8 96
c=IN IP4 10.1.2.4
a=mid:a
a=rtpmap:96 telephone-event/8000
a=rtcp:53020 IN IP4 10.1.2.4
a=candidate:1 1 UDP 2130706431 10.1.2.3 8998 typ host
a=ssrc:7 cname:x
a=unheard-of:42
m=video 51372 RTP/AVPF 99
a=rtpmap:99 H264/90000
a=rtcp-fb:99 nack pli
m=audio 49180 RTP/SAVP 0
a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj
m=image 4008 udptl t38
a=T38FaxVersion:0
m=audio 49190 UDP/TLS/RTP/SAVPF 111
a=setup:actpass
m=application 9 TCP/BFCP *
m=text 0 RTP/AVP 98
`, "\n", "\r\n"))
		check(t, c.sa.SetRemote(offer))
		text := got(c.sb.RelayLocal(offer, false))(t).String()
		_, text, _ = strings.Cut(text, "\r\n") // v=
		_, text, _ = strings.Cut(text, "\r\n") // o= has a random number
		want := `s=talk
i=a session
c=IN IP4 198.51.100.1
b=AS:900
t=0 0
a=x-house:blue
m=audio 10000 RTP/AVP 8 0 96
a=unheard-of:42
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-16
m=video 10002 RTP/AVP 99
a=rtpmap:99 H264/90000
a=rtcp-fb:99 nack pli
m=audio 10004 RTP/AVP 0 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
m=image 10006 udptl t38
a=T38FaxVersion:0
m=audio 0 RTP/AVP 111
m=application 0 TCP/BFCP *
m=text 0 RTP/AVP 98
`
		if text = strings.ReplaceAll(text, "\r\n", "\n"); text != want {
			t.Errorf("got\n%s\nwant\n%s", text, want)
		}
		only := mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nc=IN IP4 1.2.3.4\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")
		if _, err := session.New(c.cfg, bAddr.Addr(), session.Profile{}).RelayLocal(only, false); err == nil {
			t.Error("a description of which nothing is left was passed on")
		}
	})
}

// Further lines are relayed like the first, packets of any shape where the line is no RTP.
func TestFurtherLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		more := func(at netip.AddrPort) *sdp.Description {
			host := at.Addr().String()
			return mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 "+host+"\r\ns=-\r\nc=IN IP4 "+host+"\r\nt=0 0\r\n"+
				"m=audio 4000 RTP/AVP 8\r\nm=image 4010 udptl t38\r\nm=video 4020 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n")
		}
		hostA, hostB := c.net.Host(netip.MustParseAddr("192.0.2.11")), c.net.Host(netip.MustParseAddr("192.0.2.21"))
		fax := func(h *vnet.Host, addr string, port uint16) *mediatest.Phone {
			return mediatest.NewPhone(t, h, netip.AddrPortFrom(netip.MustParseAddr(addr), port))
		}
		offer, answer := more(netip.MustParseAddrPort("192.0.2.11:1")), more(netip.MustParseAddrPort("192.0.2.21:1"))
		_, toA := c.agree(offer, answer)
		c.sa.Join(c.sb)
		faxA, faxB := fax(hostA, "192.0.2.11", 4010), fax(hostB, "192.0.2.21", 4010)
		videoA, videoB := fax(hostA, "192.0.2.11", 4020), fax(hostB, "192.0.2.21", 4020)
		videoA.Payload = 99
		var images udptl.Sender
		var seq uint16
		mediatest.Talk(5,
			func() {
				faxA.Send(netip.AddrPortFrom(home, toA.Media[1].Port), images.Append(nil, seq, []byte{6, 1, 2}))
				seq++
			},
			func() { videoA.Say(netip.AddrPortFrom(home, toA.Media[2].Port)) })
		if n := len(faxB.Heard()); n != 5 || len(faxB.Heard()[0].Data) != 8 {
			t.Errorf("%d fax packets", n)
		}
		if n := len(videoB.Heard()); n != 5 {
			t.Errorf("%d pictures", n)
		}
		if q := c.sa.Quality(); len(q) != 3 || q[2].Packets != 5 || q[2].Format != "H264" || q[0].Packets != 0 {
			t.Errorf("%+v", q)
		}

		// The video is switched off, and on again.
		off := answer.Clone()
		off.Media[2].Reject()
		check(t, c.sb.SetRemote(off))
		if d := got(c.sa.RelayLocal(off, true))(t); d.Media[2].Port != 0 || len(d.Media) != 3 {
			t.Errorf("%s", d)
		}
		if st := c.cfg.Pool.Stats(); st.Used != 4 {
			t.Errorf("%d pairs in use", st.Used)
		}
		check(t, c.sb.SetRemote(answer))
		on := got(c.sa.RelayLocal(answer, true))(t)
		_ = got(c.sb.RelayLocal(offer, false))(t)
		if on.Media[2].Port == 0 || c.cfg.Pool.Stats().Used != 6 {
			t.Errorf("%s", on)
		}
		videoB.Forget()
		videoA.Talk(netip.AddrPortFrom(home, on.Media[2].Port), 5)
		if n := len(videoB.Heard()); n != 5 {
			t.Errorf("%d pictures after the line was revived", n)
		}
	})
}

func TestHoldAndResume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		c.talk(10)
		c.hear(10, 10)
		zero := mediatest.Offer(t, netip.MustParseAddrPort("0.0.0.0:4000")) // the old way
		toB, _ := c.agree(zero, mediatest.Offer(t, bAddr, "recvonly"))
		if dir := toB.Media[0].Direction(toB); dir != sdp.SendOnly || toB.Conn.Addr != home.String() || !c.sa.Held() || c.sb.Held() {
			t.Errorf("%s, a holds %v, b holds %v\n%s", dir, c.sa.Held(), c.sb.Held(), toB)
		}
		c.talk(10)
		c.hear(0, 10)
		c.agree(mediatest.Offer(t, aAddr), mediatest.Offer(t, bAddr))
		if c.sa.Held() {
			t.Error("still held")
		}
		c.talk(10)
		c.hear(10, 10)
	})
}

// A new address in a new offer is followed at once; a refused one is undone.
func TestMoveAndRevert(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		c.talk(10)
		c.hear(10, 10)
		at := netip.AddrPortFrom(aAddr.Addr(), 4400)
		moved := mediatest.NewPhone(t, c.net.Host(aAddr.Addr()), at)
		c.agree(mediatest.Offer(t, at), mediatest.Offer(t, bAddr))
		c.b.Talk(c.toB, 10)
		if n := len(moved.Heard()); n != 10 {
			t.Errorf("%d packets at the new address", n)
		}
		if n := len(c.a.Heard()); n != 0 {
			t.Errorf("%d packets at the old address", n)
		}
		check(t, c.sa.SetRemote(mediatest.Offer(t, netip.AddrPortFrom(aAddr.Addr(), 4500))))
		c.sa.Revert()
		c.b.Talk(c.toB, 10)
		if n := len(moved.Heard()); n != 20 {
			t.Errorf("%d packets after the refused change", n)
		}
	})
}

// A phone behind a translator names a private address: nothing is sent there, and once it speaks it
// is found, whoever was there before.
func TestBehindNAT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		outside := netip.MustParseAddr("192.0.2.99")
		nat := c.net.NAT(outside, vnet.NATOptions{})
		inside := netip.MustParseAddrPort("192.168.1.5:4000")
		phone := mediatest.NewPhone(t, nat.Host(inside.Addr()), inside)
		decoy := mediatest.NewPhone(t, c.net.Host(inside.Addr()), inside) // who has that address here
		x := mediatest.NewPhone(t, c.net.Host(xAddr.Addr()), xAddr)
		c.sa = session.New(c.cfg, outside, session.Profile{})
		toB, toA := c.agree(mediatest.Offer(t, inside), mediatest.Offer(t, bAddr))
		c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
		c.sa.Join(c.sb)
		c.b.Talk(c.toB, 5)
		x.Talk(c.toA, 5)
		phone.Talk(c.toA, 1)
		x.Forget()
		c.b.Forget()
		mediatest.Talk(50, func() { phone.Say(c.toA) }, func() { x.Say(c.toA) }, func() { c.b.Say(c.toB) })
		if n := len(decoy.Heard()); n != 0 {
			t.Errorf("%d packets went to a private address of our own network", n)
		}
		if n := len(x.Heard()); n != 0 {
			t.Errorf("%d packets went to a stranger", n)
		}
		if n, all := c.b.HeardOf(phone.SSRC), len(c.b.Heard()); n != 50 || all != 50 {
			t.Errorf("b heard %d packets of %d", n, all)
		}
		if n := len(phone.Heard()); n != 50 {
			t.Errorf("the phone heard %d packets", n)
		}
		if got := c.sa.Remote(); !strings.HasPrefix(got, outside.String()+":") {
			t.Errorf("its media is at %s", got)
		}
		c.sa.Close()
	})
}

func TestDeadMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		dead := make(chan struct{}, 2)
		c.sa.OnDead(func() { dead <- struct{}{} })
		c.talk(50 * 40)
		begin := time.Now()
		<-dead
		if d := time.Since(begin); d < 29*time.Second || d > 31*time.Second {
			t.Errorf("told after %v", d)
		}
		// On hold nobody waits for packets.
		c.sa.OnDead(func() { dead <- struct{}{} })
		c.agree(mediatest.Offer(t, aAddr, "inactive"), mediatest.Offer(t, bAddr, "inactive"))
		mediatest.Wait(10 * time.Minute)
		if len(dead) != 0 {
			t.Error("a held call was called dead")
		}
		c.agree(mediatest.Offer(t, aAddr), mediatest.Offer(t, bAddr))
		begin = time.Now()
		<-dead
		if d := time.Since(begin); d < 29*time.Second || d > 61*time.Second {
			t.Errorf("after the hold told after %v", d)
		}
		c.sb.OnDead(func() { t.Error("told after the end") })
		c.sb.Close()
		mediatest.Wait(time.Minute)
	})
}

// A live call goes over into a second instance on the same ports, in the middle of a word.
func TestFreezeAndThaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		x := mediatest.NewPhone(t, c.net.Host(xAddr.Addr()), xAddr)
		var keys []byte
		c.sa.OnDigit(func(d session.Digit) { keys = append(keys, d.Key) })
		c.talk(50)
		c.hear(50, 50)
		version := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), false))(t).Origin
		text := got(json.Marshal([]session.State{c.sa.Freeze(), c.sb.Freeze()}))(t)
		c.cfg.Pool.Close()

		c.cfg = config(t, c.host)
		var states []session.State
		check(t, json.Unmarshal(text, &states))
		c.sa, c.sb = got(session.Thaw(c.cfg, states[0]))(t), got(session.Thaw(c.cfg, states[1]))(t)
		if _, err := session.Thaw(c.cfg, states[0]); err == nil {
			t.Error("thawed twice")
		}
		c.sa.OnDigit(func(d session.Digit) { keys = append(keys, d.Key) })
		c.sa.Join(c.sb)
		mediatest.Talk(50, func() { x.Say(c.toA) }, func() { c.a.Say(c.toA) }, func() { c.b.Say(c.toB) })
		c.hear(50, 50)
		if q := c.sa.Quality()[0]; q.Packets != 100 || q.Lost != 0 || q.Sent != 100 || q.Format != "PCMA" {
			t.Errorf("%+v", q)
		}
		if len(x.Heard()) != 0 || c.sa.Remote() != aAddr.String() {
			t.Error("the latch did not survive")
		}
		again := got(c.sb.RelayLocal(mediatest.Offer(t, aAddr), false))(t).Origin
		if again != version {
			t.Errorf("origin %+v became %+v without a change", version, again)
		}
		toB, _ := c.agree(mediatest.Offer(t, aAddr, "sendonly"), mediatest.Offer(t, bAddr, "recvonly"))
		if toB.Origin.Version <= version.Version || toB.Origin.ID != version.ID || mediatest.To(t, toB) != c.toB {
			t.Errorf("the next offer is\n%s", toB)
		}
		c.sa.Close()
		c.sb.Close()
		if st := c.cfg.Pool.Stats(); st.Used != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestNoPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		cfg := config(t, n.Host(home))
		cfg.Pool.Close()
		s := session.New(cfg, aAddr.Addr(), session.Profile{})
		if _, err := s.RelayLocal(mediatest.Offer(t, bAddr), false); err == nil {
			t.Error("a description without a port")
		}
		if err := s.SetRemote(nil); err == nil {
			t.Error("no description was taken")
		}
		s.Close()
		if err := s.SetRemote(mediatest.Offer(t, aAddr)); err == nil {
			t.Error("a closed session takes a description")
		}
	})
}

// An offer that could not be made, for want of ports, leaves nothing of itself: the next one is what it would have been.
func TestNoPortForAnotherLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.cfg.Pool.Close()
		pool, err := rtp.NewPool(rtp.Config{Net: vnet.New(2).Host(home), Bind: []netip.Addr{home}, First: 10000, Last: 10005})
		check(t, err)
		t.Cleanup(pool.Close)
		c.cfg.Pool = pool
		before, _ := c.agree(mediatest.Offer(t, bAddr), mediatest.Offer(t, aAddr))
		c.sa.Join(c.sb)
		more := mediatest.Offer(t, bAddr)
		for range 3 {
			more.Media = append(more.Media, sdp.Media{Kind: "video", Port: 4002, Proto: "RTP/AVP", Formats: []string{"99"}, Attrs: []sdp.Attr{{Name: "rtpmap", Value: "99 H264/90000"}}})
		}
		if d, err := c.sb.RelayLocal(more, false); err == nil {
			t.Fatalf("offered\n%s", d)
		}
		again := got(c.sb.RelayLocal(mediatest.Offer(t, bAddr), false))(t)
		if again.String() != before.String() || pool.Stats().Used != 2 {
			t.Errorf("%d pairs are in use, offered\n%s\nbefore\n%s", pool.Stats().Used, again, before)
		}
	})
}

// What a peer may not have does not even reach the other side; what leaves nothing is refused at once, and undone.
func TestRestricted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		s := session.New(c.cfg, aAddr.Addr(), session.Profile{Codecs: []string{"G722", "pcmu"}, NoVideo: true, Fax: session.FaxRefuse})
		defer s.Close()
		d := mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n"+
			"a=rtpmap:101 telephone-event/8000\r\nm=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=image 4004 udptl t38\r\n")
		s.Restrict(d)
		if text := strings.Join(d.Media[0].Formats, " "); text != "0 101" || !d.Media[1].Rejected() || !d.Media[2].Rejected() {
			t.Errorf("what is left:\n%s", d)
		}
		check(t, s.SetRemote(d))
		to := got(s.RelayLocal(mediatest.Offer(t, bAddr), false))(t)
		if text := strings.Join(to.Media[0].Formats, " "); text != "0 9 101" {
			t.Errorf("offered %s", text)
		}
		none := mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4500 RTP/AVP 8\r\n")
		s.Restrict(none)
		if err := s.SetRemote(none); !errors.Is(err, sdp.ErrNoMatch) {
			t.Errorf("taken: %v", err)
		}
		if at := s.Remote(); at != aAddr.String() {
			t.Errorf("the peer is at %s", at)
		}
	})
}
