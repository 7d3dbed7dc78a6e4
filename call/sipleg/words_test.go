package sipleg

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"santral/call"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/invite"
)

func response(t *testing.T, status int, reasons ...string) *sip.Message {
	t.Helper()
	req := sip.NewRequest(sip.INVITE, "sip:102@192.0.2.12")
	m := sip.NewResponse(req, status, "")
	for _, r := range reasons {
		m.Add(sip.ReasonKind, r)
	}
	return m
}

// TestCauses: what a peer says, as a cause.
func TestCauses(t *testing.T) {
	cancel := sip.NewRequest(sip.CANCEL, "sip:102@192.0.2.12")
	cancel.Set(sip.ReasonKind, `SIP;cause=200;text="Call completed elsewhere"`)
	bye := sip.NewRequest(sip.BYE, "sip:102@192.0.2.12")
	bye.Set(sip.ReasonKind, "Q.850;cause=31;text=\"normal\x1b, unspecified\", SIP;cause=200")
	later := response(t, 503)
	later.Set(sip.RetryAfter, "120 (in a meeting)")
	for _, c := range []struct {
		name       string
		got        call.Cause
		q850, sip  int
		text       string
		retryAfter int
	}{
		{"busy", failure(invite.Event{Message: response(t, 486)}), 17, 486, "user busy", 0},
		{"with its own code", failure(invite.Event{Message: response(t, 480, "Q.850;cause=19")}), 19, 480, "no user responding", 0},
		{"a code that is none", failure(invite.Event{Message: response(t, 480, "Q.850;cause=900", "nonsense")}), 18, 480, "no user responding", 0},
		{"come back later", failure(invite.Event{Message: later}), 41, 503, "temporary failure", 120},
		{"no answer", failure(invite.Event{Err: endpoint.ErrTimeout}), 18, 408, "no user responding", 0},
		{"unreachable", failure(invite.Event{Err: endpoint.ErrTransport}), 27, 480, "destination out of order", 0},
		{"glare", failure(invite.Event{Err: invite.ErrGlare}), 41, 491, call.RequestPending.Text, 0},
		{"left before the answer", failure(invite.Event{Err: invite.ErrHungUp}), 21, 603, "call rejected", 0},
		{"closing", failure(invite.Event{Err: endpoint.ErrClosed}), 41, 503, call.ShuttingDown.Text, 0},
		{"answered elsewhere", departure(invite.Event{Message: cancel}), 26, 487, "Call completed elsewhere", 0},
		{"hung up", departure(invite.Event{Message: bye}), 31, 200, "normal , unspecified", 0},
		{"no ACK", departure(invite.Event{Err: invite.ErrLostAck}), 102, 408, call.LostAck.Text, 0},
		{"expired", departure(invite.Event{Err: invite.ErrExpired}), 16, 487, call.Cancelled.Text, 0},
		{"lost", departure(invite.Event{Err: invite.ErrLost}), 111, 481, call.LostDialog.Text, 0},
		{"silent", departure(invite.Event{Err: endpoint.ErrTimeout}), 18, 408, call.NoResponse.Text, 0},
		{"anything else", failure(invite.Event{Err: errors.New("x")}), 27, 480, "destination out of order", 0},
	} {
		if c.got.Q850 != c.q850 || c.got.SIP != c.sip || c.got.Text != c.text || c.got.After != c.retryAfter {
			t.Errorf("%s: %+v", c.name, c.got)
		}
	}
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		cause call.Cause
		want  string
	}{
		{call.Preempted, `preemption;cause=1;text="UA Preemption", Q.850;cause=8;text="preemption"`},
		{call.NormalClearing, `Q.850;cause=16;text="normal call clearing"`},
		{call.AnsweredElsewhere, `SIP;cause=200;text="Call completed elsewhere", Q.850;cause=26;text="Call completed elsewhere"`},
		{call.Cause{Q850: 31, Text: "a\r\nX-Evil: \"1\""}, `Q.850;cause=31;text="aX-Evil: \"1\""`},
		{call.Cause{}, ""},
	} {
		if got := reasonOf(c.cause); got != c.want {
			t.Errorf("%+v: %s", c.cause, got)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Phone 101":                         "Phone 101",
		"a\x00\x1b[31mb\r\nc\x7f":           "a[31mbc",
		"مریم":                              "مریم",
		"bad \xff\xfe utf":                  "bad  utf",
		"\u0085\u009bx":                     "x",
		strings.Repeat("x", 1000):           strings.Repeat("x", maxText),
		strings.Repeat("x", 127) + "\u06cc": strings.Repeat("x", 127),
	} {
		if got := clean(in); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// TestKeysOfAnINFO: all spellings of keys by INFO that phones and gateways have, and what is none.
func TestKeysOfAnINFO(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		want       byte
		ms         int
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160},
		{"application/dtmf-relay", "signal = #\nduration=160", '#', 160},
		{"application/dtmf-relay", "Duration= 240 \r\nSignal= 0", '0', 240},
		{"application/dtmf-relay", "Signal=10\r\n", '*', 0},
		{"application/dtmf-relay", "Signal=11\r\n", '#', 0},
		{"application/dtmf-relay", "Signal=15\r\nDuration=x", 'D', 0},
		{"application/dtmf-relay", "Signal=16\r\nDuration=500\r\n", '!', 500},
		{"application/dtmf-relay", "Signal=hf", '!', 0},
		{"application/dtmf-relay", "Signal=!", '!', 0},
		{"application/dtmf-relay; charset=utf-8", "Signal=a\r\n", 'A', 0},
		{"application/dtmf-relay", "Signal=1\r\nDuration=-5\r\n", '1', 0},
		{"application/dtmf-relay", "Signal=1\r\nDuration=99999999\r\n", '1', 60000},
		{"application/dtmf-relay", "Duration=160\r\n", 0, 0},
		{"application/dtmf-relay", "5", 0, 0},
		{"application/dtmf-relay", "Signal=55\r\nDuration=160", 0, 0},
		{"application/dtmf-relay", "Signal=17\r\n", 0, 0},
		{"application/dtmf", "7", '7', 0},
		{"application/dtmf", "16\r\n", '!', 0},
		{"application/dtmf", "7\r\nDuration=90", '7', 90},
		{"application/dtmf", "", 0, 0},
		{"application/hook-flash", "signal=hf", '!', 0},
		{"application/hook-flash", "", '!', 0},
		{"application/media_control+xml", "7", 0, 0},
	} {
		m := sip.NewRequest(sip.INFO, "sip:x@192.0.2.1")
		m.SetBody(c.kind, c.body)
		m.Set(sip.ContentType, c.kind)
		if got, long := keyOf(m); got != c.want || long != time.Duration(c.ms)*time.Millisecond {
			t.Errorf("%s %q: %q for %s", c.kind, c.body, got, long)
		}
	}
	for _, key := range []byte("0123456789*#ABCD!") { // what we write is what we read
		m := sip.NewRequest(sip.INFO, "sip:x@192.0.2.1")
		m.SetBody(keyRelay, relayed(key, 230*time.Millisecond))
		if got, long := keyOf(m); got != key || long != 230*time.Millisecond {
			t.Errorf("%q became %q for %s", key, got, long)
		}
	}
}

