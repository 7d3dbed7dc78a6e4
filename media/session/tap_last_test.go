package session_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/recorder"
	"santral/media/rtp"
)

// counter is a phone that says a click every 50 ms, from shift on. How loud it is tells its number modulo 16.
type counter struct {
	phone *mediatest.Phone
	shift time.Duration
	begin time.Time
	n     int // packet
}

const (
	left       = 10 * time.Millisecond // shifts
	right      = 15 * time.Millisecond
	countEvery = 50 * time.Millisecond
	countStep  = 192
)

// click is how loud the click is that is said n packets and k samples after the beginning; 0 for none.
func (p *counter) click(n, k int) int16 {
	at := time.Duration(n*160+k)*125*time.Microsecond - p.shift
	if at < 0 || at%countEvery >= 500*time.Microsecond {
		return 0
	}
	return int16(1024 + countStep*(int(at/countEvery)%16))
}

// say sends the packet that is over now.
func (p *counter) say(to func([]byte)) {
	code, f := make([]byte, 160), make(media.Frame, 160)
	for k := range f {
		f[k] = p.click(p.n, k)
	}
	pcm.EncodeALaw(code, f)
	to(append(rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: uint16(p.n), Timestamp: uint32(p.n * 160), SSRC: p.phone.SSRC}), code...))
	p.n++
}

// taping is a relayed call of two counters, and a tape that hears both.
type taping struct {
	*call
	phones [2]*counter
	rec    *recorder.Recorder
	path   string
	begin  time.Time
	stop   [2]func()
}

func newTaping(t *testing.T, path string) *taping {
	c := newCall(t)
	c.begin()
	rec, err := recorder.Create(recorder.Options{Path: path, Channels: 2})
	check(t, err)
	time.Sleep(13 * time.Millisecond) // the media clock does not begin with the phones
	tp := &taping{call: c, rec: rec, path: path, begin: time.Now()}
	tp.phones = [2]*counter{{phone: c.a, shift: left, begin: tp.begin}, {phone: c.b, shift: right, begin: tp.begin}}
	tp.stop = [2]func(){c.sa.Tap(rec.Sink(0)), c.sb.Tap(rec.Sink(1))}
	return tp
}

// talk goes on until a time after the beginning.
func (tp *taping) talk(until time.Duration) {
	for {
		next := time.Duration(tp.phones[0].n+1) * 20 * time.Millisecond
		if next > until {
			time.Sleep(time.Until(tp.begin.Add(until)))
			return
		}
		time.Sleep(time.Until(tp.begin.Add(next)))
		tp.phones[0].say(func(p []byte) { tp.a.Send(tp.toA, p) })
		tp.phones[1].say(func(p []byte) { tp.b.Send(tp.toB, p) })
		synctest.Wait()
	}
}

// tape closes it, and gives what it holds.
func (tp *taping) tape(long time.Duration) (channels [2][]int16) {
	tp.t.Helper()
	sum, err := tp.rec.Close()
	if err != nil || sum.Lost > 0 || (sum.Long-long).Abs() > time.Millisecond {
		tp.t.Errorf("%+v, %v: want %v", sum, err, long)
	}
	data := got(os.ReadFile(tp.path))(tp.t)
	for i := 44; i+4 <= len(data); i += 4 {
		for ch := range channels {
			channels[ch] = append(channels[ch], int16(binary.LittleEndian.Uint16(data[i+2*ch:])))
		}
	}
	return channels
}

// clicks gives the clicks of a channel and where they are.
func clicks(sound []int16) (n map[int]time.Duration) {
	n = map[int]time.Duration{}
	for i := 0; i < len(sound); i++ {
		if v := int(sound[i]); v > 900 {
			at := time.Duration(i) * 125 * time.Microsecond
			near := int(at / countEvery)
			n[near+((v-1024+countStep/2)/countStep-near+8+1600)%16-8] = at
			i += 8
		}
	}
	return n
}

// has checks which clicks are there, and where: place tells where on the tape is what was said at a time, negative for nowhere.
func (tp *taping) has(what string, sound []int16, shift, long time.Duration, place func(said time.Duration) time.Duration) {
	tp.t.Helper()
	all := clicks(sound)
	for n := 0; shift+time.Duration(n)*countEvery < long; n++ {
		want := place(shift + time.Duration(n)*countEvery)
		at, ok := all[n]
		delete(all, n)
		switch {
		case want < 0 && ok:
			tp.t.Errorf("%s: click %d is at %v", what, n, at)
		case want >= 0 && !ok:
			tp.t.Errorf("%s: click %d is not there", what, n)
		case want >= 0 && (at-want).Abs() > time.Millisecond:
			tp.t.Errorf("%s: click %d is at %v, want %v", what, n, at, want)
		}
	}
	if len(all) > 0 {
		tp.t.Errorf("%s: strange clicks %v", what, all)
	}
}

func as(said time.Duration) time.Duration { return said }

