package mixer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/rtp"
)

// hand is a media clock that is turned by hand.
type hand struct {
	speakers []rtp.Speaker
	now      time.Duration
}

func (h *hand) Speak(s rtp.Speaker) { h.speakers = append(h.speakers, s) }

func (h *hand) turn() {
	h.now += Frame
	h.speakers = slices.DeleteFunc(h.speakers, func(s rtp.Speaker) bool { return !s.Speak(h.now) })
}

// person is somebody in a room, whose sound is drawn and who is spoken to on its turns.
type person struct {
	t     testing.TB
	m     *Member
	say   func(f media.Frame) // nil: silence
	said  []int16
	heard []int16
	mixed []*media.Mixed // what it heard on each turn
	taken *media.Mixed
	alone int
	gone  bool
}

func (p *person) Hear(f media.Frame) bool {
	if p.gone {
		return false
	}
	clear(f)
	if p.say != nil {
		p.say(f)
	}
	p.said = append(p.said, f...)
	return true
}

func (p *person) Take(m *media.Mixed) { p.taken = m }

func (p *person) Say(m *media.Mixed, _ time.Duration) {
	if m != p.taken {
		p.t.Error("something else is said than was taken")
	}
	p.heard = append(p.heard, m.Sound...)
	p.mixed = append(p.mixed, m)
}

func (p *person) Alone() { p.alone++ }

// come has somebody join.
func come(t testing.TB, r *Room, o Options, say func(media.Frame)) *person {
	t.Helper()
	m, err := r.Join(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, m: m, say: say}
	if !m.Draw(p) || !m.Lead(p) {
		t.Fatal("the room takes no turns")
	}
	return p
}

// noisy is a voice: bursts of noise with a seed of its own.
func noisy(seed uint64, loud int) func(media.Frame) {
	r := rand.New(rand.NewPCG(seed, 1))
	n := 0
	return func(f media.Frame) {
		for i := range f {
			f[i] = int16(r.IntN(2*loud+1) - loud)
			if n++; n/2000%3 == 2 {
				f[i] /= 16
			}
		}
	}
}

// tone is a tone.
func tone(hz float64, rate int, loud float64) func(media.Frame) {
	turn := 0.
	return func(f media.Frame) {
		for i := range f {
			f[i] = int16(loud * math.Sin(turn))
			turn += 2 * math.Pi * hz / float64(rate)
		}
	}
}

func rms(s []int16) float64 {
	sum := 0.
	for _, v := range s {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(s), 1)))
}

func dB(s []int16) float64 { return 20 * math.Log10(max(rms(s), 1e-3)/32768) }

// sumOf adds up what others said from sample a on.
func sumOf(a int, of ...*person) []int32 {
	sum := make([]int32, len(of[0].said)-a)
	for _, p := range of {
		for i, v := range p.said[len(p.said)-len(sum):] {
			sum[i] += int32(v)
		}
	}
	return sum
}

func same(heard []int16, sum []int32) int {
	for i, v := range heard {
		if int32(v) != sum[i] {
			return i
		}
	}
	return -1
}

// Everyone hears the arithmetic sum of the others, sample by sample and on the very same turn, at all rates.
func TestSum(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			c := &hand{}
			r := New(Config{Clock: c, Rate: rate})
			var all []*person
			for i := range 5 {
				all = append(all, come(t, r, Options{}, noisy(uint64(i), 5000)))
			}
			ear := &ratedEar{rate: rate}
			r.Tap(ear)
			for range 200 {
				c.turn()
			}
			skip := rate / 50 // the first frame fades in
			for i, p := range all {
				others := slices.Delete(slices.Clone(all), i, i+1)
				if at := same(p.heard[skip:], sumOf(skip, others...)); at >= 0 {
					t.Errorf("member %d hears something else than the others' sum at sample %d", i, at)
				}
			}
			if at := same(ear.Samples()[skip:], sumOf(skip, all...)); at >= 0 {
				t.Errorf("the tap gets something else than the sum at sample %d", at)
			}
		})
	}
}

type ratedEar struct {
	mediatest.Ear
	rate int
}

func (e *ratedEar) Rate() int { return e.rate }

// In a conference of a hundred with three who talk, the others hear one and the same, which is the sum of the three,
// and these have something of their own.
func TestOneMixtureForAllWhoListen(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	var talkers, all []*person
	for i := range 100 {
		var say func(media.Frame)
		if i%40 == 7 {
			say = noisy(uint64(i), 5000)
		}
		p := come(t, r, Options{}, say)
		all = append(all, p)
		if say != nil {
			talkers = append(talkers, p)
		}
	}
	for range 100 {
		c.turn()
	}
	ways := map[*media.Mixed]int{}
	for i, p := range all {
		ways[p.taken]++
		others := slices.DeleteFunc(slices.Clone(talkers), func(o *person) bool { return o == p })
		const skip = 160 * 20
		if at := same(p.heard[skip:], sumOf(skip, others...)); at >= 0 {
			t.Fatalf("member %d hears something else than the talkers' sum at sample %d", i, at)
		}
	}
	if len(ways) != 4 || ways[all[0].taken] != 97 {
		t.Errorf("%d mixtures, the listeners' is heard by %d", len(ways), ways[all[0].taken])
	}
	// One who has talked goes back to what everyone hears.
	talkers[0].say = nil
	for range 400 {
		c.turn()
	}
	if talkers[0].taken != all[0].taken {
		t.Error("one who has fallen silent still has a mixture of its own")
	}
}

