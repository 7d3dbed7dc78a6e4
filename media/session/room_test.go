package session_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"santral/media"
	"santral/media/codec"
	"santral/media/dtmf"
	"santral/media/mediatest"
	"santral/media/mixer"
	"santral/media/rtp"
	"santral/media/sdp"
	"santral/media/session"
	"santral/media/srtp"
)

// Phones of unlike codecs and packet times hear each other in one room, each all others and not itself, at rooms of
// every rate.
func TestRoomOfUnlikePhones(t *testing.T) {
	for rate, longest := range map[int]int{8000: 60, 16000: 30, 48000: 60} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHall(t, mixer.Config{Rate: rate})
				h.seat(pcma, 20, 350)
				h.seat(pcmu, longest, 550)
				h.seat(g722, 20, 750)
				h.seat(l16, 10, 1050)
				if _, ok := codec.Lookup(opus); ok {
					h.seat(opus, 40, 1350)
				}
				h.talk(3*time.Second, h.seats...)
				for _, x := range h.seats {
					sound := x.sound()
					if long := len(sound) * 1000 / x.codec.Rate; long < 2900 || long > 3020+int(x.ptime/time.Millisecond) {
						t.Errorf("%s hears %d ms", x.f.Name, long)
					}
					sound = sound[len(sound)-2*x.codec.Rate:]
					for _, o := range h.seats {
						want := 8000.
						if o == x {
							want = 0
						}
						if level, _ := toneOf(sound, o.hz, x.codec.Rate); math.Abs(level-want) > 800 {
							t.Errorf("%s hears %s at %.0f, want %.0f", x.f.Name, o.f.Name, level, want)
						}
					}
				}
			})
		})
	}
}

// What phones hear over sessions is the arithmetic sum of what the others say, sample by sample where the codec loses
// nothing.
func TestRoomIsTheSum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 16000})
		for _, hz := range []float64{300, 500, 800} {
			h.seat(l16, 20, hz)
		}
		say := make(map[*seat][]int16)
		for range 150 {
			for _, x := range h.seats {
				f := make([]int16, 320)
				x.tone(f)
				say[x] = append(say[x], f...)
				x.saySound(f)
			}
			mediatest.Wait(20 * time.Millisecond)
		}
		for i, x := range h.seats {
			others := [][]int16{say[h.seats[(i+1)%3]], say[h.seats[(i+2)%3]]}
			heard := x.sound()
			heard = heard[len(heard)-32000:]
			// Each of the others' streams has a delay of its own, of the buffer it came through.
			best := 0
			for d1 := range 2000 {
				at1 := len(others[0]) - 32000 - d1
				d2 := 0
				for ; d2 < 2000; d2++ {
					at2 := len(others[1]) - 32000 - d2
					n := 0
					for n < 32000 && heard[n] == others[0][at1+n]+others[1][at2+n] {
						n++
					}
					best = max(best, n)
					if n == 32000 {
						break
					}
				}
				if d2 < 2000 {
					break
				}
			}
			if best != 32000 {
				t.Errorf("phone %d hears the others' sum for %d samples", i, best)
			}
		}
	})
}

// Listeners get one and the same payload, whenever they came. One who begins to talk, and falls silent again, hears
// what it hears without a click, whatever its codec remembers.
func TestOneEncodeForAll(t *testing.T) {
	for _, f := range []media.Format{pcma, g722, opus} {
		t.Run(f.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHall(t, mixer.Config{Rate: 16000, Mixed: 1})
				begin := time.Now()
				first := h.seat(f, 20, 0)
				talker := h.seat(f, 20, 0)
				h.room.Play(&looped{sound: mediatest.Speech(t, "en", 16000)}, nil)
				mediatest.Wait(500 * time.Millisecond)
				late := h.seat(f, 20, 0)
				mediatest.Wait(time.Second)
				voice := mediatest.Speech(t, "slt", talker.codec.Rate)
				n := talker.codec.Rate / 50
				var talks []time.Time
				for i := range 3 { // it talks, and is silent
					talks = append(talks, time.Now())
					for k := range 50 {
						talker.saySound(voice[(50*i+k)*n:][:n])
						mediatest.Wait(20 * time.Millisecond)
					}
					mediatest.Wait(6 * time.Second)
				}
				of := map[time.Time][]byte{}
				alike, unlike := 0, 0
				for _, p := range late.phone.Heard() {
					of[p.At] = p.Data[p.Header.Begin:p.Header.End]
				}
				for _, p := range first.phone.Heard() {
					if want, ok := of[p.At]; ok {
						if bytes.Equal(p.Data[p.Header.Begin:p.Header.End], want) {
							alike++
						} else {
							unlike++
						}
					}
				}
				if alike < 500 || unlike > 0 {
					t.Errorf("%d packets are alike, %d are not", alike, unlike)
				}
				own := 0
				for _, p := range talker.phone.Heard() {
					if want, ok := of[p.At]; ok && !bytes.Equal(p.Data[p.Header.Begin:p.Header.End], want) {
						own++
					}
				}
				if own < 100 {
					t.Errorf("the talker had %d packets of its own", own)
				}
				// Of one and the same sound it hears what one hears who has never spoken, but for the codec's own noise.
				// Once it gets what all get it hears what they hear, but for what its decoder remembers of what it had before.
				backs := 0
				hers, his := talker.frames(), first.frames()
				was := false
				for _, p := range talker.phone.Take() {
					want, ok := of[p.At]
					like := ok && bytes.Equal(p.Data[p.Header.Begin:p.Header.End], want)
					if like && !was && p.At.After(talks[0]) {
						backs++
					}
					if was = like; like && p.At.After(begin.Add(1500*time.Millisecond)) {
						if d := apart(hers[p.At], his[p.At]); d > 65 { // −54 dBov
							t.Errorf("%s after the beginning it hears a difference of %.0f", p.At.Sub(begin), d)
						}
					}
				}
				if backs < 3 {
					t.Errorf("it went back to what all get %d times", backs)
				}
			})
		})
	}
}

