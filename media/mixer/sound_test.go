package mixer

import (
	"math"
	"math/rand/v2"
	"testing"

	"santral/media"
	"santral/media/mediatest"
)

// Whatever changes, changes without a click: no step is larger than the sound's own.
func TestNoClicks(t *testing.T) {
	for _, rate := range []int{8000, 48000} {
		c := &hand{}
		r := New(Config{Clock: c, Rate: rate, Mixed: 2})
		ear := come(t, r, Options{}, nil)
		turns := func(n int) {
			for range n {
				c.turn()
			}
		}
		turns(3)
		a := come(t, r, Options{}, tone(313, rate, 9000)) // frames end anywhere in it
		turns(10)
		own := step(a.said)
		for range 5 {
			a.m.Mute(true)
			turns(5)
			a.m.Mute(false)
			turns(5)
			a.m.Gain(-12)
			turns(5)
			a.m.Gain(0)
			turns(5)
			a.m.Address([]*Member{})
			turns(5)
			a.m.Address([]*Member{ear.m})
			turns(5)
			a.m.Address(nil)
			turns(5)
			ear.m.Deaf(true)
			turns(5)
			ear.m.Deaf(false)
			turns(5)
			ear.m.Play(&endless{f: tone(317, rate, 3000)}, nil)
			turns(5)
			ear.m.Play(nil, nil)
			turns(5)
			a.gone = true // its sound breaks off
			turns(2)
			a.gone = false
			turns(5)
		}
		a.m.Leave()
		turns(5)
		if got := step(ear.heard); got > own*3/2+40 { // two tones at a time are in it
			at := 0
			for i := range ear.heard[1:] {
				if d := int(ear.heard[i+1]) - int(ear.heard[i]); d == got || d == -got {
					at = i
				}
			}
			t.Errorf("at %d Hz a step of %d on turn %d, of the sound itself they are up to %d", rate, got, at/(rate/50), own)
		}
	}
}

type endless struct {
	f    func(media.Frame)
	rate int
}

func (e *endless) Read(f media.Frame) (int, error) { e.f(f); return len(f), nil }
func (e *endless) Rate() int                       { return max(e.rate, 8000) }

// Where many talk the loudest are heard, no more than were asked for; and changes among them make no click.
func TestTheLoudest(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000, Mixed: 3})
	var all []*person
	for i := range 12 {
		all = append(all, come(t, r, Options{}, noisy(uint64(i), 500+100*i)))
	}
	all[3].say = noisy(3, 9000)
	all[5].say = noisy(5, 8000)
	all[9].say = noisy(9, 7000)
	for range 200 {
		c.turn()
	}
	if at := same(all[0].heard[160*100:], sumOf(160*100, all[3], all[5], all[9])); at >= 0 {
		t.Errorf("not the three loudest are heard, at sample %d", at)
	}
}

// shifted is a tone that begins at its loudest.
func shifted(hz float64, rate int, loud float64) func(media.Frame) {
	n := 0
	return func(f media.Frame) {
		for i := range f {
			f[i] = int16(loud * math.Cos(2*math.Pi*hz*float64(n)/float64(rate)))
			n++
		}
	}
}

// Who is heard stays heard where others are as loud: the choice does not waver.
func TestTheChoiceStays(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000, Mixed: 2})
	random := rand.New(rand.NewPCG(3, 3))
	var all []*person
	for i := range 5 {
		say := noisy(uint64(i), 5000)
		all = append(all, come(t, r, Options{}, func(f media.Frame) {
			say(f)
			louder := 0.7 + 0.6*random.Float64() // up and down by 5 dB
			for i := range f {
				f[i] = int16(float64(f[i]) * louder)
			}
		}))
	}
	changes, was := 0, [5]bool{}
	for turn := range 500 {
		c.turn()
		for i, p := range all {
			if on := p.m.part.open.want > 0; on != was[i] {
				was[i] = on
				if turn > 50 {
					changes++
				}
			}
		}
	}
	if changes > 4 {
		t.Errorf("the choice changed %d times in nine seconds", changes/2)
	}
}

// A sum that is too large is brought to size, softly: nothing wraps, nothing is flat, and soon after it is as it was.
func TestLimit(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	ear := come(t, r, Options{}, nil)
	var loud []*person
	for i := range 4 {
		loud = append(loud, come(t, r, Options{}, tone(200+float64(i)*3, 8000, 30000)))
	}
	for range 50 {
		c.turn()
	}
	for _, p := range loud { // silence, and then all of it at once
		p.say = nil
	}
	for range 50 {
		c.turn()
	}
	for i, p := range loud {
		p.say = shifted(200+float64(i)*3, 8000, 30000)
	}
	for range 100 {
		c.turn()
	}
	flat, runs := 0, 0
	for i := 1; i < len(ear.heard); i++ {
		if v := ear.heard[i]; v > 32500 || v < -32500 {
			flat++
		}
	}
	sum := sumOf(0, loud...)
	for i, v := range sum { // the sign is kept
		if (v > 2000 && ear.heard[i] < 0 || v < -2000 && ear.heard[i] > 0) && i > 160 {
			runs++
		}
	}
	if flat > 3 || runs > 0 {
		t.Errorf("%d samples are at the edge, %d wrapped", flat, runs)
	}
	for _, p := range loud[1:] {
		p.m.Leave()
	}
	for range 100 {
		c.turn()
	}
	if at := same(ear.heard[160*250:], sumOf(160*250, loud[0])); at >= 0 {
		t.Errorf("not as it was at sample %d", at)
	}
}

