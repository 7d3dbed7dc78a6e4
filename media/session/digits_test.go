package session_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/dtmf"
	"santral/media/mediatest"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
)

// wayOfKeys is how a phone says and hears keys.
type wayOfKeys struct {
	name    string
	format  media.Format
	events  media.Format // Rate 0: none
	digits  session.DigitMode
	info    bool // keys go by INFO, whose text call/sipleg.TestKeysOfAnINFO is about
	unknown bool // and without a duration
}

var waysOfKeys = []wayOfKeys{
	{name: "events at 8 kHz", format: pcma, events: keys8},
	{name: "events at 48 kHz", format: opus, events: keys48},
	{name: "INFO dtmf-relay", format: pcma, digits: session.DigitsInfo, info: true},
	{name: "INFO dtmf", format: pcmu, digits: session.DigitsInfo, info: true, unknown: true},
	{name: "tones", format: pcmu, digits: session.DigitsInband},
	{name: "tones in Opus", format: opus, digits: session.DigitsInband},
}

// keyPhone is a phone with its leg.
type keyPhone struct {
	*speaker
	way wayOfKeys
	leg *session.Session

	informed []dtmf.Heard // keys that came by INFO
}

func newKeyPhone(t *testing.T, c *call, p *mediatest.Phone, way wayOfKeys) *keyPhone {
	t.Helper()
	k := &keyPhone{speaker: newSpeaker(t, p, way.format, 20, 0), way: way}
	k.leg = session.New(c.cfg, p.Addr().Addr(), session.Profile{Digits: way.digits})
	t.Cleanup(k.leg.Close)
	offer := k.offer()
	if way.events.Rate == 0 {
		offer.Media[0].Formats = offer.Media[0].Formats[:1]
		offer.Media[0].Attrs = slices.DeleteFunc(offer.Media[0].Attrs, func(a sdp.Attr) bool { return strings.Contains(a.Value, "telephone-event") })
	}
	check(t, k.leg.SetRemote(offer))
	k.to = mediatest.To(t, got(k.leg.AnswerLocal())(t))
	return k
}

// press has the phone say a key in its way, while cross takes what goes by INFO.
func (k *keyPhone) press(key byte, long time.Duration, cross func(session.Digit)) {
	steps := int((long + 19*time.Millisecond) / (20 * time.Millisecond))
	switch {
	case k.way.info:
		if k.way.unknown {
			long = 0
		}
		cross(session.Digit{Key: key, Long: long})
		talk(20*time.Millisecond, k.speaker)
	case k.way.events.Rate != 0:
		press, ok := dtmf.NewPress(key, long, k.way.events.Rate)
		if !ok {
			k.t.Fatalf("no key %c", key)
		}
		at := k.phone.Stamp
		step := uint32(k.way.events.Rate / 50)
		for {
			p, ok := press.Next(step)
			if !ok {
				break
			}
			h := rtp.Header{Payload: 101, Marker: p.Marker, Seq: k.phone.Seq, Timestamp: at + p.Begin, SSRC: k.phone.SSRC}
			k.phone.Seq++
			k.phone.Stamp += step
			k.phone.Send(k.to, append(rtp.AppendHeader(nil, h), p.Payload[:]...))
			mediatest.Wait(20 * time.Millisecond)
		}
	default:
		tones, ok := dtmf.NewTones(key, long, k.codec.Rate)
		if !ok {
			k.t.Fatalf("no key %c", key)
		}
		for range steps {
			f := make([]int16, k.codec.Rate/50)
			tones.Next(f)
			k.saySound(f)
			mediatest.Wait(20 * time.Millisecond)
		}
	}
}