// A call is recorded to its last word, on both sides, whoever ends it.
func TestTheLastWordIsRecorded(t *testing.T) {
	for name, end := range map[string]func(*taping){
		"stopped":    func(tp *taping) { tp.stop[0](); tp.stop[1]() },
		"closed":     func(tp *taping) { tp.sa.Close(); tp.sb.Close() },
		"parted":     func(tp *taping) { tp.sa.Part(); tp.sb.Close(); tp.sa.Close() },
		"both twice": func(tp *taping) { tp.stop[1](); tp.sa.Close(); tp.sb.Close(); tp.stop[0](); tp.stop[1]() },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.wav")
			for _, long := range []time.Duration{1980 * time.Millisecond, 1993 * time.Millisecond, 100 * time.Millisecond, 7 * time.Millisecond} {
				synctest.Test(t, func(t *testing.T) {
					tp := newTaping(t, path)
					tp.talk(long)
					end(tp)
					sound := tp.tape(long)
					said := long.Truncate(20 * time.Millisecond)
					tp.has(fmt.Sprint("left of ", long), sound[0], left, said, as)
					tp.has(fmt.Sprint("right of ", long), sound[1], right, said, as)
				})
			}
		})
	}
}

// What is said while it is masked or paused is not on the tape; what was said before is, to the moment, and so is what is said after.
func TestMaskAndPauseAreToTheMoment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	synctest.Test(t, func(t *testing.T) {
		tp := newTaping(t, path)
		const ms = time.Millisecond
		const mask, unmask, pause, resume, again, on = 1020 * ms, 1540 * ms, 2040 * ms, 2340 * ms, 2460 * ms, 2520 * ms
		for _, x := range []struct {
			at time.Duration
			do func()
		}{
			{mask, func() { tp.rec.Mask(true) }}, {unmask, func() { tp.rec.Mask(false) }},
			{pause, func() { tp.rec.Pause(true) }}, {resume, func() { tp.rec.Pause(false) }},
			{again, func() { tp.rec.Pause(true); tp.rec.Mask(true) }}, {on, func() { tp.rec.Pause(false) }}, // within the delay
			{on + 40*ms, func() { tp.rec.Mask(false) }},
		} {
			tp.talk(x.at)
			x.do()
			if want := x.at - max(min(x.at, resume)-pause, 0) - max(min(x.at, on)-again, 0); (tp.rec.Position() - want).Abs() > ms {
				t.Errorf("at %v the position is %v, want %v", x.at, tp.rec.Position(), want)
			}
		}
		tp.talk(4 * time.Second)
		tp.sa.Close()
		tp.sb.Close()
		sound := tp.tape(4*time.Second - (resume - pause) - (on - again))
		place := func(said time.Duration) time.Duration {
			switch {
			case said >= mask && said < unmask, said >= pause && said < resume, said >= again && said < on+40*ms:
				return -1
			case said >= on:
				return said - (resume - pause) - (on - again)
			case said >= resume:
				return said - (resume - pause)
			}
			return said
		}
		tp.has("left", sound[0], left, 4*time.Second, place)
		tp.has("right", sound[1], right, 4*time.Second, place)
	})
}

// Where one leg's sound ends on a channel and another's begins nothing is missing, nothing is there twice, and nothing is moved.
func TestSegmentsHaveNoSeam(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.wav")
	synctest.Test(t, func(t *testing.T) {
		tp := newTaping(t, path)
		const ms = time.Millisecond
		tp.talk(1013 * ms)
		tp.stop[1]() // the right is another leg's from here on, and then ours
		stop := tp.sa.Tap(tp.rec.Sink(1))
		tp.talk(1513 * ms)
		stop()
		tp.sa.Attach(&counted{at: 32}, nil)
		stop = tp.sa.TapSaid(tp.rec.Sink(1))
		tp.talk(1994 * ms)
		stop()
		tp.sa.Join(tp.sb)
		tp.stop[1] = tp.sb.Tap(tp.rec.Sink(1))
		tp.talk(3 * time.Second)
		tp.sb.Close()
		tp.sa.Close()
		sound := tp.tape(3 * time.Second)
		tp.has("left", sound[0], left, 3*time.Second, as)
		at := func(d time.Duration) int { return int(d/ms) * 8 }
		other := sound[1]
		tp.has("b, a", append(append([]int16(nil), other[:at(1015*ms)]...), make([]int16, at(1985*ms))...), right, 3*time.Second, func(said time.Duration) time.Duration {
			if said >= 1013*ms {
				return -1
			}
			return said
		})
		tp.has("a", append(make([]int16, at(1020*ms)), other[at(1020*ms):at(1512*ms)]...), left, 3*time.Second, func(said time.Duration) time.Duration {
			if said < 1020*ms || said >= 1500*ms { // its last packet was over at 1500 ms
				return -1
			}
			return said
		})
		tp.has("b", append(make([]int16, at(2*time.Second)), other[at(2*time.Second):]...), right, 3*time.Second, func(said time.Duration) time.Duration {
			if said < 2*time.Second {
				return -1
			}
			return said
		})
		said := clicks(other[at(1520*ms):at(1994*ms)])
		if len(said) < 8 {
			t.Errorf("of what we said the tape has %v", said)
		}
	})
}

// counted says clicks as phones do, the first of them so many steps loud.
type counted struct{ n, at int }

func (c *counted) Read(f media.Frame) (int, error) {
	for k := range f {
		if f[k] = 0; (c.n+k)%400 < 4 {
			f[k] = int16(1024 + countStep*((c.at+(c.n+k)/400)%16))
		}
	}
	c.n += len(f)
	return len(f), nil
}
