package sipleg

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"santral/call"
	"santral/sip"
)

func history(values ...string) *sip.Message {
	m := sip.NewRequest(sip.INVITE, "sip:102@192.0.2.1")
	for _, v := range values {
		m.Add(sip.HistoryInfo, v)
	}
	return m
}

func diversion(values ...string) *sip.Message {
	m := sip.NewRequest(sip.INVITE, "sip:102@192.0.2.1")
	for _, v := range values {
		m.Add(sip.Diversion, v)
	}
	return m
}

// TestReadDiversions: both spellings, today's and those of yesterday, the latest diversion first.
func TestReadDiversions(t *testing.T) {
	one := func(number, reason string) call.Diversion {
		return call.Diversion{Number: number, Reason: reason, Counter: 1}
	}
	for name, c := range map[string]struct {
		req  *sip.Message
		want []call.Diversion
	}{
		"none": {diversion(), nil},
		"RFC 5806 §9": {diversion("<sip:+19195551002@c.example>;reason=no-answer;counter=1;privacy=off", "<tel:+19195551001>;reason=unconditional"),
			[]call.Diversion{one("+19195551002", "no-answer"), one("+19195551001", "unconditional")}},
		"on one line": {diversion(`"Ali, of sales" <sip:1@c.example>;reason=user-busy;counter=3, <sip:2@c.example>;privacy=full`),
			[]call.Diversion{{Number: "1", Name: "Ali, of sales", Reason: "user-busy", Counter: 3}, {Number: "2", Reason: "unknown", Counter: 1, Private: true}}},
		"a reason of one's own": {diversion(`<sip:1@c.example>;reason="follow the\"sun"`), []call.Diversion{one("1", "unknown")}},
		"nonsense":              {diversion("<sip:1@c.example", "", "<sip:2@c.example>;counter=-4", "<sip:3@c.example>;counter=99999999"), []call.Diversion{one("2", "unknown"), {Number: "3", Reason: "unknown", Counter: call.MaxDiversions}}},
		"RFC 7044 forward on busy": {history("<sip:101@c.example>;index=1", "<sip:102@c.example;cause=486>;index=1.1;mp=1"),
			[]call.Diversion{one("101", "user-busy")}},
		"twice": {history("<sip:101@c.example>;index=1, <sip:102@c.example;cause=302>;index=1.1;mp=1", "<sip:103@c.example;cause=408>;index=1.1.1;mp=1.1"),
			[]call.Diversion{one("102", "no-answer"), one("101", "unconditional")}},
		"a contact of the same user is none": {history("<sip:101@c.example>;index=1", "<sip:101@192.0.2.9:5060>;index=1.1;rc=1"), nil},
		"RFC 4244 by Reason": {history("<sip:101@c.example?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22>;index=1", "<sip:102@c.example>;index=1.1"),
			[]call.Diversion{one("101", "unconditional")}},
		"RFC 4244 without a word": {history("<sip:101@c.example>;index=1", "<sip:102@192.0.2.9>;index=1.1"), nil},
		"private entry": {history("<sip:101@c.example?Privacy=history>;index=1", "<sip:102@c.example;cause=480>;index=1.1;mp=1"),
			[]call.Diversion{{Number: "101", Reason: "deflection", Counter: 1, Private: true}}},
		"tel": {history("<tel:+98-21-2200>;index=1", "<sip:102@c.example;cause=503>;index=1.1;mp=1"), []call.Diversion{one("+98212200", "unavailable")}},
		"a gap": {history("<sip:101@c.example>;index=1", "<sip:102@c.example;cause=302>;index=1.1.1.1;mp=1"),
			[]call.Diversion{{Number: "101", Reason: "unconditional", Counter: 3}}},
		"without an index": {history("<sip:101@c.example>", "<sip:102@c.example;cause=302>"), []call.Diversion{one("101", "unconditional")}},
	} {
		if d := cmp.Diff(c.want, readDiversions(c.req)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	private := history("<sip:101@c.example>;index=1", "<sip:102@c.example;cause=302>;index=1.1;mp=1")
	private.Set(sip.Privacy, "history")
	if got := readDiversions(private); len(got) != 1 || !got[0].Private {
		t.Errorf("Privacy: history: %+v", got)
	}
	if got := readDiversions(diversion(strings.Repeat("<sip:1@c.example>, ", 100))); len(got) != call.MaxDiversions {
		t.Errorf("%d diversions are kept", len(got))
	}
}

// TestWriteDiversions: what a peer is told, and that it reads the same again in either spelling.
func TestWriteDiversions(t *testing.T) {
	list := []call.Diversion{
		{Number: "102", Name: "Ali", Reason: "no-answer", Counter: 1},
		{Number: "+98 21", Reason: "user-busy", Counter: 2, Private: true},
	}
	put := func(m Manners) *sip.Message {
		req := sip.NewRequest(sip.INVITE, "sip:103@192.0.2.12")
		m.putDiversions(req, list, "103", "x.example", false)
		return req
	}
	values := func(m *sip.Message, k sip.Kind) (all []string) {
		for i := range m.Headers {
			if m.Headers[i].Kind == k {
				all = append(all, m.Headers[i].Value)
			}
		}
		return all
	}
	friend := put(Manners{Trusted: true})
	if d := cmp.Diff([]string{
		`"Ali" <sip:102@x.example>;reason=no-answer;counter=1;privacy=off;screen=no`,
		`<sip:+98%2021@x.example>;reason=user-busy;counter=2;privacy=full;screen=no`,
	}, values(friend, sip.Diversion)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{
		`<sip:+98%2021@x.example?Privacy=history>;index=1`,
		`"Ali" <sip:102@x.example;cause=486>;index=1.1.1;mp=1`,
		`<sip:103@x.example;cause=408>;index=1.1.1.1;mp=1.1.1`,
	}, values(friend, sip.HistoryInfo)); d != "" {
		t.Error(d)
	}
	for _, k := range []sip.Kind{sip.Diversion, sip.HistoryInfo} {
		other := sip.NewRequest(sip.INVITE, "sip:103@192.0.2.12")
		for _, v := range values(friend, k) {
			other.Add(k, v)
		}
		if d := cmp.Diff(list, readDiversions(other)); d != "" {
			t.Errorf("%s changed what it means: %s", k, d)
		}
	}
	if text := put(Manners{}).String(); strings.Contains(text, "21@") || !strings.Contains(text, "anonymous@anonymous.invalid") {
		t.Errorf("a stranger learns who is private:\n%s", text)
	}
	for form, want := range map[DiversionForm][2]bool{ByDiversion: {true, false}, ByHistory: {false, true}, ByBoth: {true, true}, NoDiversions: {}} {
		m := put(Manners{Diversion: form})
		if m.Has(sip.Diversion) != want[0] || m.Has(sip.HistoryInfo) != want[1] {
			t.Errorf("form %d:\n%s", form, m)
		}
	}
}

// TestDivertedCall: a trusted trunk's diversions reach the phone that rings and another trunk, a stranger's
// nobody.
func TestDivertedCall(t *testing.T) {
	trusting(t, func(w *world, x *exchange, h *trunked) {
		w.silence()
		friend, stranger, b := w.phone("192.0.2.21", "friend"), w.phone("192.0.2.22", "stranger"), w.phone("192.0.2.12", "102")
		for _, from := range []*phone{friend, stranger} {
			from.invite("102", from.sdp, func(m *sip.Message) {
				m.Add(sip.HistoryInfo, "<sip:777@c.example>;index=1, <sip:102@c.example;cause=302>;index=1.1;mp=1")
			})
			got := b.rings()
			if want := from == friend; strings.HasPrefix(got.Get(sip.Diversion), "<sip:777@192.0.2.1>;reason=unconditional;counter=1") != want || got.Has(sip.HistoryInfo) != want {
				t.Errorf("%s: B was told\n%s", from.number, got)
			}
			from.status(180)
			b.picksUp()
			from.answered("")
			from.leaves(b)
			b.d = nil
		}
	})
}

// FuzzIdentity asks whether any value of the fields that tell of people can do harm: what is read holds no control
// character, is bounded, and is written so that it reads the same again.
func FuzzIdentity(f *testing.F) {
	for _, s := range []string{
		`"Ali" <sip:102@x.example>;reason=no-answer;counter=1`, `<sip:101@c.example?Reason=SIP%3Bcause%3D302>;index=1, <sip:1@c;cause=4>;index=1.1;mp=1`,
		"<tel:+98-21;rn=1;npdi;cic=+1>;party=calling;privacy=full", "Auto Answer", "<urn:alert:source:internal>", "<sip:x>;answer-after=0", "id;critical", "<sip:0912%0d%0aX-Evil:%201@c.example>", "<tel:%00>",
		"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2", "\x00\"\\\"<>,;",
	} {
		f.Add(s)
	}
	kinds := []sip.Kind{sip.Diversion, sip.HistoryInfo, sip.PAssertedIdentity, sip.RemotePartyID, sip.AlertInfo, sip.CallInfo, sip.Privacy, sip.SessionID, sip.PEarlyMedia, sip.MaxBreadth}
	f.Fuzz(func(t *testing.T, value string) {
		m := sip.NewRequest(sip.INVITE, "tel:"+value)
		for _, k := range kinds {
			m.Add(k, value)
		}
		friend := Manners{Trusted: true, From: true}
		who, privacy, _ := friend.caller(m, call.Party{})
		_, tel, _ := dialledNumber(m)
		out := sip.NewRequest(sip.INVITE, withTel(sip.URI{Scheme: "sip", User: "1", Host: "x.example"}, tel).String())
		for k, v := range map[sip.Kind]string{sip.ViaKind: "SIP/2.0/UDP x.example;branch=z9hG4bKx", sip.From: "<sip:x@x.example>;tag=1", sip.To: "<sip:x@x.example>", sip.CallID: "x", sip.CSeqKind: "1 INVITE"} {
			out.Set(k, v)
		}
		name := telling(who, privacy)
		for _, h := range name.assert(&friend, true, true, "x.example", "") {
			out.Add(h.Kind, h.Value)
		}
		list := readDiversions(m)
		if len(list) > call.MaxDiversions {
			t.Errorf("%d diversions", len(list))
		}
		friend.putDiversions(out, list, "103", "x.example", false)
		alert := readAlert(m)
		friend.putAlert(out, &alert, "snom", "x.example", true)
		if id := readSessionID(value); id != "" {
			out.Add(sip.SessionID, id)
		}
		readGate(m)
		maxBreadth(m)
		back, err := sip.ParseMessage(out.String())
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if len(back.Headers) != len(out.Headers)+1 { // Content-Length
			t.Errorf("%d header fields became %d:\n%s", len(out.Headers), len(back.Headers), out)
		}
		if strings.ContainsFunc(who.Name+who.Number, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("party %+v", who)
		}
	})
}
