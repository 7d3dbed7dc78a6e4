package session

import (
	"time"

	"santral/media"
	"santral/media/rtp"
)

// lag brings what is said to a tap's sink, a constant time later, turn by turn of the media clock. What was said before the
// tap began is left out; at its end all that was said comes at once. It is behind the lock of the tap that it is of.
type lag struct {
	pool  *rtp.Pool
	sink  media.Sink
	dated media.Dated // the sink, where it asks; otherwise nil
	rate  int         // of the sink
	frame media.Frame
	from  time.Duration // when the tap began, on the pool's clock
	next  time.Duration // turn
	pace  time.Duration // between two turns of the media clock
	late  int           // frames that came late, one after the other
	over  bool
}

// datedPace is how often a sink is given something that is told when it was said: it does not need it sooner, and three frames at
// once cost little more than one.
const datedPace = 3 * rtp.FrameTime

// A media loop that is held up comes late and catches up: its turns are for when they should have been. What is later by
// more than lost, or for so many frames, is not caught up any more.
const (
	slip = 2 * time.Millisecond
	lost = 100 * time.Millisecond
	slow = 12
)

// tapSource gives the sound of a turn, that was said TapDelay before it.
type tapSource interface {
	fillLocked(f media.Frame, turn time.Duration)
}

func newLag(pool *rtp.Pool, sink media.Sink) lag {
	l := lag{pool: pool, sink: sink, rate: media.RateOf(sink), from: pool.Clock(), pace: rtp.FrameTime}
	if l.dated, _ = sink.(media.Dated); l.dated != nil {
		l.pace = datedPace
	}
	l.frame = make(media.Frame, samplesIn(l.rate, rtp.FrameTime))
	return l
}

// Pace is how often there is a turn (rtp.Paced).
func (l *lag) Pace() time.Duration { return l.pace }

// speak gives the sink what is due on a turn of the media clock: what was due since the one before, too.
func (l *lag) speak(src tapSource, now time.Duration) bool {
	if l.over {
		return false
	}
	many := int(l.pace / rtp.FrameTime)
	first := now - l.pace + rtp.FrameTime
	switch off := first - l.next; {
	case off < 0 || off > lost || l.late >= slow:
		l.next, l.late = first, 0
	case off > slip:
		l.late += many
	default:
		l.late = 0
	}
	for range many {
		l.give(src, l.frame)
	}
	return true
}

// give has the sink hear the next turn.
func (l *lag) give(src tapSource, f media.Frame) {
	src.fillLocked(f, l.next)
	said := l.next - TapDelay
	end := said + time.Duration(len(f))*time.Second/time.Duration(l.rate)
	l.next += rtp.FrameTime
	if end <= l.from {
		return
	}
	f = f[samplesIn(l.rate, max(l.from-said, 0)):]
	if len(f) == 0 {
		return
	}
	if l.dated != nil {
		l.dated.WriteSaid(f, l.pool.Instant(end))
	} else {
		l.sink.Write(f)
	}
}

// end gives the sink what was said up to now, and nothing after that.
func (l *lag) end(src tapSource) {
	if l.over {
		return
	}
	l.over = true
	now := l.pool.Clock()
	if l.next == 0 || now-l.next > lost+l.pace { // nobody has read yet, or for long
		l.next = max(l.from, now-lost)
	}
	for left := now + TapDelay - l.next; left > 0; left -= rtp.FrameTime {
		l.give(src, l.frame[:samplesIn(l.rate, min(left, rtp.FrameTime))])
	}
}