// FuzzBody asks whether any body of any type can do harm: a part that is found stands in the body, a
// digit is one, and cleaned text is clean.
func FuzzBody(f *testing.F) {
	f.Add("multipart/mixed; boundary=b", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n")
	f.Add("multipart/mixed; boundary=\"b b\"", "pre\r\n--b b \r\nc: application/sdp\r\n\r\nv=0\r\n\r\n--b b--")
	f.Add("application/dtmf-relay", "Signal=5")
	f.Add("application/sdp", "v=0\r\n")
	f.Add("multipart/alternative;boundary=x", "--x--x--x\r\n\r\n")
	f.Fuzz(func(t *testing.T, kind, body string) {
		m := sip.NewRequest(sip.INVITE, "sip:x@192.0.2.1")
		m.SetBody(kind, body)
		text, bad := sessionPart(m)
		if bad != nil && text != "" {
			t.Errorf("refused and read: %q", text)
		}
		if !strings.Contains(body+"\r\n", text) {
			t.Errorf("%q is not of %q", text, body)
		}
		readOffer(m)
		if d, long := keyOf(m); d != 0 && !strings.Contains("0123456789*#ABCD!", string(d)) || long < 0 || long > mostLong {
			t.Errorf("digit %q for %s", d, long)
		}
		if c := clean(body); !utf8.ValidString(c) || len(c) > maxText || strings.ContainsAny(c, "\r\n\x00\x1b\x7f") {
			t.Errorf("%q is not clean", c)
		}
		if p := plain(body); len(p) > maxText || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q is not plain", p)
		}
	})
}
