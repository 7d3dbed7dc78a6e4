package session

import (
	"errors"
	"sync"
	"time"

	"santral/media"
	"santral/media/dtmf"
	"santral/media/pcm"
	"santral/media/rtp"
)

// frameSize is 20 ms at 8 kHz in samples.
const frameSize = 160

// Reports go out at this interval (RFC 3550 §6.2), and two keys are this many packets apart.
const (
	reportEvery = 5 * time.Second
	keyPause    = 5
)

// ErrNoDigits says that a digit cannot be sent: the peer takes no telephone-event, or media does
// not end here.
var ErrNoDigits = errors.New("the peer takes no digits as telephone events")

// voice is what we say ourselves to one peer. It is called on the media clock.
type voice struct {
	pool *rtp.Pool
	name string // our CNAME

	mu      sync.Mutex
	onClock bool
	stream  *rtp.Stream // nil while media does not end here
	meter   *meter
	codec   pcm.Codec
	events  uint8
	digits  bool // events holds
	mute    bool // the peer wants nothing now
	talking bool // silence is said when src has nothing
	src     media.Source
	presses []dtmf.Press
	pause   int // packets until the next key
	pressed uint32
	marker  bool

	ssrc, timestamp uint32
	seq             uint16
	packets, octets uint32
	reportAt        time.Duration
	left            time.Duration // when the voice left the clock

	samples [frameSize]int16
	packet  [rtp.HeaderSize + frameSize]byte
	report  []byte
}

// voiceLocked gives the session's voice, made when it is first needed.
func (s *Session) voiceLocked() *voice {
	if s.voice == nil {
		a, b := s.cfg.Random.Uint64(), s.cfg.Random.Uint64()
		s.voice = &voice{
			pool: s.cfg.Pool, name: s.cfg.Random.Token(12), // a random CNAME, RFC 7022 §4.2
			ssrc: uint32(a), timestamp: uint32(a >> 32), seq: uint16(b >> 1 & 0x7fff), // room to the wrap, RFC 3711 §3.3.1
		}
	}
	return s.voice
}

// aimVoiceLocked gives the voice its stream, or takes it away while media does not end here.
func (s *Session) aimVoiceLocked(l *line) {
	if s.voice == nil {
		return
	}
	v := s.voice
	v.mu.Lock()
	v.stream = nil
	if l != nil && l.stream != nil && (s.mode == attached || s.mode == parted) && !s.closed {
		c := &s.chosen
		v.stream, v.meter = l.stream, &l.meter
		v.codec, _ = pcm.Lookup(c.Format.Name)
		v.codec.Payload = c.Format.Payload
		v.events, v.digits = c.Events.Payload, c.Digits
		v.mute = !l.dir.Receives() || l.terms.Mute
	}
	if v.stream == nil {
		v.presses = nil
	}
	v.mu.Unlock()
	v.begin()
}

// play changes what is said. A nil voice says nothing anyhow.
func (v *voice) play(src media.Source, talking bool) {
	if v == nil {
		return
	}
	v.mu.Lock()
	v.src, v.talking, v.marker = src, talking, true
	v.mu.Unlock()
}

// begin puts the voice on the clock if it has something to say.
func (v *voice) begin() {
	v.mu.Lock()
	join := !v.onClock && v.busyLocked()
	if join {
		v.onClock = true
		if v.left != 0 { // timestamps go on through a pause (RFC 3550 §5.1)
			v.timestamp += frameSize * uint32((v.pool.Clock()-v.left)/rtp.FrameTime)
		}
	}
	v.mu.Unlock()
	if join {
		v.pool.Speak(v)
	}
}

func (v *voice) busyLocked() bool {
	return v.stream != nil && v.codec.Encode != nil && (v.talking || len(v.presses) > 0)
}

// Speak sends the next packet.
func (v *voice) Speak(now time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.busyLocked() {
		v.onClock, v.left = false, now
		return false
	}
	switch {
	case len(v.presses) > 0 && v.pause == 0:
		v.pressLocked()
	default:
		v.pause = max(v.pause-1, 0)
		if v.talking {
			v.frameLocked()
		}
	}
	v.timestamp += frameSize
	if now >= v.reportAt {
		v.reportLocked()
		v.reportAt = now + reportEvery
	}
	return true
}

// frameLocked sends a frame of the source, or of silence.
func (v *voice) frameLocked() {
	n := 0
	if v.src != nil {
		var err error
		if n, err = v.src.Read(v.samples[:]); err != nil {
			v.src = nil
		}
	}
	clear(v.samples[n:])
	if v.mute {
		return
	}
	p := rtp.AppendHeader(v.packet[:0], rtp.Header{Payload: v.codec.Payload, Marker: v.marker, Seq: v.seq, Timestamp: v.timestamp, SSRC: v.ssrc})
	v.marker = false
	v.codec.Encode(v.packet[rtp.HeaderSize:], v.samples[:])
	v.sendLocked(v.packet[:len(p)+frameSize])
}