// frames is what the phone has heard by the time at which it came.
func (x *seat) frames() map[time.Time][]int16 {
	dec := got(x.codec.NewDecoder(x.f))(x.t)
	all := map[time.Time][]int16{}
	for _, p := range x.phone.Heard() {
		f := make([]int16, x.codec.Rate*120/1000)
		n, err := dec.Decode(f, p.Data[p.Header.Begin:p.Header.End])
		check(x.t, err)
		all[p.At] = f[:n]
	}
	return all
}

// apart is how far two frames differ: the root of the mean square.
func apart(x, y []int16) float64 {
	sum := 0.
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return math.Sqrt(sum / float64(max(len(x), 1)))
}

type looped struct {
	sound []int16
	at    int
}

func (l *looped) Rate() int { return 16000 }
func (l *looped) Read(f media.Frame) (int, error) {
	for i := range f {
		f[i] = l.sound[l.at%len(l.sound)]
		l.at++
	}
	return len(f), nil
}

type toneSource struct{ hz, turn float64 }

func (s *toneSource) Rate() int { return 16000 }
func (s *toneSource) Read(f media.Frame) (int, error) {
	for i := range f {
		f[i] = int16(6000 * math.Sin(s.turn))
		s.turn += 2 * math.Pi * s.hz / 16000
	}
	return len(f), nil
}

// Who holds neither hears the room nor is heard in it, whatever music it plays; and it is as before when it comes back.
func TestRoomAndHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		a, b := h.seat(pcma, 20, 400), h.seat(pcma, 20, 700)
		h.talk(2*time.Second, a, b)
		for _, way := range []string{"sendonly", "inactive", "sendrecv\r\nc=IN IP4 0.0.0.0"} { // the last as phones of old do it (RFC 3264 §8.4)
			check(t, a.s.SetRemote(a.offer(way)))
			got(a.s.AnswerLocal())(t)
			mediatest.Wait(20 * time.Millisecond)
			b.phone.Take()
			a.phone.Take()
			h.talk(2*time.Second, a, b)
			if n := len(a.phone.Take()); n > 0 {
				t.Errorf("%s: who holds got %d packets", way, n)
			}
			sound := b.sound()
			if level, _ := toneOf(sound[4000:], 400, 8000); level > 50 {
				t.Errorf("%s: who holds is heard at %.0f", way, level)
			}
			check(t, a.s.SetRemote(a.offer()))
			a.to = mediatest.To(t, got(a.s.AnswerLocal())(t))
			h.talk(2*time.Second, a, b)
			for _, x := range []*seat{a, b} {
				sound := x.sound()
				other := 1100 - x.hz
				if level, _ := toneOf(sound[len(sound)-8000:], other, 8000); math.Abs(level-8000) > 500 {
					t.Errorf("after %s the other is heard at %.0f", way, level)
				}
			}
		}
	})
}

