package session

import (
	"testing"

	"santral/media"
)

// fakeLeader keeps who is led.
type fakeLeader struct{ leads media.Voice }

func (*fakeLeader) Read(f media.Frame) (int, error) { return len(f), nil }
func (l *fakeLeader) Lead(v media.Voice) bool       { l.leads = v; return true }
func (l *fakeLeader) Dismiss(v media.Voice) {
	if l.leads == v {
		l.leads = nil
	}
}

// A room that closes lets go of its voices without a lock: one that has gone on to another room meanwhile stays led there, and
// says nothing of what the first still has for it.
func TestALeaderThatLetsGoLate(t *testing.T) {
	var a, b fakeLeader
	v := &voice{}
	v.play(&a, true)
	late := a.leads
	v.play(&b, true)
	if a.leads != nil || b.leads == nil {
		t.Fatalf("led by the first: %v, by the second: %v", a.leads != nil, b.leads != nil)
	}
	late.Alone()
	if v.lead == nil {
		t.Fatal("the voice has been taken from the second leader by the first")
	}
	b.leads.Alone()
	if v.lead != nil {
		t.Fatal("the voice is led by nobody, and does not know")
	}
}

// slowed is sound of 16 kHz that can be had at 8; each sample says the rate.
type slowed struct{ rate int }

func (*slowed) Rate() int { return 16000 }
func (s *slowed) SetRate(rate int) bool {
	if rate != 8000 && rate != 16000 {
		return false
	}
	s.rate = rate
	return true
}
func (s *slowed) Read(f media.Frame) (int, error) {
	for i := range f {
		f[i] = int16(s.rate)
	}
	return len(f), nil
}

// A source that one voice has read at its rate is read by the next at its own: it would be played too fast otherwise.
func TestASourceGoesFromVoiceToVoice(t *testing.T) {
	src := &slowed{rate: 16000}
	for _, rate := range []int{8000, 16000, 8000, 16000} {
		var o origin
		o.begin(src)
		f := make(media.Frame, rate/50)
		if o.read(f, rate); int(f[0]) != rate {
			t.Errorf("at %d Hz sound of %d Hz is read", rate, f[0])
		}
	}
}