// Members who are muted are not heard, the deaf hear nothing, who speaks to some is heard by these alone, and gains count.
func TestWhoHearsWhom(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	a := come(t, r, Options{Name: "a"}, tone(400, 8000, 8000))
	b := come(t, r, Options{Name: "b"}, tone(700, 8000, 8000))
	d := come(t, r, Options{Name: "d"}, tone(1100, 8000, 8000))
	hears := func(what string, p *person, a4, a7, a11 float64) {
		t.Helper()
		for range 50 {
			c.turn()
		}
		s := p.heard[len(p.heard)-8000/2:]
		for _, w := range []struct{ hz, want float64 }{{400, a4}, {700, a7}, {1100, a11}} {
			if got := amplitude(s, w.hz, 8000); math.Abs(got-w.want) > max(w.want*0.02, 60) {
				t.Errorf("%s: %s hears %g Hz at %.0f, want %.0f", what, p.m.options.Name, w.hz, got, w.want)
			}
		}
	}
	all := func(what string, want [3][3]float64) {
		t.Helper()
		for i, p := range []*person{a, b, d} {
			hears(what, p, want[i][0], want[i][1], want[i][2])
		}
	}
	const x = 8000
	all("at first", [3][3]float64{{0, x, x}, {x, 0, x}, {x, x, 0}})
	a.m.Mute(true)
	all("a muted", [3][3]float64{{0, x, x}, {0, 0, x}, {0, x, 0}})
	a.m.Mute(false)
	b.m.Deaf(true)
	all("b deaf", [3][3]float64{{0, x, x}, {0, 0, 0}, {x, x, 0}})
	d.m.Address([]*Member{b.m}) // whispers, to one who is deaf besides
	all("d whispers to b, who is deaf", [3][3]float64{{0, x, 0}, {0, 0, x}, {x, x, 0}})
	b.m.Deaf(false)
	all("d whispers to b", [3][3]float64{{0, x, 0}, {x, 0, x}, {x, x, 0}})
	d.m.Address([]*Member{})
	all("d listens", [3][3]float64{{0, x, 0}, {x, 0, 0}, {x, x, 0}})
	d.m.Address(nil)
	a.m.Gain(-6.0206)
	all("a at half", [3][3]float64{{0, x, x}, {x / 2, 0, x}, {x / 2, x, 0}})
	a.m.Gain(0)
	b.m.Leave()
	b.m.Leave()
	if b.alone != 2 {
		t.Errorf("%d of ear and voice are on their own again", b.alone)
	}
	hears("b has left", a, 0, 0, x)
	hears("b has left", d, x, 0, 0)
	if b.m.Draw(b) || b.m.Lead(b) {
		t.Error("who has left is led again")
	}
}

// amplitude is that of a tone in a sound.
func amplitude(sound []int16, hz float64, rate int) float64 {
	var re, im float64
	for i, v := range sound {
		w := 2 * math.Pi * hz * float64(i) / float64(rate)
		re += float64(v) * math.Cos(w)
		im += float64(v) * math.Sin(w)
	}
	return 2 * math.Hypot(re, im) / float64(len(sound))
}

