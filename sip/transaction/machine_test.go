package transaction

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// story runs a machine through virtual time: before each event every timer that is due by then is
// stepped. It gives one line for each step that did something, like a trace of the figure.
type story struct {
	t   *testing.T
	tm  Timers
	m   Machine
	now time.Duration
	out strings.Builder
}

func begin(t *testing.T, kind Kind, reliable bool) *story {
	s := &story{t: t, tm: DefaultTimers, now: time.Second}
	var a Action
	switch kind {
	case InviteClient:
		s.m, a = NewInviteClient(&s.tm, reliable, s.now)
	case Client:
		s.m, a = NewClient(&s.tm, reliable, s.now)
	case InviteServer:
		s.m = NewInviteServer(&s.tm, reliable, s.now)
	case Server:
		s.m = NewServer(&s.tm, reliable, s.now)
	}
	s.line("begins", a)
	return s
}

func (s *story) line(what string, a Action) {
	fmt.Fprintf(&s.out, "%.1f %s: %v; %v\n", (s.now - time.Second).Seconds(), what, a, s.m.State)
}

// until steps every timer up to at.
func (s *story) until(at time.Duration) *story {
	for {
		next, ok := s.m.Next()
		if !ok || next > at+time.Second {
			break
		}
		if next < s.now {
			s.t.Fatalf("timer in the past: %v at %v", next, s.now)
		}
		s.now = next
		var a Action
		s.m, a = s.m.Step(&s.tm, Due, s.now)
		s.line("due", a)
	}
	s.now = at + time.Second
	return s
}

func (s *story) at(at time.Duration, in Input) *story {
	s.until(at)
	var a Action
	s.m, a = s.m.Step(&s.tm, in, s.now)
	s.line(in.String(), a)
	return s
}

