package dtmf

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBlock(t *testing.T) {
	// RFC 4733 §2.3: event, E bit with R bit and volume, duration.
	for _, c := range []struct {
		event Event
		text  []byte
	}{
		{Event{Code: 1, Volume: 20, Duration: 400}, []byte{1, 20, 0x01, 0x90}},
		{Event{Code: 1, End: true, Volume: 20, Duration: 1760}, []byte{1, 0x80 | 20, 0x06, 0xe0}},
		{Event{Code: 255, Volume: 63, Duration: 65535}, []byte{255, 63, 255, 255}},
	} {
		if got := c.event.Append(nil); !slices.Equal(got, c.text) {
			t.Errorf("%+v printed % x", c.event, got)
		}
		if got, err := Parse(c.text); err != nil || got != c.event {
			t.Errorf("% x read %+v, %v", c.text, got, err)
		}
	}
	if got, err := Parse([]byte{1, 0x40 | 5, 0, 1, 9}); err != nil || got != (Event{Code: 1, Volume: 5, Duration: 1}) {
		t.Errorf("the reserved bit: %+v, %v", got, err)
	}
	if _, err := Parse([]byte{1, 2, 3}); !errors.Is(err, ErrShort) {
		t.Errorf("three octets: %v", err)
	}
}

func TestKeys(t *testing.T) {
	for i := range len(Keys) {
		code, ok := CodeOf(Keys[i])
		key, isKey := Event{Code: code}.Key()
		if !ok || !isKey || int(code) != i || key != Keys[i] {
			t.Errorf("%c has code %d, which is %c", Keys[i], code, key)
		}
	}
	if code, ok := CodeOf('d'); !ok || code != 15 {
		t.Errorf("d has code %d", code)
	}
	if _, ok := CodeOf('x'); ok {
		t.Error("x is a key")
	}
	code, known := CodeOf(Flash)
	if key, ok := (Event{Code: 16}).Key(); !ok || !known || code != 16 || key != Flash {
		t.Errorf("event 16 is %c, and a flash event %d", key, code)
	}
	if _, ok := (Event{Code: 17}).Key(); ok {
		t.Error("event 17 is a key")
	}
}

func press(t *testing.T, key byte, long time.Duration) (packets []Packet) {
	t.Helper()
	p, ok := NewPress(key, long, 8000)
	if !ok {
		t.Fatalf("%c cannot be pressed", key)
	}
	for {
		out, ok := p.Next(160)
		if !ok {
			return packets
		}
		packets = append(packets, out)
	}
}

