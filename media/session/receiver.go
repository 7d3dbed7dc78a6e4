package session

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/jitter"
	"santral/media/rtp"
	"santral/media/sdp"
)

// receiver makes sound of a peer's packets: a buffer that puts them in order and in time, with decoders of all
// that the peer may send. Packets come from a reader; the sound is pulled by whoever wants it on the media clock:
// the other side's voice, or, where there is a sink, the receiver itself. There is one puller at a time.
type receiver struct {
	pool   *rtp.Pool
	clock  func() time.Duration // of the packets and of who pulls
	buffer atomic.Pointer[jitter.Buffer]
	means  atomic.Pointer[heardFormats]
	begun  atomic.Bool // the peer has been heard

	local, remote []media.Format // that the formats were learnt from
	fixed         time.Duration  // delay of the buffer for a fax; 0 for one that adapts
	steady        time.Duration  // delay from mouth to sink for a tap; 0 for one that somebody talks through

	mu    sync.Mutex // of those who pull
	out   origin     // the buffer, at the puller's rate
	of    *jitter.Buffer
	clean clean // what is done to the sound
	sink  media.Sink
	rate  int // of the sink's sound
	frame []int16
	over  bool
	turn  time.Duration // that is pulled for, where it is steady
	holds bool          // the peer holds us, and is heard by nobody who has turns of his own …
	held  bool          // … and did so a frame ago
	tones *tones        // nil: nobody wants keys out of the sound
}

// heardFormats is what the payload numbers of a peer's packets mean. It is not changed once it is in use.
type heardFormats struct {
	codecs [128]*codec.Codec
	format [128]media.Format
	red    rtp.TypeSet
}

// means learns what payload numbers mean, the first list before the others.
func means(lists ...[]media.Format) *heardFormats {
	m := &heardFormats{}
	for _, list := range lists {
		for _, f := range list {
			n := f.Payload & 0x7f
			switch {
			case m.codecs[n] != nil || sdp.IsEvents(f):
			case sdp.IsRed(f):
				m.red.Add(n)
			default:
				if c, ok := codec.Lookup(f); ok {
					m.codecs[n], m.format[n] = c, f
				}
			}
		}
	}
	if n := codec.NoisePayload; m.codecs[n] == nil { // it needs no name (RFC 3389 §4)
		f := media.Format{Name: "CN", Payload: codec.NoisePayload, Rate: 8000, Channels: 1}
		if c, ok := codec.Lookup(f); ok {
			m.codecs[n], m.format[n] = c, f
		}
	}
	return m
}

// learn tells the receiver what both sides of its line have said, and the rate at which most of the sound will be.
// fixed is the buffer's delay where a fax or a modem is heard, otherwise 0.
// It is called under the session's lock.
func (e *receiver) learn(local, remote []media.Format, rate int, fixed time.Duration) {
	b := e.buffer.Load()
	same := b != nil && b.Rate() == rate && e.fixed == fixed
	if same && slices.Equal(e.local, local) && slices.Equal(e.remote, remote) {
		return
	}
	e.local, e.remote, e.fixed = local, remote, fixed
	m := means(local, remote)
	e.means.Store(m)
	if same {
		b.Learn(func(payload uint8) (media.Decoder, int, bool) { return m.decoder(payload, rate) })
		return
	}
	clock := e.clock
	if e.steady > 0 {
		clock = func() time.Duration { return e.turn }
	}
	e.buffer.Store(jitter.New(jitter.Config{
		Rate: rate, Fixed: fixed, Steady: e.steady, Clock: clock,
		Decoder: func(payload uint8) (media.Decoder, int, bool) { return m.decoder(payload, rate) },
	}))
}