// keys gives what the phone has understood: telephone events, INFO, or tones, and how much of tones there was besides, in
// a phone that takes none.
func (k *keyPhone) keys() (list []dtmf.Heard, leaked time.Duration) {
	var hearing dtmf.Hearing
	detector := dtmf.NewDetector(8000, func(h dtmf.Heard) {
		if h.Over {
			list = append(list, h)
		}
	})
	narrow := newNarrow(k.t, k.codec.Rate)
	dec := got(k.codec.NewDecoder(k.f))(k.t)
	for _, p := range k.phone.Heard() {
		h := p.Header
		switch h.Payload {
		case 101:
			list = hearing.Hear(list, h.Timestamp, k.way.events.Rate, p.Data[h.Begin:h.End])
		case k.f.Payload:
			f := make([]int16, k.codec.Rate*120/1000)
			n, err := dec.Decode(f, p.Data[h.Begin:h.End])
			check(k.t, err)
			f = narrow(f[:n])
			if k.way.digits == session.DigitsInband {
				detector.Write(f)
				continue
			}
			for i := 0; i+8 <= len(f); i += 8 {
				if slices.Max(f[i:i+8]) > 2000 {
					leaked += time.Millisecond
				}
			}
		}
	}
	if k.way.info {
		return k.informed, leaked
	}
	return hearing.Lapse(list), leaked
}

// Every way in which keys come is heard by every way in which they go: each of the sixteen and the hook-flash once,
// as long as it was. What is not detected before a key is known for one passes as tones, and is too short for a key.
func TestKeysAnyToAny(t *testing.T) {
	for _, from := range waysOfKeys {
		for _, to := range waysOfKeys {
			t.Run(from.name+" to "+to.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { anyToAny(t, from, to) })
			})
		}
	}
}

func anyToAny(t *testing.T, from, to wayOfKeys) {
	c := newCall(t)
	c.cfg.Formats = []media.Format{pcma, pcmu, opus, keys8, keys48}
	a, b := newKeyPhone(t, c, c.a, from), newKeyPhone(t, c, c.b, to)
	queue := make(chan session.Digit, 100)
	done := make(chan bool)
	go func() { // what call/control and call/sipleg do with a key
		defer close(done)
		for d := range queue {
			if d.Long == 0 {
				d.Long = 160 * time.Millisecond
			}
			switch {
			case d.Passed:
			case to.info:
				b.informed = append(b.informed, dtmf.Heard{Key: d.Key, Long: d.Long, Over: true})
			default:
				if err := b.leg.SendDigit(d.Key, int(d.Long/time.Millisecond)); err != nil {
					t.Errorf("key %c: %v", d.Key, err)
				}
			}
		}
	}()
	cross := func(d session.Digit) {
		if !from.info && d.Long == 0 {
			t.Errorf("no length of key %c", d.Key)
		}
		queue <- d
	}
	a.leg.OnDigit(cross)
	b.leg.OnDigit(func(d session.Digit) { t.Errorf("a key %c out of nothing", d.Key) })
	a.leg.Join(b.leg)
	talk(300*time.Millisecond, a.speaker, b.speaker)
	pressed := dtmf.Keys
	if from.digits != session.DigitsInband && to.digits != session.DigitsInband {
		pressed += "!"
	}
	var want []time.Duration
	for i := range len(pressed) {
		long := time.Duration(60+20*(i%5)) * time.Millisecond
		a.press(pressed[i], long, cross)
		want = append(want, long)
		talk(500*time.Millisecond, a.speaker, b.speaker)
	}
	talk(time.Second, a.speaker, b.speaker)
	a.leg.Part()
	close(queue)
	<-done
	keys, leaked := b.keys()
	var heard []byte
	for i, k := range keys {
		heard = append(heard, k.Key)
		if i < len(want) && !from.unknown && (k.Long < want[i]-40*time.Millisecond || k.Long > want[i]+40*time.Millisecond) {
			t.Errorf("key %c was down for %s, heard for %s", k.Key, want[i], k.Long)
		}
	}
	if string(heard) != pressed {
		t.Errorf("pressed %q, heard %q (%s)", pressed, heard, a.leg.Way())
	}
	if each := leaked / time.Duration(len(pressed)); each > 40*time.Millisecond {
		t.Errorf("%s of every key leaked", each)
	} else if leaked > 0 {
		t.Logf("%s of every key leaked", each)
	}
}
