package session_test

import (
	"net/netip"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/media"
	"santral/media/mediatest"
	"santral/media/mixer"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// hall is phones that speak in a room, each with a session of its own.
type hall struct {
	t     *testing.T
	net   *vnet.Network
	cfg   *session.Config
	room  *mixer.Room
	seats []*seat
}

type seat struct {
	*speaker
	s *session.Session
	m *mixer.Member
}

func newHall(t *testing.T, c mixer.Config) *hall {
	n := vnet.New(1)
	h := &hall{t: t, net: n, cfg: config(t, n.Host(home))}
	c.Clock = h.cfg.Pool
	h.room = mixer.New(c)
	t.Cleanup(h.room.Close)
	return h
}

// seat has one more phone come in.
func (h *hall) seat(f media.Format, ptime int, hz float64) *seat {
	h.t.Helper()
	x := h.phone(f, ptime, hz)
	h.take(x, session.Profile{}, x.offer())
	return x
}

// phone is one more phone.
func (h *hall) phone(f media.Format, ptime int, hz float64) *seat {
	h.t.Helper()
	at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + len(h.seats))}), 4000)
	x := &seat{speaker: newSpeaker(h.t, mediatest.NewPhone(h.t, h.net.Host(at.Addr()), at), f, ptime, hz)}
	h.seats = append(h.seats, x)
	return x
}

// take has a phone come in, by what it offers, and gives our answer.
func (h *hall) take(x *seat, p session.Profile, offer *sdp.Description) *sdp.Description {
	h.t.Helper()
	x.s = session.New(h.cfg, x.phone.Addr().Addr(), p)
	h.t.Cleanup(x.s.Close)
	check(h.t, x.s.SetRemote(offer))
	answer := got(x.s.AnswerLocal())(h.t)
	x.to = mediatest.To(h.t, answer)
	x.m = got(h.room.Join(mixer.Options{}))(h.t)
	x.s.Attach(x.m, x.m)
	return answer
}

// talk has phones say their tones.
func (h *hall) talk(d time.Duration, who ...*seat) {
	var list []*speaker
	for _, x := range who {
		list = append(list, x.speaker)
	}
	talk(d, list...)
}

// sound is what the phone has heard since it was last asked, without a gap in its stream.
func (x *seat) sound() (sound []int16) {
	x.t.Helper()
	dec := got(x.codec.NewDecoder(x.f))(x.t)
	step := uint32(x.f.Rate * int(x.ptime/time.Millisecond) / 1000)
	var last rtp.Header
	for i, p := range x.phone.Take() {
		h := p.Header
		if h.Payload != x.f.Payload || i > 0 && (h.SSRC != last.SSRC || h.Seq != last.Seq+1 || h.Timestamp != last.Timestamp+step) {
			x.t.Fatalf("%s: packet %d: %+v after %+v", x.f.Name, i, h, last)
		}
		last = h
		f := make([]int16, x.codec.Rate*120/1000)
		n, err := dec.Decode(f, p.Data[h.Begin:h.End])
		check(x.t, err)
		sound = append(sound, f[:n]...)
	}
	return sound
}
