package tone

import (
	"slices"
	"strings"
	"time"
)

// Set is the tones of a country, as its own network plays them. The zero value is what ITU-T E.180 recommends. Its
// tones are shared and must not be changed.
type Set struct{ of *tones }

// tones are those of one country. What is nil is as recommended.
type tones struct {
	code                                                             string
	dial, ringback, busy, congestion, special, waiting, confirmation cadence
}

// Country gives the tones of a country by its ISO 3166 code, in any case, "uk" for the United Kingdom besides, or those
// that ITU-T E.180 recommends for "itu" and "". ok is false for a country that is not in the table, and the set is the
// recommended one then.
func Country(code string) (s Set, ok bool) {
	code = strings.ToLower(code)
	if code == "" {
		return Set{}, true
	}
	for i := range countries {
		if countries[i].code == code {
			return Set{&countries[i]}, true
		}
	}
	return Set{}, false
}

// Countries gives the codes that Country knows, in order.
func Countries() []string {
	list := make([]string, len(countries))
	for i := range countries {
		list[i] = countries[i].code
	}
	slices.Sort(list)
	return list
}

// Code is the country's code as it stands in the table, "itu" for the zero Set.
func (s Set) Code() string { return s.tones().code }

// Dial is heard by who has lifted a receiver and may dial.
func (s Set) Dial() Tone { return s.pick(func(t *tones) cadence { return t.dial }) }

// Ringback is heard by a caller while the other side rings.
func (s Set) Ringback() Tone { return s.pick(func(t *tones) cadence { return t.ringback }) }

// Busy is heard by a caller whose callee speaks with somebody else.
func (s Set) Busy() Tone { return s.pick(func(t *tones) cadence { return t.busy }) }

// Congestion is heard by a caller whose call has not got through.
func (s Set) Congestion() Tone { return s.pick(func(t *tones) cadence { return t.congestion }) }

// Special is the special information tone: the number does not exist, or what is wrong is about to be said.
func (s Set) Special() Tone { return s.pick(func(t *tones) cadence { return t.special }) }

// Waiting is heard over a conversation by who is called meanwhile.
func (s Set) Waiting() Tone { return s.pick(func(t *tones) cadence { return t.waiting }) }

// Confirmation tells that what was asked for is done. It does not repeat.
func (s Set) Confirmation() Tone {
	t := s.pick(func(t *tones) cadence { return t.confirmation })
	t.Repeat = false
	return t
}

func (s Set) tones() *tones {
	if s.of == nil {
		return &recommended
	}
	return s.of
}

// pick gives one of the tones.
func (s Set) pick(of func(*tones) cadence) Tone {
	c := of(s.tones())
	if c == nil {
		c = of(&recommended)
	}
	return Tone{Parts: c, Repeat: true}
}

// cadence is the parts of a tone.
type cadence []Part

// Levels in dBm0. A subscriber gets tones at −10 dBm0 ± 5 dB (ITU-T E.180 §6), which two frequencies share; those of
// North America are of its precise tone plan (Telcordia GR-506), for each frequency.
const (
	level      = -10
	half       = -13
	usDial     = -13
	usRingback = -19
	usBusy     = -24
)

// sound makes cadences of one kind of tone.
type sound struct {
	hz   [2]float64
	dBm0 float64
}

// of is tone and silence in turn, in milliseconds, beginning with tone.
func (s sound) of(ms ...int) (c cadence) {
	for i, n := range ms {
		p := Part{For: time.Duration(n) * time.Millisecond}
		if i%2 == 0 {
			p.Hz = s.hz
			for k, hz := range s.hz {
				if hz > 0 {
					p.DBm0[k] = s.dBm0
				}
			}
		}
		c = append(c, p)
	}
	return c
}

// on is tone without end.
func (s sound) on() cadence { return s.of(1000) }

// three is three frequencies one after another and a second of silence: the special information tone
// (ITU-T E.180 §5).
func three(hz ...float64) (c cadence) {
	for _, f := range hz {
		c = append(c, Part{Hz: [2]float64{f}, DBm0: [2]float64{level}, For: 330 * time.Millisecond})
	}
	return append(c, Part{For: time.Second})
}