// A room adds nothing to the delay that two transcoded legs have, which is that of the buffer: less than a frame more.
func TestRoomDelay(t *testing.T) {
	delay := func(begin func(h *hall) (a, b *seat)) (d time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			h := newHall(t, mixer.Config{Rate: 8000})
			a, b := begin(h)
			silence, loud := make([]int16, 160), make([]int16, 160)
			newTone(1000)(loud)
			var sent time.Time
			for i := range 150 {
				x := silence
				if i >= 100 {
					x = loud
				}
				if i == 100 {
					sent = time.Now()
				}
				a.saySound(x)
				b.saySound(silence)
				mediatest.Wait(20 * time.Millisecond)
			}
			packets := b.phone.Take()
			for _, p := range packets {
				f := make([]int16, 960)
				dec := got(b.codec.NewDecoder(b.f))(t)
				n, err := dec.Decode(f, p.Data[p.Header.Begin:p.Header.End])
				check(t, err)
				for k, v := range f[:n] {
					if v > 3000 || v < -3000 {
						d = p.At.Sub(sent) + time.Duration(k)*time.Second/8000
						return
					}
				}
			}
			t.Error("the tone is not heard")
		})
		return d
	}
	room := delay(func(h *hall) (a, b *seat) { return h.seat(pcma, 20, 0), h.seat(pcmu, 20, 0) })
	across := delay(func(h *hall) (a, b *seat) {
		a, b = h.seat(pcma, 20, 0), h.seat(pcmu, 20, 0)
		a.m.Leave()
		b.m.Leave()
		a.s.Join(b.s)
		return a, b
	})
	t.Logf("the room's delay is %s, that of two transcoded legs %s", room, across)
	if room > across+20*time.Millisecond {
		t.Errorf("the room adds %s", room-across)
	}
}

func newTone(hz float64) func([]int16) {
	return func(f []int16) {
		for i := range f {
			f[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
		}
	}
}

// Keys reach a member's phone in the midst of what the room says, as events or as tones, and the room is heard behind them.
func TestRoomAndKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000, Mixed: 1})
		a, b := h.seat(pcma, 20, 0), h.seat(pcma, 20, 0)
		inband := h.phone(pcma, 20, 0)
		h.take(inband, session.Profile{Digits: session.DigitsInband}, inband.offer())
		h.room.Play(&toneSource{hz: 440}, nil)
		mediatest.Wait(500 * time.Millisecond)
		check(t, a.s.SendDigit('5', 100))
		check(t, inband.s.SendDigit('5', 100))
		mediatest.Wait(time.Second)
		events := 0
		for _, p := range a.phone.Take() {
			if p.Header.Payload == 101 {
				events++
			}
		}
		if events < 5 {
			t.Errorf("%d packets of the key", events)
		}
		sound := inband.sound()
		loudest := 0.
		for at := 0; at+400 < len(sound); at += 80 {
			level, _ := toneOf(sound[at:at+400], 770, 8000)
			loudest = max(loudest, level)
		}
		if loudest < 1000 {
			t.Errorf("the key's tone is heard at %.0f", loudest)
		}
		if level, _ := toneOf(sound[len(sound)-2000:], 440, 8000); math.Abs(level-6000) > 400 {
			t.Errorf("behind the key the room is heard at %.0f", level)
		}
		if level, _ := toneOf(b.sound(), 770, 8000); level > 50 {
			t.Errorf("another member hears the key at %.0f", level)
		}
	})
}

// Keys that a member presses as tones are told, and nobody in the room hears them.
func TestRoomHearsNoKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		a, b := h.phone(pcma, 20, 0), h.seat(pcma, 20, 0)
		h.take(a, session.Profile{Digits: session.DigitsInband}, a.offer())
		keys := make(chan session.Digit, 10)
		a.s.OnDigit(func(d session.Digit) { keys <- d })
		press := got2(dtmf.NewTones('5', 200*time.Millisecond, 8000))(t)
		for i := range 150 {
			f := make([]int16, 160)
			if i >= 100 {
				press.Next(f)
			}
			a.saySound(f)
			mediatest.Wait(20 * time.Millisecond)
		}
		if len(keys) != 1 || (<-keys).Key != '5' {
			t.Errorf("%d keys are told", len(keys))
		}
		sound, loud := b.sound(), 0
		for at := 0; at+80 <= len(sound); at += 80 {
			if rms(sound[at:at+80]) > 300 {
				loud++
			}
		}
		if loud > 5 {
			t.Errorf("the key is heard for %d ms", loud*10)
		}
	})
}

func rms(s []int16) float64 { return apart(s, make([]int16, len(s))) }

func got2[T any](v T, ok bool) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if !ok {
			t.Fatal("there is none")
		}
		return v
	}
}

