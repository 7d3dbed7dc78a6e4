package session

import (
	"santral/media"
	"santral/media/dtmf"
	"santral/media/pcm"
)

// tones hears keys as tones in what a peer says, while the sound ends here or is transcoded. Where a key becomes
// something else for the other side, its tones are taken out of what that hears: from the frame in which the
// detector is sure on, which is 30 ms into the key; what was said of it before has gone out, and is too short for
// another detector to take for a key (ITU-T Q.24 has 40 ms as the shortest that must be heard, and 23 ms as the longest
// that must not). It belongs to its receiver.
type tones struct {
	ears     *ears
	mute     bool // keys do not pass as tones
	passed   bool // they do, to the other side
	detector *dtmf.Detector
	rate     int            // of the sound that comes
	narrow   *pcm.Resampler // to 8 kHz, nil where the detector takes the sound as it is
	sound    []int16
	sounding bool // a key is down
}

// hear looks for keys in the next piece of sound, and mutes it as far as it must not pass.
func (t *tones) hear(f media.Frame, rate int) {
	if t.detector == nil || t.rate != rate {
		t.begin(rate)
	}
	if t.detector == nil {
		return
	}
	was := t.sounding
	if t.narrow == nil {
		t.detector.Write(f)
	} else {
		if most := t.narrow.Most(len(f)); len(t.sound) < most {
			t.sound = make([]int16, most)
		}
		t.detector.Write(t.sound[:t.narrow.Process(t.sound, f)])
	}
	if t.mute && (was || t.sounding) {
		clear(f)
	}
}

func (t *tones) begin(rate int) {
	t.rate, t.narrow, t.sounding = rate, nil, false
	if rate != 8000 && rate != 16000 {
		var err error
		if t.narrow, err = pcm.NewResampler(rate, 8000); err != nil {
			t.detector = nil
			return
		}
		rate = 8000
	}
	t.detector = dtmf.NewDetector(rate, t.tell)
}

// tell is told by the detector that a key begins or is over.
func (t *tones) tell(h dtmf.Heard) {
	if t.sounding = !h.Over; h.Over {
		t.ears.heard(Digit{Key: h.Key, Long: h.Long, Passed: t.passed})
	}
}
