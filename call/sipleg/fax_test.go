package sipleg

import (
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/session"
	"santral/sip"
)

// t38 is a fax's description; with sound the line of the sound is left, and the images have another.
func t38(addr string, port int, sound bool) string {
	text := "v=0\r\no=- 1 2 IN IP4 " + addr + "\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\n"
	if sound {
		text += "m=audio 0 RTP/AVP 8\r\n"
	}
	return text + "m=image " + strconv.Itoa(port) + " udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\na=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:400\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
}

// becomes has one phone change the session to what it describes, and the other agree to it. It gives what each is told.
func (p *phone) becomes(other *phone, offer, answer string) (asked, answered string) {
	p.w.Helper()
	req := p.asks(sip.INVITE, offer)
	in := other.want(sip.INVITE)
	other.reply(in, 200, answer)
	other.want(sip.ACK)
	ok := p.status(200)
	seq, _ := req.CSeq()
	p.ack(seq.Seq, "")
	p.none(100 * time.Millisecond)
	return in.Body, ok.Body
}

// asksInVain is the same where the change is refused: by the other phone, or by the exchange where other is nil.
func (p *phone) asksInVain(other *phone, offer string) {
	p.w.Helper()
	req := p.asks(sip.INVITE, offer)
	if other != nil {
		in := other.want(sip.INVITE)
		if !strings.Contains(in.Body, "m=image") {
			p.w.Errorf("no images in\n%s", in.Body)
		}
		other.reply(in, 488, "")
		other.want(sip.ACK)
	}
	p.refused(req, p.status(488))
	p.none(100 * time.Millisecond)
}

// portOf is the port of a description's first line in use.
func portOf(t *testing.T, text string) string {
	t.Helper()
	for line := range strings.SplitSeq(text, "\r\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "m=") && f[1] != "0" {
			return f[1]
		}
	}
	t.Fatalf("no line in use in\n%s", text)
	return ""
}

// TestFax: the called machine asks for T.38, and sound comes back after it; by one line, and by a line beside that of the
// sound. Every attribute of the fax crosses.
func TestFax(t *testing.T) {
	for _, sound := range []bool{false, true} {
		t.Run(map[bool]string{false: "in-place", true: "beside"}[sound], func(t *testing.T) {
			play(t, func(w *world, x *exchange) {
				a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
				talking(w, a, b)
				asked, answered := b.becomes(a, t38(b.addr, 6010, sound), t38(a.addr, 6020, sound))
				for _, body := range []string{asked, answered} {
					for _, want := range []string{"m=image ", " udptl t38\r\n", "a=T38FaxVersion:0\r\n", "a=T38FaxRateManagement:transferredTCF\r\n", "a=T38FaxUdpEC:t38UDPRedundancy\r\n", "a=T38FaxMaxDatagram:400\r\n"} {
						if !strings.Contains(body, want) {
							t.Errorf("no %q in\n%s", want, body)
						}
					}
				}
				back, there := audio(b.addr, 4000, "sendrecv"), audio(a.addr, 4000, "sendrecv")
				if sound {
					back += "m=image 0 udptl t38\r\n"
					there += "m=image 0 udptl t38\r\n"
				}
				if asked, _ := b.becomes(a, back, there); !strings.Contains(asked, "m=audio ") || strings.Contains(asked, "T38") {
					t.Errorf("sound again:\n%s", asked)
				}
				if used := x.pool.Stats().Used; used != 2 {
					t.Errorf("%d ports in use", used)
				}
				a.leaves(b)
				w.house.Check(t)
			})
		})
	}
}

// TestFaxRefused: the other phone has no T.38. The call goes on as sound, on the ports that it had.
func TestFaxRefused(t *testing.T) {
	for _, sound := range []bool{false, true} {
		t.Run(map[bool]string{false: "in-place", true: "beside"}[sound], func(t *testing.T) {
			play(t, func(w *world, x *exchange) {
				a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
				talking(w, a, b)
				asked, answered := b.becomes(a, audio(b.addr, 4000, "sendonly"), audio(a.addr, 4000, "recvonly"))
				b.asksInVain(a, t38(b.addr, 6010, sound))
				a.asksInVain(b, t38(a.addr, 6020, sound))
				again, too := b.becomes(a, audio(b.addr, 4000, "sendrecv"), a.sdp)
				b.asksInVain(a, t38(b.addr, 6010, sound))
				req := b.asks(sip.INVITE, audio(b.addr, 4000, "sendrecv")) // to be sure, and nothing new
				if ok := b.status(200); portOf(t, ok.Body) != portOf(t, too) || strings.Contains(ok.Body, "m=image") {
					t.Errorf("the same sound is answered\n%s", ok.Body)
				}
				seq, _ := req.CSeq()
				b.ack(seq.Seq, "")
				if portOf(t, again) != portOf(t, asked) || portOf(t, too) != portOf(t, answered) || strings.Contains(again, "m=image") {
					t.Errorf("before\n%s\nafter\n%s", asked, again)
				}
				if used := x.pool.Stats().Used; used != 2 {
					t.Errorf("%d ports in use", used)
				}
				a.leaves(b)
				w.house.Check(t)
			})
		})
	}
}

