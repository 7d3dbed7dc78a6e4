package rtp

import "time"

// Alarm is what a stream tells of what arrives.
type Alarm uint8

// The alarms. Each is told when it begins, and again only after it was over.
const (
	NoAlarm  Alarm = iota
	WrongKey       // the peer's packets don't open: twenty in a row over a second
	Flood          // the peer sends more than the guard lets through; over after ten seconds within the rate
)

const calm = 10 * time.Second // within the rate, after which a flood is over

// OnAlarm has f told of alarms; nil for nobody. It is called on a reader, with no lock of the stream's held, and
// must not block.
func (s *Stream) OnAlarm(f func(Alarm)) {
	s.mu.Lock()
	s.alarm = f
	s.mu.Unlock()
}

// floodLocked gives the alarm for a packet that came too fast.
func (s *Stream) floodLocked(now int64) (a Alarm) {
	if s.flooded == 0 || now-s.flooded > int64(calm) {
		a = Flood
	}
	s.flooded = now
	return a
}
