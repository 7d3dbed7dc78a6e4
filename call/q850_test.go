package call

import "testing"

// TestCausesAsStatuses is the table of RFC 3398 §7.2.4.1, and what stands for causes that it has no row for.
func TestCausesAsStatuses(t *testing.T) {
	for cause, want := range map[int]int{
		1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484, 29: 501, 31: 480,
		34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403, 88: 503,
		102: 504, 111: 500, 127: 500,
		14: 480, 25: 480, 35: 503, 43: 503, 63: 500, 50: 500, 66: 501, 81: 500, 99: 500, 110: 500, 126: 500,
		0: 500, -1: 500, 128: 500, 1000: 500,
	} {
		if got := StatusOf(cause); got != want {
			t.Errorf("Q.850 %d is %d, want %d", cause, got, want)
		}
	}
}

// TestStatusesAsCauses is the table of RFC 3398 §8.2.6.1.
func TestStatusesAsCauses(t *testing.T) {
	for status, want := range map[int]int{
		400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79, 416: 127,
		420: 127, 421: 127, 423: 127, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
		500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1,
		488: 88, 606: 88, 487: 16, // no rows there: our own
	} {
		c := FromStatus(status)
		if c.Q850 != want || c.SIP != status || c.Text == "" {
			t.Errorf("%d is %+v, want Q.850 %d", status, c, want)
		}
	}
	for _, status := range []int{300, 302, 399, 499, 599, 699} {
		if c := FromStatus(status); c.SIP != status || c.Q850 == 0 {
			t.Errorf("%d is %+v", status, c)
		}
	}
}

// TestDivert: each time that a call is sent on adds one, and nothing goes round for ever.
func TestDivert(t *testing.T) {
	var first Traits
	first.Alert.Answer = AnswerAuto
	once, ok := first.Divert(Diversion{Number: "101", Reason: "user-busy"})
	if !ok || len(first.Diversions) != 0 || once.Alert != (Alert{}) || once.Diverted() != 1 {
		t.Fatalf("%+v", once)
	}
	twice, _ := once.Divert(Diversion{Number: "102"})
	other, _ := once.Divert(Diversion{Number: "103"})
	if twice.Diversions[0].Number != "102" || twice.Diversions[0].Reason != "unknown" || twice.Diversions[1].Number != "101" || other.Diversions[0].Number != "103" {
		t.Errorf("%+v and %+v", twice.Diversions, other.Diversions)
	}
	if _, ok := twice.Divert(Diversion{Number: "104", Counter: MaxDiversions - 1}); ok {
		t.Error("a call is sent on for ever")
	}
	for i := range MaxDiversions {
		var ok bool
		if first, ok = first.Divert(Diversion{Number: "1"}); !ok {
			t.Fatalf("refused after %d", i)
		}
	}
	if _, ok := first.Divert(Diversion{}); ok {
		t.Error("a call is sent on for ever")
	}
}