var (
	hz400 = sound{[2]float64{400}, level}
	hz425 = sound{[2]float64{425}, level}
	hz440 = sound{[2]float64{440}, level}
	hz450 = sound{[2]float64{450}, level}

	british      = sound{[2]float64{350, 440}, half}
	britishRings = sound{[2]float64{400, 450}, half}

	american      = sound{[2]float64{350, 440}, usDial}
	americanRings = sound{[2]float64{440, 480}, usRingback}
	americanBusy  = sound{[2]float64{480, 620}, usBusy}
	americanWaits = sound{[2]float64{440}, usDial}
)

// recommended is what ITU-T E.180 recommends, within its tolerances: what most of Europe has. The waiting call's tone is
// of 3GPP TS 22.001 annex F. For confirmation there is no recommendation of a cadence: it is what the exchange itself
// says everywhere but in North America.
var recommended = tones{
	code: "itu", dial: hz425.on(), ringback: hz425.of(1000, 4000), busy: hz425.of(500, 500), congestion: hz425.of(250, 250),
	special: three(950, 1400, 1800), waiting: hz425.of(200, 600, 200, 3000), confirmation: hz425.of(100, 100, 100, 100, 100, 100),
}

// countries is ITU-T E.180 Supplement 2 as far as it is known here for certain. What a country does not say there, or what
// is not known here, is left out and is as recommended. A country is added by a row; tests measure each row.
var countries = []tones{
	recommended,
	{code: "ae", dial: british.on(), ringback: britishRings.of(400, 200, 400, 2000), busy: hz400.of(375, 375), congestion: hz400.of(400, 350, 225, 525)},
	northAmerica("ca"),
	{code: "cn", dial: hz450.on(), ringback: hz450.of(1000, 4000), busy: hz450.of(350, 350), congestion: hz450.of(700, 700), waiting: hz450.of(400, 4000)},
	{code: "de", busy: hz425.of(480, 480), congestion: hz425.of(240, 240), waiting: hz425.of(200, 200, 200, 5000)},
	{code: "es", ringback: hz425.of(1500, 3000), busy: hz425.of(200, 200), congestion: hz425.of(200, 200, 200, 200, 200, 600)},
	{code: "fr", dial: hz440.on(), ringback: hz440.of(1500, 3500), busy: hz440.of(500, 500), congestion: hz440.of(250, 250), waiting: hz440.of(300, 10000)},
	unitedKingdom("gb"),
	{code: "ir", dial: hz425.on(), ringback: hz425.of(1000, 4000), busy: hz425.of(500, 500), congestion: hz425.of(250, 250), waiting: hz425.of(200, 200, 200, 10000)},
	{code: "tr", dial: hz450.on(), ringback: hz450.of(2000, 4000), busy: hz450.of(500, 500), congestion: hz450.of(200, 200, 200, 200, 200, 200, 600, 200), waiting: hz450.of(200, 600, 200, 8000)},
	unitedKingdom("uk"),
	northAmerica("us"),
}

// northAmerica is the precise tone plan. Its special information tone has the recommended frequencies; those that tell
// causes apart (985.2, 1428.5, 1776.7 Hz) are for machines.
func northAmerica(code string) tones {
	return tones{
		code: code, dial: american.on(), ringback: americanRings.of(2000, 4000), busy: americanBusy.of(500, 500), congestion: americanBusy.of(250, 250),
		special: three(950, 1400, 1800), waiting: americanWaits.of(300, 10000), confirmation: american.of(100, 100, 100, 100, 300),
	}
}

// unitedKingdom is as BT's SIN 350 has it too.
func unitedKingdom(code string) tones {
	return tones{
		code: code, dial: british.on(), ringback: britishRings.of(400, 200, 400, 2000), busy: hz400.of(375, 375), congestion: hz400.of(400, 350, 225, 525),
		special: three(950, 1400, 1800), waiting: hz400.of(100, 4000),
	}
}