// decoder makes the decoder for a payload number, of sound at rate.
func (m *heardFormats) decoder(payload uint8, rate int) (d media.Decoder, clock int, ok bool) {
	c := m.codecs[payload&0x7f]
	if c == nil {
		return nil, 0, false
	}
	f := m.format[payload&0x7f]
	d, err := c.NewDecoder(f)
	if err != nil {
		return nil, 0, false
	}
	if c.Rate != rate {
		if d, err = rated(d, c.Rate, rate); err != nil {
			return nil, 0, false
		}
	}
	return d, f.Rate, true
}

// Packet takes one packet (rtp.Handler).
func (e *receiver) Packet(p []byte, h rtp.Header) {
	b := e.buffer.Load()
	if b == nil {
		return
	}
	one := jitter.Packet{
		Payload: h.Payload, Seq: h.Seq, Timestamp: h.Timestamp, SSRC: h.SSRC, Marker: h.Marker, Sound: p[h.Begin:h.End], At: e.clock(),
	}
	if !e.begun.Load() {
		e.begun.Store(true)
	}
	if m := e.means.Load(); !m.red.Has(h.Payload) {
		b.Put(one)
		return
	}
	var room [4]jitter.Packet
	all, _ := jitter.Unpack(room[:0], one) // one that is none has nothing in it
	for _, one := range all {
		b.Put(one)
	}
}

// Read gives the sound at 8 kHz (media.Source); the voice of another session reads at its own rate.
func (e *receiver) Read(f media.Frame) (int, error) {
	e.read(f, 8000)
	return len(f), nil
}

// read gives the next sound at a rate; what is not there is silence.
func (e *receiver) read(f media.Frame, rate int) {
	e.mu.Lock()
	e.readLocked(f, rate)
	e.mu.Unlock()
}

func (e *receiver) readLocked(f media.Frame, rate int) {
	if b := e.buffer.Load(); b != e.of {
		e.of = b
		e.out.begin(e.clean.source(b))
	}
	e.out.read(f, rate)
	if e.tones != nil {
		e.tones.hear(f, rate)
	}
}

// listen has keys that come as tones told to ears, or, with nil, to nobody. mute says that they don't pass on as tones,
// passed that the other side gets them so.
func (e *receiver) listen(ears *ears, mute, passed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case ears == nil:
		e.tones = nil
	case e.tones == nil || e.tones.ears != ears:
		e.tones = &tones{ears: ears, mute: mute, passed: passed}
	default:
		e.tones.mute, e.tones.passed = mute, passed
	}
}

// feed has the receiver write to a sink on the media clock, 20 ms at a time at the sink's rate, or be asked on the sink's
// own turns where it has some; nil is for keys alone.
func (e *receiver) feed(sink media.Sink) {
	e.mu.Lock()
	e.sink, e.rate = sink, media.RateOf(sink)
	e.frame = make([]int16, samplesIn(e.rate, rtp.FrameTime))
	e.mu.Unlock()
	if d, ok := sink.(media.Drawer); !ok || !d.Draw(e) {
		e.pool.Speak(e)
	}
}

// wash changes what is done to the sound.
func (e *receiver) wash(c clean) {
	e.mu.Lock()
	if e.clean.gain != c.gain || (e.clean.denoise == nil) != (c.denoise == nil) {
		e.clean, e.of = c, nil
	}
	e.mu.Unlock()
}

// hold tells whether the peer holds us.
func (e *receiver) hold(on bool) {
	e.mu.Lock()
	e.holds = on
	e.mu.Unlock()
}

// Speak writes the next frame to the sink (rtp.Speaker).
func (e *receiver) Speak(time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.over {
		return false
	}
	e.readLocked(e.frame, e.rate)
	if e.sink != nil {
		e.sink.Write(e.frame)
	}
	return true
}

// end ends the hearing: the sink gets nothing more. A nil receiver hears nothing.
func (e *receiver) end() {
	if e == nil {
		return
	}
	e.mu.Lock()
	e.over = true
	sink := e.sink
	e.mu.Unlock()
	if d, ok := sink.(media.Drawer); ok {
		d.Drop(e)
	}
}
