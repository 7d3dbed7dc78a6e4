package session

import (
	"sync"
	"time"

	"santral/base/id"
	"santral/media"
	"santral/media/codec"
	"santral/media/jitter"
	"santral/media/rtp"
)

// Reports go out at this interval (RFC 3550 §6.2).
const reportEvery = 5 * time.Second

// voice is what we say ourselves to one peer: it takes sound of a source, or keys, and sends it in the peer's
// encoding under numbers of its own, which go on through codecs, pauses and holds. It is called on the media
// clock, or on the turns of its source where that has some (led.go).
type voice struct {
	pool   *rtp.Pool
	random *id.Source
	name   string // our CNAME

	mu      sync.Mutex
	onClock bool
	stream  *rtp.Stream // nil while media does not end here
	meter   *meter
	speech  speech
	key     coderKey     // of the coder that is wanted; codec nil for none yet
	coder   *coder       // the one in use; nil while there was none
	from    *media.Mixed // whose coder it is; nil for the voice's own
	lead    *lead        // of src, where that has turns of its own; nil: the voice is on the clock
	solo    int          // packets for which tones, or what follows them, keep us from what others are sent
	own     media.Mixed  // what is said meanwhile
	inband  bool         // keys are tones even where the peer takes events
	mute    bool         // the peer wants nothing now
	talking bool         // silence is said when src has nothing
	src     origin
	keys    keys
	marker  bool
	red     *jitter.Redundancy // nil: nothing is said twice
	taps    []*saying          // who hears besides what we say; never changed

	rate            int // clock that timestamp is in
	ssrc, timestamp uint32
	seq             uint16
	packets, octets uint32
	reportAt        time.Duration
	left            time.Duration // when the voice left the clock
	high            uint32        // highest number of ours that the peer has had, by its report before
	gone            int64         // that it missed by then

	sound  []int16 // a packet's worth
	packet []byte
	report []byte
}

// voiceLocked gives the session's voice, made when it is first needed.
func (s *Session) voiceLocked() *voice {
	if s.voice == nil {
		s.voice = &voice{pool: s.cfg.Pool, random: s.cfg.Random, name: s.cfg.Random.Token(12)} // a random CNAME, RFC 7022 §4.2
		s.voice.renumber()
		s.voice.taps = s.said
	}
	return s.voice
}

// renumber begins a stream under new numbers.
func (v *voice) renumber() {
	a, b := v.random.Uint64(), v.random.Uint64()
	v.ssrc, v.timestamp = uint32(a), uint32(a>>32)
	v.seq = uint16(b >> 1 & 0x7fff) // room to the wrap, RFC 3711 §3.3.1
	v.packets, v.octets, v.high, v.gone = 0, 0, 0, 0
}

// aimVoiceLocked gives the voice its stream and how it is to speak, or takes both away while media does not end
// here (l nil).
func (s *Session) aimVoiceLocked(l *line, sp speech) {
	if s.voice == nil {
		return
	}
	v := s.voice
	v.mu.Lock()
	v.stream = nil
	if l != nil && l.stream != nil && !s.closed {
		v.stream, v.meter = l.stream, &l.meter
		v.mute = !l.dir.Receives() || l.terms.Mute
		v.inband = s.profile.Digits == DigitsInband
		v.speakLocked(sp, s.optionsLocked())
	}
	if v.stream == nil {
		v.keys = keys{}
	}
	v.mu.Unlock()
	v.begin()
}

// speakLocked makes the voice speak in this way from the next packet on.
func (v *voice) speakLocked(sp speech, o codec.Options) {
	if key := keyOf(sp, o); v.key != key {
		v.key, v.marker = key, true
	}
	if sp.red.Rate == 0 {
		v.red = nil
	} else if v.red == nil {
		v.red = &jitter.Redundancy{}
	}
	v.speech = sp
	if v.rate != 0 && v.rate != sp.format.Rate {
		// Timestamps of two clocks can't be told apart in one stream: it ends, and another begins (RFC 7160 §4.1).
		v.report = rtp.AppendReport(v.report[:0], v.ssrc, nil)
		v.report = rtp.AppendGoodbye(rtp.AppendName(v.report, v.ssrc, v.name), v.ssrc)
		if v.packets > 0 {
			v.stream.SendControl(v.report)
		}
		v.renumber()
		v.keys.began = false
	}
	v.rate = sp.format.Rate
}

