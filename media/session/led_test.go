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
