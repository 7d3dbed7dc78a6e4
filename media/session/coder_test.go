package session

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"santral/media"
	"santral/media/codec"
)

// counted is an encoder that can't be copied: each payload says how much it has encoded, and the last of it.
type counted struct{ samples int }

func (c *counted) Encode(dst []byte, sound media.Frame) []byte {
	c.samples += len(sound)
	return append(dst, byte(c.samples/80), byte(sound[len(sound)-1]))
}

// A coder that takes another's place makes of the next sound what the other would have made; one whose encoder can't be copied
// has heard the last tenth of a second.
func TestACoderGoesOn(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	next := func(m *media.Mixed) {
		m.Turn++
		for i := range m.Sound {
			m.Sound[i] = int16(random.IntN(8000) - 4000)
		}
	}
	for _, c := range codec.All() {
		for _, ptime := range []time.Duration{20 * time.Millisecond, 60 * time.Millisecond} {
			key := coderKey{codec: c, format: c.Format, ptime: c.Fit(ptime), options: codec.Options{DTX: true}, noise: c.Rate == 8000}
			for _, rate := range []int{8000, 16000} {
				a, b := &media.Mixed{Rate: rate, Sound: make([]int16, rate/50)}, &media.Mixed{Rate: rate, Sound: make([]int16, rate/50)}
				next(a)
				one := coderOf(a, key, nil)
				for range 20 {
					one.advance(a, nil)
					next(a)
				}
				b.Turn = a.Turn
				copy(b.Sound, a.Sound)
				other := coderOf(b, key, one)
				if other == one {
					t.Fatal("it is the same coder")
				}
				for range 6 {
					one.advance(a, nil)
					other.advance(b, nil)
					if len(one.said) != len(other.said) || len(one.said) != packetsOn(a, key.ptime) {
						t.Fatalf("%s: %d packets, and %d of the other, want %d", c.Format.Name, len(one.said), len(other.said), packetsOn(a, key.ptime))
					}
					for i := range one.said {
						if one.said[i].verdict != other.said[i].verdict || !bytes.Equal(one.said[i].octets, other.said[i].octets) {
							t.Errorf("%s, %s, from %d Hz: the two make different payloads", c.Format.Name, key.ptime, rate)
						}
					}
					next(a)
					b.Turn = a.Turn
					copy(b.Sound, a.Sound)
				}
			}
		}
	}
	fake := &codec.Codec{Rate: 8000, Format: media.Format{Name: "X", Rate: 8000, Channels: 1}, NewEncoder: func(media.Format, codec.Options) (media.Encoder, error) { return &counted{}, nil }}
	key := coderKey{codec: fake, format: fake.Format, ptime: 20 * time.Millisecond}
	a := &media.Mixed{Rate: 8000, Sound: make([]int16, 160)}
	next(a)
	one := coderOf(a, key, nil)
	for range 20 {
		one.advance(a, nil)
		next(a)
	}
	other := newCoder(key, one)
	if n := other.encoder.(*counted).samples; n != 800 {
		t.Errorf("it has heard %d samples of what was said, want 800", n)
	}
}

// Packets of every length end on the same turns in all coders, and none is missing.
func TestPacketsEndTogether(t *testing.T) {
	for ptime := 10; ptime <= 60; ptime += 10 {
		key := keyOf(speech{codec: codec.All()[len(codec.All())-1], ptime: time.Duration(ptime) * time.Millisecond}, codec.Options{})
		m := &media.Mixed{Rate: 8000, Sound: make([]int16, 160)}
		var coders []*coder
		packets := 0
		for m.Turn < 60 {
			m.Turn++
			packets += packetsOn(m, key.ptime)
			if m.Turn%7 == 1 { // as if the one before were another mixture's
				m.Made = nil
				coders = append(coders, coderOf(m, key, nil))
			}
			for i, c := range coders {
				c.advance(m, nil)
				if len(c.said) != packetsOn(m, key.ptime) {
					t.Errorf("%d ms, turn %d: coder %d has %d packets, want %d", ptime, m.Turn, i, len(c.said), packetsOn(m, key.ptime))
				}
			}
		}
		if packets != 60*20/ptime {
			t.Errorf("%d ms: %d packets in 1.2 s", ptime, packets)
		}
	}
}