// pressLocked sends the next packet of a key (RFC 4733 §2.5).
func (v *voice) pressLocked() {
	press := &v.presses[0]
	if press.Done == 0 {
		v.pressed = v.timestamp
	}
	e, ok := press.Next(frameSize)
	if ok {
		p := rtp.AppendHeader(v.packet[:0], rtp.Header{Payload: v.events, Marker: e.Marker, Seq: v.seq, Timestamp: v.pressed, SSRC: v.ssrc})
		v.sendLocked(append(p, e.Payload[:]...))
	}
	if !ok || e.Last {
		v.presses = v.presses[1:]
		v.pause, v.marker = keyPause, true
	}
}

func (v *voice) sendLocked(p []byte) {
	v.seq++
	if v.stream.Send(p) {
		v.packets++
		v.octets += uint32(len(p) - rtp.HeaderSize)
	}
}

// reportLocked sends a sender report with what we know of the peer's stream (RFC 3550 §6.4.1).
func (v *voice) reportLocked() {
	wall := time.Now()
	ntp := uint64(wall.Unix()+2208988800)<<32 | uint64(wall.Nanosecond())<<32/1e9
	var blocks []rtp.Report
	v.stream.Locked(func() {
		if m := v.meter; m.Begun {
			r := m.Receiver.Report()
			blocks = []rtp.Report{{SSRC: m.SSRC, Fraction: r.Fraction, Lost: int32(r.Lost), Highest: r.High, Jitter: r.Jitter}}
		}
	})
	if len(blocks) > 0 {
		blocks[0].LastSR, blocks[0].Delay = v.stream.LastReport()
	}
	v.report = rtp.AppendReport(v.report[:0], v.ssrc, &rtp.Sender{NTP: ntp, Timestamp: v.timestamp, Packets: v.packets, Octets: v.octets}, blocks...)
	v.report = rtp.AppendName(v.report, v.ssrc, v.name)
	v.stream.SendControl(v.report)
}

// SendDigit sends one digit ('0'–'9', '*', '#', 'A'–'D') of ms milliseconds as RFC 4733 events, after
// those still to be sent. It works where media ends here (after Attach or Part, not while joined) and
// fails with ErrNoDigits when the peer takes no telephone-event or d is no digit.
func (s *Session) SendDigit(d byte, ms int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	press, ok := dtmf.NewPress(d, time.Duration(ms)*time.Millisecond, 8000)
	if !ok || s.closed || s.mode == joined || s.mode == echoing {
		return ErrNoDigits
	}
	v := s.voiceLocked()
	s.applyModeLocked()
	v.mu.Lock()
	if v.stream == nil || !v.digits {
		v.mu.Unlock()
		return ErrNoDigits
	}
	v.presses = append(v.presses, press)
	v.mu.Unlock()
	v.begin()
	return nil
}

// Digit is a key of the peer's.
type Digit struct {
	Key    byte          // '0'–'9', '*', '#', 'A'–'D', '!' for a hook-flash
	Long   time.Duration // how long it was down, 0 when unknown
	Passed bool          // the other side, which this session is joined with, gets it by media
}

// ears hear the digits of a peer.
type ears struct {
	mu      sync.Mutex
	f       func(Digit)
	hearing dtmf.Hearing
	ssrc    uint32
	keys    []byte
}

// OnDigit has f told of every digit from the peer, once each, whether the session is joined or
// not. f is called on a media loop and must not block; nil ends it.
func (s *Session) OnDigit(f func(Digit)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case f == nil:
		s.ears = nil
	case s.ears == nil:
		s.ears = &ears{f: f}
	default:
		s.ears.mu.Lock()
		s.ears.f = f
		s.ears.mu.Unlock()
	}
	s.applyModeLocked()
}

// Packet hears one packet of telephone events.
func (e *ears) Packet(p []byte, h rtp.Header) {
	e.mu.Lock()
	if h.SSRC != e.ssrc {
		e.ssrc, e.hearing = h.SSRC, dtmf.Hearing{}
	}
	e.keys = e.hearing.Hear(e.keys[:0], h.Timestamp, p[h.Begin:h.End])
	f := e.f
	var keys [8]byte
	n := copy(keys[:], e.keys)
	e.mu.Unlock()
	for _, k := range keys[:n] {
		f(Digit{Key: k})
	}
}
