package mixer

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"santral/media"
	"santral/media/mediatest"
)

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
	b.m.Volume(-6.0206)
	all("b hears half", [3][3]float64{{0, x, x}, {x / 2, 0, x / 2}, {x, x, 0}})
	b.m.Volume(0)
	a.m.Hold(true) // whatever its phone plays meanwhile
	a.m.Mute(false)
	all("a holds", [3][3]float64{{0, 0, 0}, {0, 0, x}, {0, x, 0}})
	a.m.Hold(false)
	all("a is back", [3][3]float64{{0, x, x}, {x, 0, x}, {x, x, 0}})
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
	b.m.Mute(false)
	b.say = say
	at = 0
	for range 100 {
		c.turn()
	}
	b.m.Leave()
	c.turn()
	if l := told[b.m]; len(l) != 2 || !l[0] || l[1] || b.m.State().Talks {
		t.Errorf("told of one who leaves while it talks: %v", l)
	}
	delete(told, b.m)
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
	other := &person{t: t, m: a.m}
	if !a.m.Draw(other) || !a.m.Lead(other) || a.alone != 2 {
		t.Errorf("others take a's place: %d of ear and voice are on their own", a.alone)
	}
	m.Leave()
	m.Leave()
	m.Read(f)
	if m.Read(f); rms(f) != 0 {
		t.Error("something is heard after the leaving")
	}
}

// Who was told to talk is told to have ended, however that came: the last who leaves while it talks, and all when a room is
// closed, even by whoever is told. After that nothing is told.
func TestTalksEnd(t *testing.T) {
	for _, way := range []string{"leave", "close", "close when told"} {
		c := &hand{}
		told := map[*Member][]bool{}
		var r *Room
		stop := func() {}
		r = New(Config{Clock: c, Rate: 8000, Talks: func(m *Member, talks bool, _ time.Time) {
			told[m] = append(told[m], talks)
			stop()
		}})
		a, b, d := come(t, r, Options{}, noisy(1, 8000)), come(t, r, Options{}, noisy(2, 8000)), come(t, r, Options{}, nil)
		for range 20 {
			c.turn()
		}
		switch way {
		case "leave":
			for _, p := range []*person{d, a, b} {
				p.m.Leave()
			}
		case "close":
			r.Close()
		default:
			stop = r.Close
			d.say = noisy(3, 8000)
		}
		for range 20 {
			c.turn()
		}
		for i, p := range []*person{a, b, d} {
			want := []bool{true, false}
			if p == d && way != "close when told" {
				want = nil
			}
			if !slices.Equal(told[p.m], want) || p.m.State().Talks || p.m.State().Level > silence {
				t.Errorf("%s: %d was told %v, and is %+v", way, i, told[p.m], p.m.State())
			}
		}
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
