package session

import (
	"time"

	"santral/media"
	"santral/media/jitter"
	"santral/media/quality"
	"santral/media/rtp"
	"santral/media/sdp"
)

// meter is a line's statistics. Its stream calls it under its own lock.
type meter struct {
	Receiver  quality.Receiver `json:"receiver"`
	SSRC      uint32           `json:"ssrc"`
	Begun     bool             `json:"begun"`
	Payload   uint8            `json:"payload"`         // the last that was no event
	Wants     extensions       `json:"wants,omitempty"` // reports that the peer asked for
	Octets    uint64           `json:"octets"`
	Sent      uint64           `json:"sent"` // by streams that are gone
	RoundTrip time.Duration    `json:"round_trip"`
	Course    *quality.Course  `json:"course,omitempty"` // of what comes from the peer; nil before its first step
	Peer      *quality.Peer    `json:"peer,omitempty"`   // what the peer says of what it gets; nil while it has said nothing
	habits    habits
	xr        *extended // nil while there are no extended reports

	asks *asks // of the peer for whole pictures; nil for a line of sound

	formats [2][]media.Format // what payload numbers mean; where both have one the second counts
	last    meaning           // of the last packet's
}

// asks is who is told that the peer wants a whole picture, and when that was last.
type asks struct {
	tell func()
	at   time.Duration
}

// extended is what there is of extended reports (RFC 3611 §4.4, §4.5).
type extended struct {
	theirs   reference // the peer's clock, which our next report answers
	ours     reference // our own, which its answer quotes
	receiver bool      // the meter's round trip is of such an answer
	played   repaired  // as of the last figures
}

// meaning is what a payload number means.
type meaning struct {
	clock         uint32 // 0 where unknown
	payload       uint8
	known         bool
	events, noise bool
}

// habits are what tells a peer that is silent from one that does not get through.
type habits struct {
	at      time.Duration // of the last packet, at the pool's clock
	seq     uint16
	pauses  bool          // the peer has been silent of its own accord: it suppresses silence
	claims  bool          // the peer has said how many packets it has sent, by a sender report
	unheard bool          // it says that it goes on sending, and we get nothing
	claimed uint32        // packets that it says it has sent, by its last sender report
	had     uint64        // packets that we had from it then
	steady  time.Duration // since when packets have come without a pause that the peer itself made
	reports uint64        // compound RTCP packets
	control time.Duration // when the last came
	longest time.Duration // between two of them
}

// reference is somebody's clock as it was told.
type reference struct {
	ssrc   uint32
	middle uint32 // of its NTP time; 0 for none
	at     time.Duration
}

// pauseLeast is a silence that no jitter of a network makes, when the packet after it is the very next.
const pauseLeast = 300 * time.Millisecond

// learn tells the meter what payload numbers mean: by at most two lists.
func (m *meter) learn(lists ...[]media.Format) {
	m.formats, m.last = [2][]media.Format{}, meaning{}
	copy(m.formats[:], lists)
}

// meaningOf finds what a payload number means. Most packets have the number of the one before.
func (m *meter) meaningOf(payload uint8) *meaning {
	k := &m.last
	if k.known && k.payload == payload {
		return k
	}
	*k = meaning{known: true, payload: payload, noise: payload == 13}
	for _, list := range m.formats {
		for i := range list {
			f := &list[i]
			if f.Payload&0x7f != payload {
				continue
			}
			k.clock = uint32(uint16(f.Rate/250)) * 250
			k.events = k.events || sdp.IsEvents(*f)
			k.noise = k.noise || sdp.IsNoise(*f)
		}
	}
	return k
}

// more gives what there is of extended reports, made when it is first needed.
func (m *meter) more() *extended {
	if m.xr == nil {
		m.xr = new(extended)
	}
	return m.xr
}

// peer gives what the peer says, made when it is first needed.
func (m *meter) peer() *quality.Peer {
	if m.Peer == nil {
		m.Peer = new(quality.Peer)
	}
	return m.Peer
}

// clone gives a copy for who writes it out.
func (m *meter) clone() meter {
	c := *m
	if m.Course != nil {
		course := *m.Course
		c.Course = &course
	}
	if m.Peer != nil {
		peer := *m.Peer
		c.Peer = &peer
	}
	if m.xr != nil {
		more := *m.xr
		c.xr = &more
	}
	return c
}

