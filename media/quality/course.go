package quality

import (
	"math"
	"time"

	"santral/media"
)

// Step is the time between two samples of a stream's course.
const Step = 5 * time.Second

// Course follows a stream in one direction, a step each five seconds, in the same room however long it lasts. The
// zero value is ready.
type Course struct {
	media.Course
	Sum       float64 `json:"sum"`
	Packets   uint64  `json:"packets"` // all as they were at the last step: received …
	Lost      uint64  `json:"lost"`
	Discarded uint64  `json:"discarded"`
	Runs      uint64  `json:"runs"`
}

// Take makes a step: q is the stream over the whole of its life, runs how often packets began to be lost. Without a
// packet since the last step there is nothing to judge, and false is given.
func (c *Course) Take(q *media.Quality, runs uint64) bool {
	packets, lost, discarded := q.Packets-c.Packets, sub(q.Lost, c.Lost), sub(q.Discarded, c.Discarded)
	if packets == 0 {
		return false
	}
	p := PathOf(q)
	p.Loss = min(1, float64(lost+discarded)/float64(packets+lost))
	p.Burst = burstRatio(lost, sub(runs, c.Runs), packets+lost)
	c.Packets, c.Lost, c.Discarded, c.Runs = q.Packets, q.Lost, q.Discarded, runs
	c.add(media.Sample{MOS: Score(p), Loss: p.Loss, Jitter: q.Jitter})
	return true
}

func (c *Course) add(s media.Sample) {
	c.Now = s
	if c.Samples == 0 || s.MOS < c.Worst.MOS {
		c.Worst = s
	}
	c.Samples++
	c.Sum += s.MOS
	c.Average = math.Round(100*c.Sum/float64(c.Samples)) / 100
}

// sub is a - b, or 0: late packets make losses fewer.
func sub(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// Peer is what a peer says of the stream that it gets, report by report. The zero value is ready.
type Peer struct {
	Course  Course    `json:"course"`
	Reports uint64    `json:"reports"`
	SSRC    uint32    `json:"ssrc"`  // whose packets its reports are about
	Base    int64     `json:"base"`  // extended number before the first packet, as far as the first report tells
	High    uint32    `json:"high"`  // extended highest number at the last report
	Gone    int64     `json:"gone"`  // lost in all, by that report
	Since   int64     `json:"since"` // extended number at the last step
	Missed  int64     `json:"missed"`
	Before  [2]uint64 `json:"before"` // packets and losses of sources that were before
	Jitter  uint32    `json:"jitter"` // in clock units
	Metrics Metrics   `json:"metrics"`
	Fresh   bool      `json:"fresh"` // a report came since the last step
}

// Metrics is what a peer says besides in a VoIP metrics block (RFC 3611 §4.7).
type Metrics struct {
	Discarded float64       `json:"discarded"` // share, 0 to 1
	Delay     time.Duration `json:"delay"`     // of its equipment
	Listening float64       `json:"listening"` // MOS-LQ, 0 for none
}

// Hear takes a report block about a source. A peer that gets one stream after another reports of the last.
func (p *Peer) Hear(ssrc uint32, lost int32, fraction uint8, high, jitter uint32) {
	if p.Reports > 0 && ssrc != p.SSRC {
		p.Before[0] += uint64(max(0, int64(p.High)-p.Base))
		p.Before[1] += uint64(max(0, p.Gone))
	}
	if p.Reports == 0 || ssrc != p.SSRC {
		expected := int64(1)
		if fraction > 0 { // what the first interval lost tells how long it was
			expected = max(1, int64(lost)*256/int64(fraction))
		}
		p.SSRC, p.Base = ssrc, int64(high)-expected
		p.Since, p.Missed = p.Base, 0
	}
	p.Reports++
	p.High, p.Gone, p.Jitter, p.Fresh = high, int64(lost), jitter, true
}

// Take makes a step. format and rate are those of what the peer gets, with its clock; roundTrip that to it.
func (p *Peer) Take(format string, rate float64, clock int, roundTrip time.Duration) bool {
	if !p.Fresh {
		return false
	}
	p.Fresh = false
	packets, lost := int64(p.High)-p.Since, p.Gone-p.Missed
	if packets <= 0 || packets > 1<<24 {
		return false // nothing new, or nonsense
	}
	p.Since, p.Missed = int64(p.High), p.Gone
	path := p.path(format, rate, clock, roundTrip)
	path.Loss = min(1, max(0, float64(lost)/float64(packets))+p.Metrics.Discarded)
	p.Course.add(media.Sample{MOS: Score(path), Loss: path.Loss, Jitter: p.jitter(clock)})
	return true
}

func (p *Peer) jitter(clock int) time.Duration {
	if clock <= 0 {
		return 0
	}
	return min(time.Duration(p.Jitter)*time.Second/time.Duration(clock), time.Minute)
}

func (p *Peer) path(format string, rate float64, clock int, roundTrip time.Duration) Path {
	delay := p.Metrics.Delay
	if delay == 0 {
		delay = 2 * p.jitter(clock)
	}
	return Path{Format: format, Rate: rate, Delay: roundTrip/2 + 20*time.Millisecond + delay}
}

// Heard is all that the peer has said.
func (p *Peer) Heard(format string, rate float64, clock int, roundTrip time.Duration) (h media.Heard) {
	if p.Reports == 0 {
		return h
	}
	h = media.Heard{
		Reports: p.Reports, Packets: p.Before[0] + uint64(max(0, int64(p.High)-p.Base)), Lost: p.Before[1] + uint64(max(0, p.Gone)),
		Discarded: p.Metrics.Discarded, Jitter: p.jitter(clock), Delay: p.Metrics.Delay, Said: p.Metrics.Listening, Course: p.Course.Course,
	}
	h.Lost = min(h.Lost, h.Packets)
	path := p.path(format, rate, clock, roundTrip)
	if h.Packets > 0 {
		path.Loss = min(1, float64(h.Lost)/float64(h.Packets)+h.Discarded)
	}
	h.MOS = Score(path)
	return h
}