// samplesIn is how many samples of a rate fill a time.
func samplesIn(rate int, d time.Duration) int {
	return int(int64(rate) * int64(d) / int64(time.Second))
}

// play changes what is said. A nil voice says nothing anyhow.
func (v *voice) play(src media.Source, talking bool) {
	if v == nil {
		return
	}
	v.mu.Lock()
	was := v.lead
	v.src.begin(src)
	v.talking, v.marker = talking, true
	v.lead = nil
	if leader, ok := src.(media.Leader); ok {
		v.lead = &lead{v, leader}
	}
	now := v.lead
	v.mu.Unlock()
	if was != nil {
		was.of.Dismiss(was)
	}
	if now != nil && !now.of.Lead(now) {
		now.Alone()
	}
}

// begin puts the voice on the clock if it has something to say.
func (v *voice) begin() {
	v.mu.Lock()
	join := !v.onClock && v.lead == nil && v.busyLocked()
	if join {
		v.onClock = true
		v.resumeLocked(v.pool.Clock())
	}
	v.mu.Unlock()
	if join {
		v.pool.Speak(v)
	}
}

// resumeLocked has timestamps go on through a pause (RFC 3550 §5.1).
func (v *voice) resumeLocked(now time.Duration) {
	if v.left != 0 {
		v.timestamp += v.step() * uint32((now-v.left)/v.speech.ptime)
		v.left = 0
	}
}

// step is a packet's time in units of the RTP clock.
func (v *voice) step() uint32 { return uint32(samplesIn(v.rate, v.speech.ptime)) }

func (v *voice) busyLocked() bool {
	return v.stream != nil && v.key.codec != nil && (v.talking || v.keys.any())
}

// Pace is the time of one packet (rtp.Paced).
func (v *voice) Pace() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return max(v.speech.ptime, ptimeLeast*time.Millisecond)
}

// Speak sends the next packet (rtp.Speaker).
func (v *voice) Speak(now time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.lead != nil:
		v.onClock = false
		return false
	case !v.busyLocked():
		v.onClock, v.left = false, now
		return false
	}
	if n := samplesIn(v.speech.codec.Rate, v.speech.ptime); n != len(v.sound) {
		v.sound = make([]int16, n)
	}
	if v.talking {
		v.src.read(v.sound, v.speech.codec.Rate)
	} else {
		clear(v.sound)
	}
	switch key := v.keyLocked(v.sound); {
	case key == sentEvent:
	case v.mute:
	case key == mixedTone || v.talking && v.src.begun():
		if v.coder == nil || v.from != nil || v.coder.key != v.key {
			v.coder, v.from = newCoder(v.key, v.coder), nil
		}
		if v.src.heard == nil { // what another peer says is tapped there
			v.tappedLocked(v.sound, v.speech.codec.Rate)
		}
		v.sayLocked(v.coder.encode(v.sound))
	}
	v.timestamp += v.step()
	v.reportLocked(now)
	return true
}

// sayLocked sends what became of a packet's worth of sound. What follows silence that was not sent begins a talk spurt
// (RFC 3551 §4.1).
func (v *voice) sayLocked(s *said) {
	if len(s.octets) == 0 {
		v.marker = true
		return
	}
	format := &v.speech.format
	switch {
	case s.verdict == codec.Described:
		v.packet = append(v.headerLocked(v.speech.noise.Payload, false, v.timestamp), s.octets...)
		if v.speech.noise.Rate != v.speech.codec.Rate {
			v.packet = v.packet[:rtp.HeaderSize+1] // a spectrum of sound at another rate would be misheard: the level alone
		}
	case v.red == nil:
		v.packet = append(v.headerLocked(format.Payload, v.marker, v.timestamp), s.octets...)
	default:
		v.packet = v.red.Pack(v.headerLocked(v.speech.red.Payload, v.marker, v.timestamp), format.Payload, v.timestamp, s.octets)
	}
	v.sendLocked(v.packet)
	v.marker = s.verdict == codec.Described
}

