package session_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// seers are two phones with pictures alone, whose legs are joined. The feedback of each stands in its description.
type seers struct {
	*call
	offer, answer *sdp.Description
}

func pictures(t *testing.T, at netip.AddrPort, attrs string) *sdp.Description {
	host := at.Addr().String()
	return mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 "+host+"\r\ns=-\r\nc=IN IP4 "+host+"\r\nt=0 0\r\n"+
		"m=video "+strings.Split(at.String(), ":")[1]+" RTP/AVPF 99\r\na=rtpmap:99 H264/90000\r\n"+attrs)
}

func see(t *testing.T, feedbackA, feedbackB string) *seers {
	c := &seers{call: newCall(t)}
	c.a.Payload, c.b.Payload = 99, 99
	c.offer, c.answer = pictures(t, aAddr, feedbackA), pictures(t, bAddr, feedbackB)
	toB, toA := c.agree(c.offer, c.answer)
	c.toA, c.toB = mediatest.To(t, toA), mediatest.To(t, toB)
	c.sa.Join(c.sb)
	c.talk(5)
	return c
}

// asked counts the requests for a whole picture that a phone got about its own source, by their form: PLI 1, FIR 4.
func asked(p *mediatest.Phone) (pli, fir int) {
	for _, packet := range p.HeardControl() {
		b := packet.Data
		for c, rest, ok := rtp.NextControl(b); ok; c, rest, ok = rtp.NextControl(b) {
			if rtp.AsksPicture(b, &c) {
				switch {
				case b[0]&0x1f == 1 && binary.BigEndian.Uint32(b[8:]) == p.SSRC:
					pli++
				case b[0]&0x1f == 4 && binary.BigEndian.Uint32(b[12:]) == p.SSRC:
					fir++
				}
			}
			b = rest
		}
	}
	return pli, fir
}

// resume has a hold both see nothing, and go on.
func (c *seers) resume() {
	c.t.Helper()
	for _, dir := range []string{"inactive", "sendrecv"} {
		c.agree(pictures(c.t, aAddr, "a="+dir+"\r\n"), pictures(c.t, bAddr, "a="+dir+"\r\n"))
		mediatest.Wait(time.Second)
	}
}

// TestWholePictures: whoever begins to be seen by somebody new is asked for a whole picture, in the way that it takes.
func TestWholePictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := see(t, "a=rtcp-fb:* nack pli\r\n", "a=rtcp-fb:99 ccm fir\r\n")
		c.sa.Part() // as a transfer parts them
		c.sa.Join(c.sb)
		synctest.Wait()
		if pli, fir := asked(c.a); pli != 1 || fir != 0 {
			t.Errorf("a was asked by %d PLI and %d FIR, want one PLI", pli, fir)
		}
		if pli, fir := asked(c.b); pli != 0 || fir != 1 {
			t.Errorf("b was asked by %d PLI and %d FIR, want one FIR", pli, fir)
		}
		c.sa.Join(c.sb) // what goes on already asks nothing
		mediatest.Wait(time.Second)
		if pli, _ := asked(c.a); pli != 1 {
			t.Errorf("a was asked %d times", pli)
		}
		for range 20 { // a flood of wishes is one
			c.sa.AskPicture()
		}
		synctest.Wait()
		if pli, _ := asked(c.a); pli != 2 {
			t.Errorf("a was asked %d times, want once more", pli)
		}
	})
}

// TestWholePicturesInSignalling: a phone without feedback is asked in signalling, when its call goes on and when the
// other side's phone wants a picture by its own means.
func TestWholePicturesInSignalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := see(t, "a=rtcp-fb:* nack pli\r\n", "")
		wishes := make(chan session.News, 16)
		c.sb.OnNews(func(n session.News) {
			if n.Kind == session.KeyFrame {
				wishes <- n
			}
		})
		c.resume()
		if len(wishes) != 1 {
			t.Errorf("b was asked %d times after a hold, want once", len(wishes))
		}
		for range 30 { // within three seconds
			report := rtp.AppendReport(nil, c.a.SSRC, nil)
			c.a.SendControl(netip.AddrPortFrom(c.toA.Addr(), c.toA.Port()+1), rtp.AppendPLI(report, c.a.SSRC, c.b.SSRC))
			mediatest.Wait(100 * time.Millisecond)
		}
		if n := len(wishes); n < 5 || n > 11 {
			t.Errorf("b was asked %d times in all, want about every 300 ms", n)
		}
	})
}

// TestNoPicturesNoQuestions: a peer that sends no pictures, or is seen by nobody, is asked nothing.
func TestNoPicturesNoQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := see(t, "a=rtcp-fb:* nack pli\r\na=recvonly\r\n", "a=rtcp-fb:* nack pli\r\na=sendonly\r\n")
		c.sa.Part()
		c.sa.Join(c.sb)
		c.sa.AskPicture()
		synctest.Wait()
		if pli, fir := asked(c.a); pli+fir != 0 {
			t.Errorf("a, which sends nothing, was asked %d times", pli+fir)
		}
		if pli, _ := asked(c.b); pli != 1 {
			t.Errorf("b was asked %d times, want once", pli)
		}
	})
}
