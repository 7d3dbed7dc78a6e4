package sdp

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"santral/media"
)

// wished makes one of many wishes out of a number.
func wished(n uint16) Wish {
	w := Wish{Speak: speak}
	on := func(bit int) bool { return n>>bit&1 == 1 }
	w.NoEvents, w.Noise, w.Red, w.Lossy, w.NoVideo, w.NoFax, w.Browser = on(0), on(1), on(2), on(3), on(4), on(5), on(6)
	if on(7) {
		w.Codecs = []string{"opus", "PCMU", "H264", "AMR"}
	}
	if on(8) {
		w.Ptime = 30
	}
	if on(9) {
		w.Proto, w.Pictures = "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"
	}
	if on(10) {
		w.Lines = []Past{{Kind: "audio", Last: "udptl", Proto: "RTP/SAVP", Formats: []media.Format{{Name: "x", Payload: 8, Rate: 8000}, {Name: "PCMA", Payload: 101, Rate: 8000, Channels: 1}}}, {Kind: "video", Last: "RTP/AVP"}, {Kind: "image", Last: "udptl"}}
	}
	return w
}

// FuzzNegotiate has any description cross a call: what is offered onward, what is answered to that, and what comes back
// to whoever made the offer. Each is checked by the rules of RFC 3264.
func FuzzNegotiate(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "offers", "*.sdp"))
	if err != nil || len(files) < 6 {
		f.Fatal(err, files)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for n := range 11 {
			f.Add(string(text), "", uint16(1<<n), uint16(i*97))
		}
		f.Add(string(text), "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 96 8\r\na=rtpmap:96 opus/48000/2\r\na=sendonly\r\n", uint16(0), uint16(i))
	}
	f.Fuzz(func(t *testing.T, text, answer string, a, b uint16) {
		offer, err := Parse(text)
		if err != nil {
			return
		}
		before := offer.String()
		onto, back := wished(a), wished(b)
		onto.Restrict(parsed(t, before))
		d, err := Onward(offer, &onto)
		if err != nil {
			return
		}
		checkOnward(t, offer, d, &onto)
		far, err := Parse(answer)
		if err != nil || len(far.Media) == 0 {
			far = agreeable(d, b)
		}
		back.Refused = uint64(b) >> 13
		res, err := Back(offer, far, &back)
		if offer.String() != before {
			t.Fatal("the offer was changed")
		}
		if err != nil {
			return
		}
		checkBack(t, offer, far, res, &back)
	})
}

// agreeable answers an offer by all or some of what it has.
func agreeable(offer *Description, n uint16) *Description {
	d := offer.Clone()
	for i := range d.Media {
		m := &d.Media[i]
		m.SetDirection(m.Direction(nil).Reverse())
		switch {
		case m.Port == 0:
		case n>>(i%8)&1 == 1 && i > 0:
			m.Reject()
		case n&2 != 0:
			m.Formats = m.Formats[len(m.Formats)/2:]
		}
	}
	return d
}

func checkOnward(t *testing.T, other, d *Description, w *Wish) {
	t.Helper()
	if len(d.Media) != max(len(other.Media), len(w.Lines)) {
		t.Fatalf("%d lines became %d", len(other.Media), len(d.Media))
	}
	printed(t, d)
	for i := range d.Media {
		m := &d.Media[i]
		if i >= len(other.Media) {
			if m.Port != 0 {
				t.Fatalf("line %d came from nowhere", i)
			}
			continue
		}
		o := &other.Media[i]
		if m.Kind != o.Kind || RTP(m.Proto) != RTP(o.Proto) || m.Port != 0 && o.Rejected() {
			t.Fatalf("line %d: %s over %s at %d became %s over %s at %d", i, o.Kind, o.Proto, o.Port, m.Kind, m.Proto, m.Port)
		}
		if m.Port == 0 {
			continue
		}
		clean(t, m, w)
		if !RTP(m.Proto) || m.Kind != "audio" {
			continue
		}
		theirs := o.FormatList()
		list := m.FormatList()
		if len(list) != len(m.Formats) {
			t.Fatalf("formats %v, explained %+v", m.Formats, list)
		}
		codecs := 0
		for j := range list {
			f := &list[j]
			if slices.ContainsFunc(list[:j], func(g media.Format) bool { return g.Payload == f.Payload }) {
				t.Fatalf("number %d means two things", f.Payload)
			}
			if !isCodec(f) {
				continue
			}
			codecs++
			if !w.allows(f) {
				t.Fatalf("%s is not allowed", f.Name)
			}
			if !contains(theirs, *f) && (!w.speaks(f) || !w.spoken(theirs)) {
				t.Fatalf("%s is nobody's", f.Name)
			}
			for _, p := range w.past(i).Formats {
				if p.Payload == f.Payload && !Same(p, *f) {
					t.Fatalf("number %d meant %s and means %s", p.Payload, p.Name, f.Name)
				}
			}
			if events := (media.Format{Name: "telephone-event", Rate: f.Rate}); contains(list, events) == w.NoEvents {
				t.Fatalf("events at %d: %v", f.Rate, !w.NoEvents)
			}
		}
		if codecs == 0 {
			t.Fatal("a line of sound without a codec")
		}
	}
}