// A member's phone may go over to another codec and packet time: it is heard and hears on.
func TestRoomAndAnotherCodec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 16000})
		a, b := h.seat(pcma, 20, 400), h.seat(g722, 20, 700)
		h.talk(time.Second, a, b)
		for _, as := range []struct {
			f     media.Format
			ptime int
		}{{g722, 20}, {pcmu, 40}, {l16, 10}, {pcma, 30}} {
			sp := newSpeaker(t, a.phone, as.f, as.ptime, 400)
			sp.turn = a.turn
			a.speaker = sp
			check(t, a.s.SetRemote(a.offer()))
			a.to = mediatest.To(t, got(a.s.AnswerLocal())(t))
			mediatest.Wait(time.Millisecond)
			a.phone.Take()
			b.phone.Take()
			h.talk(3*time.Second, a, b)
			for _, x := range []*seat{a, b} {
				var sound []int16
				if x == b {
					sound = b.sound()
				} else if packets := x.phone.Heard(); packets[len(packets)-1].Header.Payload != as.f.Payload {
					t.Errorf("%s: payload %d", as.f.Name, packets[len(packets)-1].Header.Payload)
					continue
				} else {
					sound = a.sound()
				}
				if level, _ := toneOf(sound[len(sound)-x.codec.Rate:], 1100-x.hz, x.codec.Rate); math.Abs(level-8000) > 800 {
					t.Errorf("after %s, %d ms: %s hears the other at %.0f", as.f.Name, as.ptime, x.f.Name, level)
				}
			}
		}
	})
}

// One whose network loses most of its packets harms nobody else: the others hear each other as before.
func TestRoomAndABadNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000})
		a, b, bad := h.seat(pcma, 20, 400), h.seat(pcma, 20, 700), h.seat(pcma, 20, 1100)
		for i := range 200 {
			a.say()
			b.say()
			if i%7 == 0 {
				bad.say()
			} else {
				bad.phone.Seq++
				bad.phone.Stamp += 160
			}
			mediatest.Wait(20 * time.Millisecond)
		}
		for _, x := range []*seat{a, b} {
			sound := x.sound()
			if level, _ := toneOf(sound[len(sound)-16000:], 1100-x.hz, 8000); math.Abs(level-8000) > 300 {
				t.Errorf("the other is heard at %.0f", level)
			}
		}
	})
}

// One encoding is sealed for who has keys, packed twice for who wants it redundant, and left out in silence for who takes
// comfort noise: all hear the same.
func TestRoomOfEveryKindOfLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(t, mixer.Config{Rate: 8000, Mixed: 1})
		plain, sealed, twice, described := h.phone(pcma, 20, 0), h.phone(pcma, 20, 0), h.phone(pcma, 20, 0), h.phone(pcma, 20, 0)
		h.take(plain, session.Profile{}, plain.offer())
		key := newSecret(t, sealed.phone, srtp.AES128CM80, 1)
		key.hears(h.take(sealed, session.Profile{}, over(t, "RTP/SAVP", sealed.phone.Addr(), key.attr())))
		lines := func(x *seat, formats string, attrs string) *sdp.Description {
			return mediatest.Parse(t, "v=0\r\no=- 1 1 IN IP4 "+x.phone.Addr().Addr().String()+"\r\ns=-\r\nc=IN IP4 "+x.phone.Addr().Addr().String()+
				"\r\nt=0 0\r\nm=audio 4000 RTP/AVP "+formats+"\r\n"+attrs)
		}
		h.take(twice, session.Profile{Red: true}, lines(twice, "121 8", "a=rtpmap:121 red/8000\r\na=fmtp:121 8/8\r\n"))
		h.take(described, session.Profile{Noise: true}, lines(described, "8 13", ""))
		mediatest.Wait(2 * time.Second) // nobody says anything
		described.phone.Take()
		mediatest.Wait(2 * time.Second)
		sound := 0
		quiet := described.phone.Take()
		for _, p := range quiet {
			if p.Header.Payload != codec.NoisePayload {
				sound++
			}
		}
		if len(quiet) < 3 || len(quiet) > 6 || sound > 0 {
			t.Errorf("%d packets in 2 s of silence, %d of them of sound", len(quiet), sound)
		}
		for _, x := range h.seats {
			x.phone.Take()
		}
		h.room.Play(&toneSource{hz: 440}, nil)
		mediatest.Wait(2 * time.Second)
		of := map[time.Time][]byte{}
		for _, p := range plain.phone.Take() {
			of[p.At] = p.Data[p.Header.Begin:p.Header.End]
		}
		alike := func(x *seat, payload func(p mediatest.Packet) []byte) {
			t.Helper()
			n := 0
			for _, p := range x.phone.Take() {
				if bytes.Equal(payload(p), of[p.At]) {
					n++
				}
			}
			if len(of) < 98 || n < 98 {
				t.Errorf("%d of %d packets are what others get", n, len(of))
			}
		}
		alike(sealed, func(p mediatest.Packet) []byte {
			b := got(key.in.Open(append([]byte(nil), p.Data...)))(t)
			h, _ := rtp.Parse(b)
			return b[h.Begin:h.End]
		})
		alike(twice, func(p mediatest.Packet) []byte {
			if p.Header.Payload != 121 {
				t.Fatalf("payload %d", p.Header.Payload)
			}
			return p.Data[p.Header.End-160 : p.Header.End]
		})
	})
}