func TestPress(t *testing.T) {
	packets := press(t, '5', 100*time.Millisecond)
	want := []Event{
		{Code: 5, Volume: 10, Duration: 160}, {Code: 5, Volume: 10, Duration: 320}, {Code: 5, Volume: 10, Duration: 480}, {Code: 5, Volume: 10, Duration: 640},
		{Code: 5, Volume: 10, Duration: 800, End: true}, {Code: 5, Volume: 10, Duration: 800, End: true}, {Code: 5, Volume: 10, Duration: 800, End: true},
	}
	if len(packets) != len(want) {
		t.Fatalf("%d packets, want %d", len(packets), len(want))
	}
	for i, p := range packets {
		e, err := Parse(p.Payload[:])
		if err != nil || e != want[i] || p.Marker != (i == 0) || p.Last != (i == len(want)-1) {
			t.Errorf("packet %d: %+v, marker %v, last %v; want %+v", i, e, p.Marker, p.Last, want[i])
		}
	}
	for name, c := range map[string]struct {
		long time.Duration
		want uint16
	}{
		"too short": {time.Millisecond, 320}, "uneven": {50 * time.Millisecond, 400},
	} {
		packets := press(t, '#', c.long)
		if e, _ := Parse(packets[len(packets)-1].Payload[:]); e.Duration != c.want || !e.End {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if _, ok := NewPress('x', time.Second, 8000); ok {
		t.Error("x was pressed")
	}
}

// sent is a packet with its timestamp.
type sent struct {
	stamp uint32
	event Event
}

// hear gives the keys of packets, those whose end is lost too.
func hear(h *Hearing, packets ...sent) string {
	var keys []Heard
	for _, p := range packets {
		keys = h.Hear(keys, p.stamp, 8000, p.event.Append(nil))
	}
	return letters(h.Lapse(keys))
}

func letters(keys []Heard) string {
	var s []byte
	for _, k := range keys {
		s = append(s, k.Key)
	}
	return string(s)
}

func TestHearing(t *testing.T) {
	at := func(stamp uint32, key byte, duration uint16, end bool) sent {
		code, _ := CodeOf(key)
		return sent{stamp, Event{Code: code, Duration: duration, End: end}}
	}
	for name, c := range map[string]struct {
		packets []sent
		want    string
	}{
		"once for all packets": {[]sent{at(1000, '1', 160, false), at(1000, '1', 320, false), at(1000, '1', 480, true), at(1000, '1', 480, true), at(1000, '1', 480, true)}, "1"},
		"lost ends":            {[]sent{at(1000, '1', 160, false), at(1000, '1', 320, false), at(3000, '1', 160, false), at(3000, '1', 320, false)}, "11"},
		"lost beginning":       {[]sent{at(1000, '1', 480, true), at(1000, '1', 480, true)}, "1"},
		"only one end each":    {[]sent{at(1000, '1', 480, true), at(2500, '1', 480, true), at(4000, '2', 480, true)}, "112"},
		"overtaken":            {[]sent{at(1000, '1', 480, true), at(3000, '2', 160, false), at(1000, '1', 480, true), at(3000, '2', 320, true)}, "12"},
		"over the wrap":        {[]sent{at(4294967000, '1', 480, true), at(900, '2', 160, true), at(4294967000, '1', 480, true)}, "12"},
		"a long press in segments": {[]sent{at(1000, '9', 65000, false), at(1000, '9', 65535, false), at(66535, '9', 160, false),
			at(66535, '9', 8000, true)}, "9"},
		"a segment whose end was lost": {[]sent{at(1000, '9', 60000, false), at(66535, '9', 160, false), at(66535, '9', 320, true)}, "9"},
		"a stamp for every packet":     {[]sent{at(1000, '7', 160, false), at(1160, '7', 320, false), at(1320, '7', 480, false), at(1480, '7', 640, true), at(1480, '7', 640, true)}, "7"},
		"and the next press":           {[]sent{at(1000, '7', 160, false), at(1160, '7', 320, true), at(3000, '7', 160, false), at(3160, '7', 320, true)}, "77"},
		"the clock began anew":         {[]sent{at(4000000, '1', 480, true), at(1000, '1', 480, true)}, "11"},
		"a flash":                      {[]sent{{1000, Event{Code: 16, Duration: 160}}}, "!"},
		"no key":                       {[]sent{{1000, Event{Code: 17, Duration: 160}}}, ""},
		"no time":                      {[]sent{at(1000, '1', 0, false), at(1000, '1', 0, true)}, ""},
		"a change within a stamp":      {[]sent{at(1000, '1', 160, false), at(1000, '2', 160, false)}, "12"},
	} {
		if got := hear(new(Hearing), c.packets...); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	one, two := at(0, '1', 800, true).event, at(0, '2', 800, true).event
	var h Hearing
	if got := h.Hear(nil, 5000, 8000, two.Append(one.Append(nil))); letters(got) != "12" || got[0].Long != 100*time.Millisecond {
		t.Errorf("two events in a packet: %v", got)
	}
	if got := h.Hear(nil, 5000, 8000, append(two.Append(one.Append(nil)), 0, 0, 0, 0, 0)); len(got) != 0 {
		t.Errorf("the same again, padded: %v", got)
	}
}

// Every key is as long as it was pressed, at every clock, in one segment or in several, and with all of its
// ends lost as long as was heard of it.
func TestDurations(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		for _, step := range []time.Duration{10, 20, 30, 60} {
			for _, long := range []time.Duration{40, 70, 100, 1000, 1365, 1400, 3000, 9000, 20000} {
				for _, lost := range []int{0, repeats} {
					long, step := long*time.Millisecond, step*time.Millisecond
					p, _ := NewPress('7', long, rate)
					var h Hearing
					var keys []Heard
					var packets []Packet
					for {
						out, ok := p.Next(uint32(int(step) * rate / int(time.Second)))
						if !ok {
							break
						}
						packets = append(packets, out)
					}
					if packets = packets[:len(packets)-lost]; len(packets) == 0 {
						continue
					}
					for _, out := range packets {
						if len(keys) > 0 && lost > 0 {
							t.Fatalf("told before it was over")
						}
						keys = h.Hear(keys, 0xfffff000+out.Begin, rate, out.Payload[:])
					}
					if lost > 0 != h.Sounds() {
						t.Fatalf("%d Hz, %s: sounds %v", rate, long, h.Sounds())
					}
					keys = h.Lapse(keys)
					if len(keys) != 1 || keys[0].Key != '7' || keys[0].Long > long || keys[0].Long < long-time.Millisecond && lost == 0 || keys[0].Long < long-step {
						t.Errorf("%d Hz, %s in packets of %s, %d lost: %v", rate, long, step, lost, keys)
					}
					last := packets[len(packets)-1]
					if again := h.Lapse(h.Hear(nil, 0xfffff000+last.Begin, rate, last.Payload[:])); len(again) != 0 {
						t.Errorf("told again: %v", again)
					}
				}
			}
		}
	}
}

// However packets of presses are lost and doubled, as long as one of each press arrives: all keys,
// once, in order.
func TestHearingUnderLoss(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stamp := rapid.Uint32().Draw(t, "stamp")
		var h Hearing
		var want []byte
		var got []Heard
		for range rapid.IntRange(1, 12).Draw(t, "keys") {
			key := Keys[rapid.IntRange(0, 15).Draw(t, "key")]
			want = append(want, key)
			p, _ := NewPress(key, time.Duration(rapid.IntRange(40, 400).Draw(t, "ms"))*time.Millisecond, 8000)
			total := p.Total
			arrived := false
			for {
				out, ok := p.Next(160)
				if !ok {
					break
				}
				if out.Last && !arrived || rapid.Bool().Draw(t, "arrives") {
					arrived = true
					got = h.Hear(got, stamp, 8000, out.Payload[:])
					if rapid.Bool().Draw(t, "doubled") {
						got = h.Hear(got, stamp, 8000, out.Payload[:])
					}
				}
			}
			stamp += total + uint32(rapid.IntRange(320, 30000).Draw(t, "pause"))
		}
		if got = h.Lapse(got); letters(got) != string(want) {
			t.Fatalf("%v, want %q", got, want)
		}
	})
}

func FuzzHear(f *testing.F) {
	f.Add(uint32(1000), []byte{1, 10, 0, 160}, []byte{1, 0x8a, 3, 32, 2, 10, 0, 160})
	f.Add(uint32(0xffffff00), []byte{16, 10, 255, 255}, []byte{0, 0, 0})
	f.Fuzz(func(t *testing.T, stamp uint32, first, second []byte) {
		var h Hearing
		h.Hear(nil, stamp, 8000, first)
		h.Hear(nil, stamp+160, 8000, second)
		if keys := h.Hear(nil, stamp+160, 8000, second); len(keys) > blocks+1 {
			t.Fatalf("%d keys of one packet", len(keys))
		}
		if e, err := Parse(first); err == nil {
			again, err := Parse(e.Append(nil))
			if err != nil || again != e {
				t.Fatalf("parse, print, parse: %+v, then %+v, %v", e, again, err)
			}
		}
	})
}

func BenchmarkHear(b *testing.B) {
	payload := Event{Code: 5, Duration: 800, End: true}.Append(nil)
	var h Hearing
	b.ReportAllocs()
	for b.Loop() {
		h.Hear(nil, 1000, 8000, payload)
	}
}