// step is the largest step from one sample to the next.
func step(s []int16) (most int) {
	for i := 1; i < len(s); i++ {
		d := int(s[i]) - int(s[i-1])
		most = max(most, d, -d)
	}
	return most
}

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
		a := come(t, r, Options{}, tone(300, rate, 9000)) // it joins in full swing
		turns(10)
		own := step(a.said)
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
		ear.m.Play(&endless{f: tone(310, rate, 500)}, nil)
		turns(5)
		ear.m.Play(nil, nil)
		turns(5)
		a.gone = true // its sound breaks off
		turns(2)
		a.gone = false
		turns(5)
		a.m.Leave()
		turns(5)
		if got := step(ear.heard); got > own*5/4+40 {
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

// A sum that is too large is brought to size, softly: nothing wraps, nothing is flat, and soon after it is as it was.
func TestLimit(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	ear := come(t, r, Options{}, nil)
	var loud []*person
	for i := range 4 {
		loud = append(loud, come(t, r, Options{}, tone(200+float64(i)*3, 8000, 30000)))
	}
	for range 100 {
		c.turn()
	}
	flat, runs := 0, 0
	for i := 1; i < len(ear.heard); i++ {
		if v := ear.heard[i]; v == ear.heard[i-1] && (v > 32000 || v < -32000) {
			flat++
		}
	}
	sum := sumOf(0, loud...)
	for i, v := range sum { // the sign is kept
		if (v > 2000 && ear.heard[i] < 0 || v < -2000 && ear.heard[i] > 0) && i > 160 {
			runs++
		}
	}
	if flat > 10 || runs > 0 || step(ear.heard) > 32768/2 {
		t.Errorf("%d samples are flat, %d wrapped, largest step %d", flat, runs, step(ear.heard))
	}
	for _, p := range loud[1:] {
		p.m.Leave()
	}
	for range 100 {
		c.turn()
	}
	if at := same(ear.heard[160*150:], sumOf(160*150, loud[0])); at >= 0 {
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

// Who talks is told, once when it begins and once when it is over; not who is muted.
func TestTalks(t *testing.T) {
	voice := mediatest.Speech(t, "slt", 8000)
	c := &hand{}
	told := map[*Member][]bool{}
	r := New(Config{Clock: c, Rate: 8000, Talks: func(m *Member, talks bool, at time.Time) {
		if at.IsZero() {
			t.Error("no time")
		}
		told[m] = append(told[m], talks)
	}})
	at := 0
	say := func(f media.Frame) { at += copy(f, voice[at:]) }
	a, b := come(t, r, Options{Name: "a"}, nil), come(t, r, Options{Name: "b", Mute: true}, tone(900, 8000, 4000))
	for range 50 {
		c.turn()
	}
	a.say = say
	began := 0
	for i := range 100 {
		c.turn()
		if began == 0 && r.Members()[0].Talks {
			began = i + 1
		}
	}
	if s := r.Members(); !s[0].Talks || s[0].Level < -50 || s[1].Talks || s[0].Name != "a" || !s[1].Mute || began > 15 {
		t.Errorf("%+v, told after %d turns", s, began)
	}
	a.say = nil
	for range 50 {
		c.turn()
	}
	if l := told[a.m]; len(l) != 2 || !l[0] || l[1] || len(told[b.m]) > 0 {
		t.Errorf("told of a %v, of b %v", l, told[b.m])
	}
}

// Who knows nothing of turns writes and reads at its own pace, and what it writes is heard whole.
func TestWithoutTurns(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Rate: 8000})
	a := come(t, r, Options{}, noisy(1, 3000))
	m, err := r.Join(Options{})
	if err != nil {
		t.Fatal(err)
	}
	say, f, ten := noisy(2, 3000), make([]int16, 160), make([]int16, 80)
	var said, heard []int16
	for i := range 100 {
		say(f)
		said = append(said, f...)
		m.Write(f)
		c.turn()
		for range 2 {
			if n, err := m.Read(ten); n != 80 || err != nil {
				t.Fatal(n, err)
			}
			if i > 2 {
				heard = append(heard, ten...)
			}
		}
	}
	if !slices.Equal(a.heard[160:], said[160:]) {
		t.Error("what was written is not what is heard")
	}
	if at := find(a.said, heard[:8000]); at < 0 {
		t.Error("what is read is not what was said")
	}
	m.Leave()
	m.Leave()
	m.Read(f)
	if m.Read(f); rms(f) != 0 {
		t.Error("something is heard after the leaving")
	}
}

func find(in, s []int16) int {
	for i := 0; i+len(s) <= len(in); i++ {
		if slices.Equal(in[i:i+len(s)], s) {
			return i
		}
	}
	return -1
}

func TestFullAndOver(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c, Most: 2})
	a := come(t, r, Options{}, nil)
	b := come(t, r, Options{}, nil)
	if _, err := r.Join(Options{}); err != ErrFull {
		t.Errorf("a third: %v", err)
	}
	b.m.Leave()
	b = come(t, r, Options{}, nil)
	c.turn()
	r.Close()
	r.Close()
	if _, err := r.Join(Options{}); err != ErrOver || a.alone != 2 || b.alone != 2 {
		t.Errorf("%v; on their own: %d and %d", err, a.alone, b.alone)
	}
	if c.turn(); len(c.speakers) > 0 {
		t.Error("a closed room takes turns")
	}
}

// A room that empties takes no turns, and takes them again when somebody comes.
func TestRest(t *testing.T) {
	c := &hand{}
	r := New(Config{Clock: c})
	for range 3 {
		a := come(t, r, Options{}, noisy(1, 1000))
		b := come(t, r, Options{}, nil)
		for range 5 {
			c.turn()
		}
		if rms(b.heard[320:]) < 100 {
			t.Error("nothing is heard")
		}
		a.m.Leave()
		b.m.Leave()
		if c.turn(); len(c.speakers) > 0 {
			t.Error("an empty room takes turns")
		}
	}
}