// Where nobody says anything there is a quiet noise, and it goes as soon as somebody does.
func TestComfort(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	a, b := come(t, r, Options{}, nil), come(t, r, Options{}, func(f media.Frame) {
		for i := range f {
			f[i] = 8 // silence of the A-law
		}
	})
	for range 50 {
		c.turn()
	}
	for _, p := range []*person{a, b} {
		if level := dB(p.heard[8000/2:]); level < -68 || level > -62 {
			t.Errorf("silence is heard at %.1f dBov", level)
		}
	}
	b.say = tone(500, 8000, 3000)
	for range 50 {
		c.turn()
	}
	if at := same(a.heard[160*52:], sumOf(160*52, b)); at >= 0 {
		t.Errorf("the noise is still there at sample %d", at)
	}
}

// What is played to one is heard by it alone, what is played to the room by all, at whatever rate it is; its end is told.
func TestPlay(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		c := &hand{}
		r := New(Config{Clock: c, Rate: 16000})
		a, b := come(t, r, Options{}, nil), come(t, r, Options{}, nil)
		ended := make(chan struct{}, 1)
		sound := make([]int16, rate/2)
		tone(600, rate, 8000)(sound)
		a.m.Play(&limited{mediatest.Sound{Samples: sound}, rate}, ended)
		for range 24 {
			c.turn()
		}
		select {
		case <-ended:
			t.Error("it has ended before its end")
		default:
		}
		for range 2 {
			c.turn()
		}
		<-ended
		if x := amplitude(a.heard[16000/10:16000*4/10], 600, 16000); math.Abs(x-8000) > 100 {
			t.Errorf("a hears %.0f", x)
		}
		if x := amplitude(b.heard, 600, 16000); x > 20 {
			t.Errorf("b hears %.0f of what is played to a", x)
		}
		forAll := make(chan struct{})
		r.Play(&endless{f: tone(900, rate, 5000), rate: rate}, forAll)
		for range waitMost + 10 {
			c.turn()
		}
		for _, p := range []*person{a, b} {
			if x := amplitude(p.heard[len(p.heard)-8000:], 900, 16000); math.Abs(x-5000) > 100 {
				t.Errorf("what is played to all is heard at %.0f", x)
			}
		}
		if a.taken != b.taken {
			t.Error("two who listen have two mixtures")
		}
		r.Close()
		<-forAll
		after := make(chan struct{})
		r.Play(&endless{f: tone(900, rate, 5000)}, after)
		<-after
		last := make(chan struct{})
		a.m.Play(&mediatest.Sound{Samples: sound}, last)
		<-last
	}
}

type limited struct {
	mediatest.Sound
	rate int
}

func (l *limited) Rate() int { return l.rate }

// Loudness is brought together: members who speak 30 dB apart are heard within 6 dB.
func TestLevel(t *testing.T) {
	voice := mediatest.Speech(t, "slt", 8000)
	for _, down := range []float64{1, 4, 16, 30} {
		c := &hand{}
		r := New(Config{Clock: c, Rate: 8000, Level: true})
		ear := come(t, r, Options{}, nil)
		at := 0
		come(t, r, Options{}, func(f media.Frame) {
			for i := range f {
				f[i] = int16(float64(voice[at%len(voice)]) / down)
				at++
			}
		})
		for range 600 {
			c.turn()
		}
		if level := dB(ear.heard[8000*4:]); level < -28 || level > -22 {
			t.Errorf("a voice that is %.0f dB down is heard at %.1f dBov", 20*math.Log10(down), level)
		} else {
			t.Logf("%.0f dB down: %.1f dBov", 20*math.Log10(down), level)
		}
	}
}

// Noise is taken from what one says whose noise is to be taken.
func TestDenoise(t *testing.T) {
	levels := [2]float64{}
	for i, on := range []bool{false, true} {
		c := &hand{}
		r := New(Config{Clock: c, Rate: 8000})
		ear := come(t, r, Options{}, nil)
		random := rand.New(rand.NewPCG(1, 1))
		come(t, r, Options{Denoise: on}, func(f media.Frame) {
			for i := range f {
				f[i] = int16(random.IntN(601) - 300)
			}
		})
		for range 300 {
			c.turn()
		}
		levels[i] = dB(ear.heard[8000*3:])
	}
	if levels[1] > levels[0]-6 {
		t.Errorf("noise of %.1f dBov is left at %.1f", levels[0], levels[1])
	}
}
