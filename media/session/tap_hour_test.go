package session_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"santral/media/mediatest"
	"santral/media/pcm"
	"santral/media/recorder"
	"santral/media/rtp"
	"santral/media/session"
)

// skewed is a phone whose clock goes wrong, and whose packets take up to 60 ms more than the fastest. It says a click each
// half second of the wall's time.
type skewed struct {
	phone *mediatest.Phone
	ppm   float64
	begin time.Time
	next  int // packet
	rand  *rand.Rand
}

const clickEvery = 500 * time.Millisecond

// say sends what the phone says until an instant, and stops in the middle of nothing.
func (s *skewed) say(c *call, until time.Time) {
	to := c.toA
	if s.phone == c.b {
		to = c.toB
	}
	scale := 1 + s.ppm/1e6
	for ; ; s.next++ {
		over := s.begin.Add(time.Duration(float64(s.next+1) * 20e6 * scale))
		if over.After(until) {
			return
		}
		time.Sleep(time.Until(over))
		var f [160]int16
		for k := range f {
			at := time.Duration(float64(s.next*160+k) * 125e3 * scale)
			if at%clickEvery < 2*time.Millisecond {
				f[k] = 12000
			}
		}
		p := rtp.AppendHeader(nil, rtp.Header{Payload: 8, Seq: uint16(s.next), Timestamp: uint32(s.next * 160), SSRC: s.phone.SSRC})
		code := make([]byte, 160)
		pcm.EncodeALaw(code, f[:])
		time.AfterFunc(time.Duration(s.rand.IntN(60_000))*time.Microsecond, func() { s.phone.Send(to, append(p, code...)) })
	}
}

// A call is recorded for an hour (in `make soak`; five minutes otherwise), between phones whose clocks go wrong in opposite
// directions, over a network with jitter, through a hold and a time in which nobody is joined: what both said at the same
// time is at the same place of the file, and at the place where it was said.
func TestARecordingDoesNotDrift(t *testing.T) {
	long := 5 * time.Minute
	if os.Getenv("SANTRAL_SOAK") != "" {
		long = time.Hour
	}
	path := filepath.Join(t.TempDir(), "x.wav")

	synctest.Test(t, func(t *testing.T) {
		c := newCall(t)
		c.begin()
		r, err := recorder.Create(recorder.Options{Path: path, Channels: 2})
		if err != nil {
			t.Fatal(err)
		}
		a := &skewed{phone: c.a, ppm: 50, begin: time.Now(), rand: rand.New(rand.NewPCG(1, 1))}
		b := &skewed{phone: c.b, ppm: -50, begin: time.Now(), rand: rand.New(rand.NewPCG(1, 2))}
		talk := func(until time.Duration) {
			done := make(chan struct{})
			go func() { a.say(c, a.begin.Add(until)); close(done) }()
			b.say(c, a.begin.Add(until))
			<-done
			time.Sleep(time.Until(a.begin.Add(until)))
		}
		stopA := c.sa.Tap(r.Sink(0))
		time.Sleep(3 * time.Millisecond)
		stopB := c.sb.Tap(r.Sink(1))
		talk(long / 3)
		c.sa.Part() // nobody hears anybody: the recording goes on
		talk(long / 2)
		c.sa.Join(c.sb)
		stopB() // another tap takes over, in another phase
		time.Sleep(7 * time.Millisecond)
		stopB = c.sb.Tap(r.Sink(1))
		talk(long)
		if w := c.sa.Way(); w != session.Relayed {
			t.Errorf("the way is %s", w)
		}
		time.Sleep(time.Second)
		stopA()
		stopB()
		sum, err := r.Close()
		if err != nil || sum.Lost > 0 || sum.Long < long || sum.Long > long+2*time.Second {
			t.Errorf("%+v, %v", sum, err)
		}
	})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var clicks [2]map[int]time.Duration // by which it is, where it is off
	for ch := range clicks {
		clicks[ch] = map[int]time.Duration{}
		last := -8000
		for i := 0; 44+4*i+4 <= len(data); i++ {
			v := int16(binary.LittleEndian.Uint16(data[44+4*i+2*ch:]))
			if v < 6000 {
				continue
			}
			if i-last > 1600 && i > 10*8000 {
				at := time.Duration(i) * 125 * time.Microsecond
				n := int(math.Round(float64(at) / float64(clickEvery)))
				clicks[ch][n] = at - time.Duration(n)*clickEvery
			}
			last = i
		}
	}
	worst, together, both := time.Duration(0), time.Duration(0), 0
	for n, left := range clicks[0] {
		worst = max(worst, left.Abs())
		if right, ok := clicks[1][n]; ok {
			both++
			worst, together = max(worst, right.Abs()), max(together, (left-right).Abs())
		}
	}
	t.Logf("%d clicks on both sides, at most %v apart, at most %v from where they were said", both, together, worst)
	if want := int(long/clickEvery) * 9 / 10; both < want || together > 5*time.Millisecond || worst > 25*time.Millisecond {
		t.Errorf("%d clicks on both sides of %d, at most %v apart, at most %v from where they were said", both, want, together, worst)
	}
}