// Packet counts one packet of the peer's (rtp.Meter).
func (m *meter) Packet(h rtp.Header, size int, at time.Duration) {
	b, means := &m.habits, m.meaningOf(h.Payload)
	if m.SSRC != h.SSRC || !m.Begun {
		if m.Begun {
			m.Receiver.Restart()
		}
		m.SSRC, m.Begun = h.SSRC, true
		b.steady, b.claims = at, false
	} else if b.at == 0 { // taken over from another process
		b.steady = at
	} else if at-b.at > pauseLeast && h.Seq-b.seq == 1 || means.noise {
		b.pauses, b.steady = true, at
	}
	b.at, b.seq, b.unheard = at, h.Seq, false
	if means.events {
		m.Receiver.Count(h.Seq)
		return
	}
	if means.clock != 0 && means.clock != m.Receiver.Rate {
		m.Receiver.Rate, m.Receiver.Timed = means.clock, false
	}
	m.Payload = h.Payload
	switch m.Receiver.Update(h.Seq, h.Timestamp, at) {
	case quality.Fresh, quality.Jumped:
		m.Octets += uint64(size)
	}
}

// Bounds of what is read of one report.
const (
	mostBlocks  = 16
	leastUnsaid = 25 // packets that a peer says it sent, from which on none of them is no accident
)

// Control reads one report of the peer's (rtp.Reporter).
func (m *meter) Control(p []byte, at time.Duration) {
	b := &m.habits
	if b.reports > 0 {
		b.longest = max(b.longest, at-b.control)
	}
	b.reports++
	b.control = at
	for c, rest, ok := rtp.NextControl(p); ok; c, rest, ok = rtp.NextControl(p) {
		if c.Type == rtp.SenderReport {
			m.claimLocked(c.Sender.Packets)
		}
		if a := m.asks; a != nil && rtp.AsksPicture(p, &c) && at-a.at > askEvery {
			a.at = at
			go a.tell() // its locks come before the stream's
		}
		m.hear(&c)
		left := mostBlocks
		for x, more, ok := rtp.NextXR(c.Extended()); ok && left > 0; x, more, ok = rtp.NextXR(more) {
			left--
			m.extended(&c, &x, at)
		}
		p = rest
	}
}

// claimLocked compares what the peer says it has sent with what came.
func (m *meter) claimLocked(packets uint32) {
	b := &m.habits
	if more := packets - b.claimed; b.claims && more >= leastUnsaid && more < 1<<31 && m.Receiver.Packets == b.had {
		b.unheard = true
	}
	b.claimed, b.claims, b.had = packets, true, m.Receiver.Packets
}

// hear takes the block about the stream that the peer gets: of the source that it reported of before, otherwise the
// first.
func (m *meter) hear(c *rtp.Control) {
	n := min(c.Reports(), mostBlocks)
	if n == 0 {
		return
	}
	r, peer := c.Report(0), m.peer()
	for i := 1; i < n && r.SSRC != peer.SSRC; i++ {
		if other := c.Report(i); other.SSRC == peer.SSRC {
			r = other
		}
	}
	peer.Hear(r.SSRC, r.Lost, r.Fraction, r.Highest, r.Jitter)
}

func (m *meter) extended(c *rtp.Control, x *rtp.XRBlock, at time.Duration) {
	if v, ok := x.VoIP(); ok {
		m.peer().Metrics = quality.Metrics{Discarded: float64(v.Discarded) / 256, Delay: time.Duration(v.EndDelay) * time.Millisecond}
		if v.Listening >= 10 && v.Listening <= 50 {
			m.Peer.Metrics.Listening = float64(v.Listening) / 10
		}
	}
	if ntp, ok := x.Reference(); ok {
		m.more().theirs = reference{c.SSRC, uint32(ntp >> 16), at}
	}
	e := m.xr
	if e == nil {
		return
	}
	for i := range min(x.Answers(), mostBlocks) {
		a := x.Answer(i)
		if a.Last == 0 || a.Last != e.ours.middle || a.SSRC != e.ours.ssrc {
			continue
		}
		kept := time.Duration(uint64(a.Delay) * uint64(time.Second) >> 16)
		if trip := at - e.ours.at - kept; trip >= 0 {
			m.RoundTrip, e.receiver = max(trip, 1), true
		}
	}
}

