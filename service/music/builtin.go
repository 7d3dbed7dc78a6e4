package music

import (
	"math"
	"math/cmplx"
	"sync"

	"santral/media/player"
)

// The loop that is built in: four bars of four soft chords, and over them single notes as of a harp, half a minute in all.
// It is computed here from the two tables below and belongs to nobody else.
const (
	beat     = 0.78 // seconds
	beats    = 40   // of the loop
	loudness = 2600 // of 32768, at the loudest: it lies under a conversation
)

// chords are eight beats each, as MIDI numbers of their notes.
var chords = [...][4]int{
	{48, 55, 64, 67}, // C
	{45, 52, 60, 64}, // A minor
	{41, 53, 57, 65}, // F
	{43, 50, 59, 62}, // G
	{48, 55, 60, 67}, // C
}

// harp is one note on each beat; 0 is none.
var harp = [beats]int{
	72, 0, 76, 79, 84, 79, 76, 0,
	69, 0, 72, 76, 81, 76, 72, 0,
	65, 0, 69, 72, 77, 81, 77, 72,
	67, 0, 71, 74, 79, 74, 71, 67,
	72, 76, 0, 79, 76, 0, 72, 0,
}

// builtin gives the loop, made when it is first needed. What rings on at its end is heard at its beginning, so that nobody hears where that is.
var builtin = sync.OnceValue(func() *player.Sound {
	n := int(beat * beats * mostRate)
	x := make([]float64, n)
	// note adds a tone that swells within rise seconds and has died down to a third after fall.
	note := func(at float64, midi int, level, rise, fall, hold float64, overtones []float64) {
		hz := 440 * math.Pow(2, float64(midi-69)/12)
		first, long := int(at*mostRate), int((hold+6*fall)*mostRate)
		turns, phases := make([]complex128, len(overtones)), make([]complex128, len(overtones))
		for k, part := range overtones {
			turns[k] = cmplx.Rect(1, 2*math.Pi*hz*float64(k+1)/mostRate)
			phases[k] = complex(part, 0)
		}
		fade := math.Exp(-1 / (fall * mostRate))
		died := level
		for i := range long {
			t := float64(i) / mostRate
			if t > hold {
				died *= fade
			}
			e := died * min(t/rise, 1)
			v := 0.0
			for k, turn := range turns {
				v += imag(phases[k])
				phases[k] *= turn
			}
			x[(first+i)%n] += e * v
		}
	}
	soft, plucked := []float64{1, 0.22, 0.07}, []float64{1, 0.4, 0.16, 0.06}
	for i, c := range chords {
		for j, midi := range c {
			note(float64(8*i)*beat+0.03*float64(j), midi, 0.30, 0.9, 0.9, 8*beat-1.2, soft)
		}
	}
	for i, midi := range harp {
		if midi != 0 {
			note(float64(i)*beat, midi, 0.55, 0.006, 0.55, 0, plucked)
		}
	}
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	samples := make([]int16, n)
	for i, v := range x {
		samples[i] = int16(math.Round(v / most * loudness))
	}
	return player.New(samples, mostRate)
})