func checkBack(t *testing.T, offer, far, d *Description, w *Wish) {
	t.Helper()
	printed(t, d)
	if err := CheckAnswer(offer, d); err != nil {
		t.Fatal(err)
	}
	for i := range d.Media {
		m, o := &d.Media[i], &offer.Media[i]
		if m.Port == 0 {
			continue
		}
		if i >= len(far.Media) || far.Media[i].Rejected() || w.Refused>>uint(i)&1 == 1 {
			t.Fatalf("line %d was refused and is answered", i)
		}
		clean(t, m, w)
		if dir, most := m.Direction(d), o.Direction(offer).Reverse(); dir.And(most) != dir {
			t.Fatalf("%s was answered by %s", o.Direction(offer), dir)
		}
		if !RTP(m.Proto) {
			continue
		}
		theirs := o.FormatList()
		for _, f := range m.FormatList() {
			if !slices.ContainsFunc(theirs, func(g media.Format) bool { return g.Payload == f.Payload && Same(f, g) }) {
				t.Fatalf("%+v was not offered", f)
			}
			if m.Kind == "audio" && isCodec(&f) && !w.allows(&f) {
				t.Fatalf("%s is not allowed", f.Name)
			}
		}
		for _, n := range m.Formats {
			if !slices.Contains(o.Formats, n) && m.Kind != "audio" && m.Kind != "video" {
				t.Fatalf("%s was not offered", n)
			}
		}
	}
}

// clean checks that nothing of another path stands on a line.
func clean(t *testing.T, m *Media, w *Wish) {
	t.Helper()
	for _, a := range m.Attrs {
		if Path(a.Name) && a.Name != "mid" || browsers(a.Name) && a.Name != "rtcp-fb" && !w.Browser {
			t.Fatalf("a=%s:%s is none of this peer's business", a.Name, a.Value)
		}
	}
}

// printed checks that a description says what it means.
func printed(t *testing.T, d *Description) {
	t.Helper()
	c := d.Clone()
	c.Origin, c.Conn = NewOrigin(1, 1, here), NewConn(here)
	text := c.String()
	again, err := Parse(text)
	if err != nil {
		if len(text) > MaxSize {
			return
		}
		t.Fatalf("%v in\n%s", err, text)
	}
	if again.String() != text {
		t.Fatalf("%s\nis read as\n%s", text, again)
	}
}

// BenchmarkOnward and BenchmarkBack are what negotiation costs a call, for an everyday phone and for a browser.
func BenchmarkOnward(b *testing.B) {
	for _, name := range []string{"desk", "chromium"} {
		b.Run(name, func(b *testing.B) {
			offer, w := read(b, name), wishes["plain"]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Onward(offer, &w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBack(b *testing.B) {
	offer, w := read(b, "desk"), wishes["plain"]
	far := parsed(b, "v=0\r\no=- 1 1 IN IP4 192.0.2.60\r\ns=-\r\nc=IN IP4 192.0.2.60\r\nt=0 0\r\nm=audio 5004 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Back(offer, far, &w); err != nil {
			b.Fatal(err)
		}
	}
}
