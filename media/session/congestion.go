package session

import (
	"strconv"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"

	"santral/media/rtp"
	"santral/media/sdp"
)

// wideURI names the header extension that carries transport-wide sequence numbers, by which a sender learns how its
// packets fare; each browser offers it (draft-holmer-rmcat-transport-wide-cc-extensions-01 §2).
const wideURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

const wideFeedback = "transport-cc"

// wideEvery is how often arrivals are reported, and wideIdle after which silence no more.
const (
	wideEvery = 100 * time.Millisecond
	wideIdle  = time.Second
)

// congestion tells a browser how its packets arrive here. It ends on each leg: what the other side says of its own way
// is relayed beside it, as the bit rate that it can receive. The lines of a bundle share one.
type congestion struct {
	clock func() time.Duration

	mu       sync.Mutex // a leaf
	stream   *rtp.Stream
	recorder *twcc.Recorder
	last     time.Duration // when a packet came
	running  bool
	closed   bool
}

// Arrived notes a packet (rtp.Wide).
func (c *congestion) Arrived(ssrc uint32, seq uint16, at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.recorder.Record(ssrc, seq, at.Microseconds())
	c.last = at
	if !c.running {
		c.running = true
		time.AfterFunc(wideEvery, c.report)
	}
}

// report tells of what came since the last time.
func (c *congestion) report() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	packets := c.recorder.BuildFeedbackPacket()
	if c.running = c.clock()-c.last < wideIdle; c.running {
		time.AfterFunc(wideEvery, c.report)
	}
	stream := c.stream
	c.mu.Unlock()
	for _, p := range packets {
		if out, err := rtcp.Marshal([]rtcp.Packet{p}); err == nil {
			stream.SendControl(out)
		}
	}
}

// close ends the reports. A nil one has none.
func (c *congestion) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
}

// wideNumber is the number of the extension on a line, 0 where it has none or no feedback of the kind.
func wideNumber(m *sdp.Media) (number uint8) {
	feedback := false
	for i := range m.Attrs {
		switch a := &m.Attrs[i]; a.Name {
		case "rtcp-fb":
			_, kind := sdp.Feedback(a.Value)
			feedback = feedback || kind == wideFeedback
		case "extmap":
			id, uri := sdp.Extension(a.Value)
			if n, err := strconv.ParseUint(id, 10, 8); err == nil && uri == wideURI {
				number = uint8(n)
			}
		}
	}
	if !feedback {
		return 0
	}
	return number
}

// wideLocked writes into line i of a description of ours that arrivals are reported, where the peer is a browser:
// what it offers of it in an answer, a number of our own in an offer.
func (s *Session) wideLocked(l *line, m *sdp.Media, answering bool, i int) {
	number := uint8(0)
	switch {
	case !sdp.RTP(m.Proto) || l.wire == (wire{}) || !l.wire.DTLS || !l.wire.ICE:
	case answering:
		number = wideNumber(&s.remote.Media[i])
	case s.profile.Web && m.Kind == "video":
		if number = l.wide; number == 0 {
			number = freeExtension(m)
		}
	}
	if l.wide = number; number == 0 {
		return
	}
	m.Attrs = append(m.Attrs, sdp.Attr{Name: "extmap", Value: strconv.Itoa(int(number)) + " " + wideURI})
	for _, f := range m.Formats {
		if !answering || sdp.HasFeedback(&s.remote.Media[i], f+" "+wideFeedback) {
			m.Attrs = append(m.Attrs, sdp.Attr{Name: "rtcp-fb", Value: f + " " + wideFeedback})
		}
	}
}

// freeExtension is a number of a one-octet element that no extension of the line has (RFC 8285 §4.2).
func freeExtension(m *sdp.Media) uint8 {
	var taken [15]bool
	for i := range m.Attrs {
		if a := &m.Attrs[i]; a.Name == "extmap" {
			id, _ := sdp.Extension(a.Value)
			if n, err := strconv.Atoi(id); err == nil && n > 0 && n < len(taken) {
				taken[n] = true
			}
		}
	}
	for n := len(taken) - 1; n > 0; n-- {
		if !taken[n] {
			return uint8(n)
		}
	}
	return 0
}

// reportLocked begins or ends the reports of arrivals on a line, as both descriptions have agreed.
func (s *Session) reportLocked(l *line) {
	if l.path == nil {
		return
	}
	if l.wide == 0 || l.peerWide != l.wide {
		l.stream.OnWide(0, nil)
		return
	}
	p := l.path
	if p.congestion == nil {
		p.congestion = &congestion{clock: s.cfg.Pool.Clock, stream: p.stream, recorder: twcc.NewRecorder(s.voiceLocked().ssrc)}
	}
	l.stream.OnWide(l.wide, p.congestion)
}