func (v *voice) headerLocked(payload uint8, marker bool, timestamp uint32) []byte {
	return rtp.AppendHeader(v.packet[:0], rtp.Header{Payload: payload, Marker: marker, Seq: v.seq, Timestamp: timestamp, SSRC: v.ssrc})
}

func (v *voice) sendLocked(p []byte) {
	v.seq++
	if v.stream.Send(p) {
		v.packets++
		v.octets += uint32(len(p) - rtp.HeaderSize)
	}
}

// reportLocked sends a sender report with what we know of the peer's stream, when one is due (RFC 3550 §6.4.1).
func (v *voice) reportLocked(now time.Duration) {
	if now < v.reportAt {
		return
	}
	v.reportAt = now + reportEvery
	wall := time.Now()
	ntp := uint64(wall.Unix()+2208988800)<<32 | uint64(wall.Nanosecond())<<32/1e9
	var blocks []rtp.Report
	var high uint32
	var gone int64
	v.stream.Locked(func() {
		if p := v.meter.Peer; p != nil && p.Reports > 0 && p.SSRC == v.ssrc {
			high, gone = p.High, p.Gone
		}
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
	trip := v.stream.Facts().RoundTrip
	v.stream.Locked(func() { v.report = v.meter.appendExtended(v.report, v.ssrc, trip, v.pool.Clock(), ntp) })
	v.stream.SendControl(v.report)
	v.expectLocked(high, gone, now)
}

// expectLocked tells an encoder that can do something about it how much the peer loses: high and gone are the highest
// number that it has had and what it missed, by its last report.
func (v *voice) expectLocked(high uint32, gone int64, now time.Duration) {
	packets := int64(high - v.high)
	if v.high != 0 && packets > 0 && packets < 1<<16 && v.coder != nil {
		v.coder.expect(min(max(float64(gone-v.gone)/float64(packets), 0), 1), now)
	}
	if high != 0 {
		v.high, v.gone = high, gone
	}
}

// origin is where a voice takes its sound from, at whatever rate that is.
type origin struct {
	src    media.Source
	heard  *receiver // src, where it is the other side's
	rate   int
	change *rateChange // nil while the rates are the same
	take   func(media.Frame)
}

func (o *origin) begin(src media.Source) {
	*o = origin{src: src, rate: 8000, take: o.take}
	if o.heard, _ = src.(*receiver); o.heard == nil {
		o.rate = media.RateOf(src)
		if a, ok := src.(media.Adjustable); ok {
			a.SetRate(o.rate) // another may have read it at its own rate
		}
	}
	if o.take == nil {
		o.take = o.next
	}
}

// read fills f with sound at rate; what the source has not is silence. A source that ends is not read again.
func (o *origin) read(f media.Frame, rate int) {
	switch {
	case o.heard != nil:
		o.heard.read(f, rate)
	case o.src == nil || o.rate == rate:
		o.change = nil
		o.next(f)
	default:
		if o.change == nil || o.change.to != rate {
			if a, ok := o.src.(media.Adjustable); ok && a.SetRate(rate) {
				o.rate, o.change = rate, nil
				o.next(f)
				return
			}
			o.change = newRateChange(o.rate, rate)
		}
		o.change.fill(f, o.take)
	}
}

// next fills f with what the source has.
func (o *origin) next(f media.Frame) {
	n := 0
	if o.src != nil {
		var err error
		if n, err = o.src.Read(f); err != nil {
			o.src = nil
		}
	}
	clear(f[n:])
}

// begun reports whether there is anything to say yet. What another peer says begins with its first packet: silence
// before it would be a stream of ours in front of the peer's own, where the two are relayed a moment later.
func (o *origin) begun() bool { return o.heard == nil || o.heard.begun.Load() }