// TestFaxNotForThisLine: a line that is set to send faxes as sound is refused T.38 by the exchange, and is not offered it;
// nobody else is asked. Images under a handshake are nothing that we have.
func TestFaxNotForThisLine(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.agent.cfg.Manners = func(p Peer) Manners {
			return Manners{Media: session.Profile{Fax: map[string]session.FaxMode{"102": session.FaxSound}[p.Account]}}
		}
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		b.asksInVain(nil, t38(b.addr, 6010, false))
		a.none(100 * time.Millisecond)
		a.asksInVain(nil, t38(a.addr, 6020, false))
		b.none(100 * time.Millisecond)
		a.asksInVain(nil, strings.Replace(t38(a.addr, 6020, false), " udptl ", " UDP/TLS/UDPTL ", 1))
		b.none(100 * time.Millisecond)
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestFaxFromTheFirst: the INVITE offers T.38 and nothing else.
func TestFaxFromTheFirst(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		a.invite("102", t38(a.addr, 6020, false))
		if req := b.rings(); !strings.Contains(req.Body, "m=image ") || strings.Contains(req.Body, "m=audio") {
			t.Errorf("B is asked\n%s", req.Body)
		}
		a.status(180)
		b.reply(b.req, 200, t38(b.addr, 6010, false))
		b.want(sip.ACK)
		if ok := a.answered(""); !strings.Contains(ok.Body, "m=image ") {
			t.Errorf("A is answered\n%s", ok.Body)
		}
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestFaxAndSessionTimers: what refreshes a fax is the fax as it is, and what refreshes sound is sound: T.38 is
// never offered at a refresh.
func TestFaxAndSessionTimers(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		x.lasts()
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		refresh := func(a, b *phone, has, sdpA, sdpB string) { // at half of the session's time, by re-INVITEs as neither has UPDATE
			t.Helper()
			for i, p := range []*phone{a, b} {
				sdp := []string{sdpA, sdpB}[i]
				again := p.want(sip.INVITE)
				if !strings.Contains(again.Body, "m="+has+" ") || strings.Contains(again.Body, "m=image") != (has == "image") {
					t.Errorf("%s is refreshed with\n%s", p.number, again.Body)
				}
				p.reply(again, 200, sdp)
				p.want(sip.ACK)
			}
		}
		for range 2 {
			b.none(890 * time.Second)
			refresh(a, b, "audio", a.sdp, b.sdp)
		}
		b.becomes(a, t38(b.addr, 6010, false), t38(a.addr, 6020, false))
		for range 2 {
			b.none(890 * time.Second)
			refresh(a, b, "image", t38(a.addr, 6020, false), t38(b.addr, 6010, false))
		}
		a.leaves(b)
		w.house.Check(t)
	})
}

// TestFaxGlare: both machines ask for T.38 at once. The one whose wish came first gives way to the other, and they
// have their fax.
func TestFaxGlare(t *testing.T) {
	play(t, func(w *world, x *exchange) {
		a, b := w.phone("192.0.2.11", "101"), w.phone("192.0.2.12", "102")
		talking(w, a, b)
		reqA := a.asks(sip.INVITE, t38(a.addr, 6020, false))
		synctest.Wait() // there before the other
		reqB := b.asks(sip.INVITE, t38(b.addr, 6010, false))
		a.refused(reqA, a.status(491))
		in := a.want(sip.INVITE)
		a.reply(in, 200, t38(a.addr, 6020, false))
		a.want(sip.ACK)
		ok := b.status(200)
		if !strings.Contains(in.Body, "m=image ") || !strings.Contains(ok.Body, "m=image ") {
			t.Errorf("A was asked\n%s\nB was answered\n%s", in.Body, ok.Body)
		}
		seq, _ := reqB.CSeq()
		b.ack(seq.Seq, "")
		b.none(time.Second)
		a.none(time.Second)
		a.leaves(b)
		w.house.Check(t)
	})
}