// repaired is what jitter buffers have done with the peer's sound.
type repaired struct {
	discarded uint64        // packets that came too late
	concealed time.Duration // sound that was made up
	delay     time.Duration // that a packet waits
}

// hearing is how a line's peer was heard here; nil where its packets were always passed on.
type hearing struct {
	ear      *receiver      // that hears it, or did last
	repaired repaired       // by buffers before the last one
	buffer   *jitter.Buffer // the last one
}

// heardBy takes note of who hears the peer.
func (l *line) heardBy(r *receiver) {
	if l.hearing == nil {
		l.hearing = new(hearing)
	}
	l.hearing.ear = r
}

// repair gives what was repaired by all buffers that the line had.
func (l *line) repair() repaired {
	h := l.hearing
	if h == nil {
		return repaired{}
	}
	sum := h.repaired
	if h.buffer != nil {
		sum = sum.and(h.buffer)
	}
	if h.ear == nil {
		return sum
	}
	if b := h.ear.buffer.Load(); b != nil && b != h.buffer {
		h.repaired, h.buffer = sum, b
		sum = sum.and(b)
	}
	return sum
}

func (r repaired) and(b *jitter.Buffer) repaired {
	st := b.Stats()
	r.discarded += st.Late
	if made := st.Concealed - min(st.Comfort, st.Concealed); made > 0 {
		r.concealed += time.Duration(made) * time.Second / time.Duration(b.Rate())
	}
	r.delay = st.Delay
	return r
}

// quality gives the figures of a line, with step after the next of their course.
func (l *line) quality(step bool) (q media.Quality, took, heard bool) {
	m := &l.meter
	r := l.repair()
	q.Discarded, q.Concealed, q.Buffer = r.discarded, r.concealed, r.delay
	read := func() {
		c := &m.Receiver
		losses := c.Losses()
		q.Packets, q.Octets, q.Lost, q.Late, q.Jitter, q.Spoken = c.Packets, m.Octets, c.Lost(), c.Late, c.JitterTime(), c.SpokenTime()
		q.Bursts, q.BurstPackets, q.BurstLost, q.BurstRatio = losses.Bursts, losses.BurstPackets, losses.BurstLost, losses.Ratio()
		if q.Packets > 0 {
			q.Format = nameOf(m.Payload, l.local, l.remote)
			q.Delay = quality.OneWay(&q)
		}
		if m.Wants != 0 {
			m.more().played = r
		}
		format, clock, rate := q.Format, int(c.Rate), 0.0
		if q.Spoken > time.Second {
			rate = float64(8*q.Octets) / q.Spoken.Seconds()
		}
		if format == "" || clock == 0 { // the peer has said nothing yet: it gets what was agreed on
			format, clock = l.first()
		}
		if step && q.Packets > 0 {
			if m.Course == nil {
				m.Course = new(quality.Course)
			}
			took = m.Course.Take(&q, losses.Runs)
		}
		if m.Course != nil {
			q.Course = m.Course.Course
		}
		if m.Peer != nil {
			heard = step && m.Peer.Take(format, rate, clock, q.RoundTrip)
			q.Heard = m.Peer.Heard(format, rate, clock, q.RoundTrip)
		}
	}
	if l.stream == nil { // nobody meters any more
		q.Sent, q.RoundTrip = m.Sent, m.RoundTrip
		read()
	} else {
		f := l.stream.Facts()
		q.Sent, q.RoundTrip = f.Sent+m.Sent, f.RoundTrip
		l.stream.Locked(func() {
			if m.xr != nil && m.xr.receiver && q.RoundTrip == 0 {
				q.RoundTrip = m.RoundTrip
			}
			read()
		})
	}
	q.MOS, q.Listening = quality.Estimate(q), quality.Listening(q)
	return l.fax.qualityOf(q), took, heard
}

// first is the first encoding of speech that both sides named, with its clock.
func (l *line) first() (name string, clock int) {
	list := l.remote
	if len(l.local) > 0 && len(l.local) < len(list) {
		list = l.local
	}
	for i := range list {
		if f := &list[i]; !sdp.IsEvents(*f) && !sdp.IsNoise(*f) {
			return f.Name, f.Rate
		}
	}
	return "", 0
}