func (s *story) is(want string) {
	s.t.Helper()
	got := strings.TrimSpace(s.out.String())
	var lines []string
	for _, l := range strings.Split(strings.TrimSpace(want), "\n") {
		lines = append(lines, strings.TrimSpace(l))
	}
	if want = strings.Join(lines, "\n"); got != want {
		s.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const sec = time.Second

func TestInviteClientUnanswered(t *testing.T) {
	begin(t, InviteClient, false).until(100 * sec).is(`
		0.0 begins: send request; Calling
		0.5 due: send request; Calling
		1.5 due: send request; Calling
		3.5 due: send request; Calling
		7.5 due: send request; Calling
		15.5 due: send request; Calling
		31.5 due: send request; Calling
		32.0 due: fail: timeout; Terminated`)
	begin(t, InviteClient, true).until(100 * sec).is(`
		0.0 begins: send request; Calling
		32.0 due: fail: timeout; Terminated`)
}

func TestInviteClientRefused(t *testing.T) {
	begin(t, InviteClient, false).at(sec, Provisional).at(60*sec, Failure).at(61*sec, Failure).at(62*sec, Provisional).until(200 * sec).is(`
		0.0 begins: send request; Calling
		0.5 due: send request; Calling
		1.0 1xx: deliver; Proceeding
		60.0 3xx-6xx: send ACK, deliver; Completed
		61.0 3xx-6xx: send ACK; Completed
		62.0 1xx: nothing; Completed
		92.0 due: nothing; Terminated`)
	begin(t, InviteClient, true).at(sec, Failure).until(200 * sec).is(`
		0.0 begins: send request; Calling
		1.0 3xx-6xx: send ACK, deliver; Terminated`)
}

// RFC 6026 §7.2: every 2xx is the user's for 64·T1, on a stream too.
func TestInviteClientTaken(t *testing.T) {
	for _, reliable := range []bool{false, true} {
		s := begin(t, InviteClient, reliable)
		s.at(sec/10, Provisional).at(sec, Success).at(2*sec, Success).at(3*sec, Provisional).at(4*sec, Failure).until(200 * sec).is(`
		0.0 begins: send request; Calling
		0.1 1xx: deliver; Proceeding
		1.0 2xx: deliver; Accepted
		2.0 2xx: deliver; Accepted
		3.0 1xx: nothing; Accepted
		4.0 3xx-6xx: nothing; Accepted
		33.0 due: nothing; Terminated`)
	}
}

// RFC 3261 §9.1: 64·T1 after the CANCEL the INVITE is over, answered or not.
func TestInviteClientCancelled(t *testing.T) {
	begin(t, InviteClient, false).at(sec/10, Provisional).at(20*sec, Cancelled).until(200 * sec).is(`
		0.0 begins: send request; Calling
		0.1 1xx: deliver; Proceeding
		20.0 cancelled: nothing; Proceeding
		52.0 due: fail: timeout; Terminated`)
}

func TestClientUnsent(t *testing.T) {
	begin(t, InviteClient, false).at(0, Unsent).at(sec, Success).is(`
		0.0 begins: send request; Calling
		0.0 unsent: fail: transport; Terminated
		1.0 2xx: nothing; Terminated`)
	begin(t, Client, false).at(0, Unsent).is(`
		0.0 begins: send request; Trying
		0.0 unsent: fail: transport; Terminated`)
}

func TestClientUnanswered(t *testing.T) {
	begin(t, Client, false).until(100 * sec).is(`
		0.0 begins: send request; Trying
		0.5 due: send request; Trying
		1.5 due: send request; Trying
		3.5 due: send request; Trying
		7.5 due: send request; Trying
		11.5 due: send request; Trying
		15.5 due: send request; Trying
		19.5 due: send request; Trying
		23.5 due: send request; Trying
		27.5 due: send request; Trying
		31.5 due: send request; Trying
		32.0 due: fail: timeout; Terminated`)
}

func TestClientAnswered(t *testing.T) {
	begin(t, Client, false).at(sec, Provisional).at(7*sec, Success).at(8*sec, Success).until(100 * sec).is(`
		0.0 begins: send request; Trying
		0.5 due: send request; Trying
		1.0 1xx: deliver; Proceeding
		1.5 due: send request; Proceeding
		5.5 due: send request; Proceeding
		7.0 2xx: deliver; Completed
		8.0 2xx: nothing; Completed
		12.0 due: nothing; Terminated`)
	begin(t, Client, true).at(sec, Failure).is(`
		0.0 begins: send request; Trying
		1.0 3xx-6xx: deliver; Terminated`)
}

func TestInviteServerOwes100(t *testing.T) {
	begin(t, InviteServer, false).until(sec).at(sec, Again).at(2*sec, Provisional).at(3*sec, Again).is(`
		0.0 begins: nothing; Proceeding
		0.2 due: send 100; Proceeding
		1.0 request again: send response; Proceeding
		2.0 1xx: send response; Proceeding
		3.0 request again: send response; Proceeding`)
	begin(t, InviteServer, false).at(sec/10, Again).at(sec/2, Again).is(`
		0.0 begins: nothing; Proceeding
		0.1 request again: send 100; Proceeding
		0.5 request again: send response; Proceeding`)
	begin(t, InviteServer, false).at(sec/10, Provisional).until(10 * sec).is(`
		0.0 begins: nothing; Proceeding
		0.1 1xx: send response; Proceeding`)
}

func TestInviteServerRefusesUntilAck(t *testing.T) {
	begin(t, InviteServer, false).at(0, Failure).at(sec/4, Again).at(4*sec, Ack).at(5*sec, Again).at(6*sec, Ack).until(100 * sec).is(`
		0.0 begins: nothing; Proceeding
		0.0 3xx-6xx: send response; Completed
		0.2 request again: send response; Completed
		0.5 due: send response; Completed
		1.5 due: send response; Completed
		3.5 due: send response; Completed
		4.0 ACK: nothing; Confirmed
		5.0 request again: nothing; Confirmed
		6.0 ACK: nothing; Confirmed
		9.0 due: nothing; Terminated`)
	begin(t, InviteServer, false).at(0, Failure).until(100 * sec).is(`
		0.0 begins: nothing; Proceeding
		0.0 3xx-6xx: send response; Completed
		0.5 due: send response; Completed
		1.5 due: send response; Completed
		3.5 due: send response; Completed
		7.5 due: send response; Completed
		11.5 due: send response; Completed
		15.5 due: send response; Completed
		19.5 due: send response; Completed
		23.5 due: send response; Completed
		27.5 due: send response; Completed
		31.5 due: send response; Completed
		32.0 due: fail: timeout; Terminated`)
	begin(t, InviteServer, true).at(0, Failure).at(sec, Ack).is(`
		0.0 begins: nothing; Proceeding
		0.0 3xx-6xx: send response; Completed
		1.0 ACK: nothing; Terminated`)
}

// RFC 6026 §7.1: after a 2xx copies of the INVITE are absorbed for 64·T1, the user repeats the 2xx,
// and the ACK is the user's.
func TestInviteServerAccepted(t *testing.T) {
	begin(t, InviteServer, false).at(sec/10, Success).at(sec, Again).at(2*sec, Success).at(3*sec, Ack).at(4*sec, Unsent).until(100 * sec).is(`
		0.0 begins: nothing; Proceeding
		0.1 2xx: send response; Accepted
		1.0 request again: nothing; Accepted
		2.0 2xx: send response; Accepted
		3.0 ACK: deliver; Accepted
		4.0 unsent: fail: transport; Accepted
		32.1 due: nothing; Terminated`)
}

// RFC 4320: a 100 when Timer E would be T2 and not before, no other provisional, never a 408, and
// nothing at all after 64·T1.
func TestServerLate(t *testing.T) {
	begin(t, Server, false).at(sec, Provisional).at(3*sec, Again).at(5*sec, Again).at(6*sec, Success).at(7*sec, Again).at(8*sec, Failure).until(100 * sec).is(`
		0.0 begins: nothing; Trying
		1.0 1xx: nothing; Trying
		3.0 request again: nothing; Trying
		3.5 due: send 100; Proceeding
		5.0 request again: send response; Proceeding
		6.0 2xx: send response; Completed
		7.0 request again: send response; Completed
		8.0 3xx-6xx: nothing; Completed
		38.0 due: nothing; Terminated`)
	begin(t, Server, false).at(sec, Expired).is(`
		0.0 begins: nothing; Trying
		1.0 expired: nothing; Terminated`)
	begin(t, Server, true).at(40*sec, Success).is(`
		0.0 begins: nothing; Trying
		3.5 due: send 100; Proceeding
		32.0 due: fail: timeout; Terminated
		40.0 2xx: nothing; Terminated`)
	begin(t, Server, true).at(sec, Failure).is(`
		0.0 begins: nothing; Trying
		1.0 3xx-6xx: send response; Terminated`)
}

func TestServerUnsent(t *testing.T) {
	begin(t, Server, false).at(0, Success).at(0, Unsent).is(`
		0.0 begins: nothing; Trying
		0.0 2xx: send response; Completed
		0.0 unsent: fail: transport; Terminated`)
	begin(t, Server, false).at(4*sec, Unsent).is(`
		0.0 begins: nothing; Trying
		3.5 due: send 100; Proceeding
		4.0 unsent: fail: transport; Terminated`)
	begin(t, InviteServer, false).at(sec/10, Failure).at(sec/10, Unsent).until(sec).is(`
		0.0 begins: nothing; Proceeding
		0.1 3xx-6xx: send response; Completed
		0.1 unsent: fail: transport; Completed
		0.6 due: send response; Completed`)
}

func TestDueTooEarlyDoesNothing(t *testing.T) {
	for _, kind := range []Kind{InviteClient, InviteServer, Client, Server} {
		s := begin(t, kind, false)
		for _, in := range []Input{Due, UnknownInput} {
			m, a := s.m.Step(&s.tm, in, s.now)
			if m != s.m || a != 0 {
				t.Errorf("%v: %v did %v", kind, in, a)
			}
		}
	}
}

// TestEveryMachineEnds walks every machine through every order of three inputs: whatever comes, once
// nothing more comes it ends by its own timers, except a call that rings and an INVITE that waits
// for its user.
func TestEveryMachineEnds(t *testing.T) {
	inputs := []Input{Provisional, Success, Failure, Again, Ack, Cancelled, Expired, Unsent, Due}
	for _, kind := range []Kind{InviteClient, InviteServer, Client, Server} {
		for n := range 9 * 9 * 9 {
			s := begin(t, kind, n%2 == 0)
			for i, at := n, sec; i > 0; i, at = i/9, at+sec {
				s.at(at, inputs[i%9])
			}
			s.until(1000 * sec)
			if s.m.State != Terminated && s.m.State != Proceeding {
				t.Fatalf("%v stays:\n%s", kind, s.out.String())
			}
			if s.m.State == Proceeding && kind != InviteClient && kind != InviteServer {
				t.Fatalf("%v stays:\n%s", kind, s.out.String())
			}
		}
	}
}

func TestTimers(t *testing.T) {
	fast := Timers{T1: 100 * time.Millisecond}.Fill()
	if fast.T2 != 4*sec || fast.D != 6400*time.Millisecond || fast.Timeout() != 6400*time.Millisecond {
		t.Errorf("%+v", fast)
	}
	if d := DefaultTimers.untilT2(); d != 3500*time.Millisecond {
		t.Errorf("Timer E reaches T2 after %v", d)
	}
	if (Timers{}).Fill() != DefaultTimers {
		t.Error("zero timers are not the default")
	}
}

func TestNames(t *testing.T) {
	if Kind(9).String() != "9" || InviteServer.String() != "INVITE server" || Accepted.String() != "Accepted" || Cancelled.String() != "cancelled" {
		t.Error("names")
	}
	if Action(0).String() != "nothing" {
		t.Error("no action")
	}
	for status, want := range map[int]Input{99: UnknownInput, 100: Provisional, 200: Success, 299: Success, 300: Failure, 699: Failure, 700: UnknownInput} {
		if got := ResponseInput(status); got != want {
			t.Errorf("%d: %v", status, got)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	tm := DefaultTimers
	b.ReportAllocs()
	for b.Loop() {
		m := NewInviteServer(&tm, false, 1)
		m, _ = m.Step(&tm, Provisional, 2)
		m, _ = m.Step(&tm, Failure, 3)
		m, _ = m.Step(&tm, Ack, 4)
		if m.State != Confirmed {
			b.Fatal(m.State)
		}
	}
}
