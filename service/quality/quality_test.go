package quality

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/call"
	"santral/sip"
	"santral/store"
)

// document is a phone's report after the form of RFC 6035 §4.6, with what phones do to it: folded lines, bare line
// ends, names in any case.
func session(callID string) string {
	return "VQSessionReport: CallTerm\r\nCallID: " + callID + "\r\nLocalID: Ava <sip:102@example.org>\r\nRemoteID: <sip:101@example.org>\r\nOrigID: <sip:101@example.org>\r\n" +
		"LocalAddr: IP=192.0.2.20 PORT=6000 SSRC=0x2468abcd\r\nLocalMetrics:\r\nTimestamps: START=2026-10-10T18:23:43Z STOP=2026-10-10T18:26:02Z\r\n" +
		"SessionDesc: PT=8 PD=PCMA SR=8000 FD=20 FPP=1 PPS=50 PLC=3\r\nJitterBuffer: JBA=3 JBR=2 JBN=40 JBM=80 JBX=120\r\nPacketLoss: NLR=5.0 JDR=2.0\r\n" +
		"BurstGapLoss: BLD=25.5 BD=120 GLD=1.0\r\n GD=500 GMIN=16\nDelay: RTD=200 ESD=140 SOWD=110 IAJ=2.5 MAJ=10\r\nqualityest: RLQ=88 RCQ=85 EXTRI=90 MOSLQ=4.1 MOSCQ=4.0 QoEEstAlg=P.564\r\n" +
		"RemoteMetrics:\r\nPacketLoss: NLR=0.5 JDR=0.0\r\nQualityEst: MOSLQ=4.3 MOSCQ=9.9\r\nDialogID:" + callID + ";to-tag=8472761;from-tag=9123dh311\r\n"
}

func TestReport(t *testing.T) {
	d, err := parse(session("abc@phone"))
	if err != nil || d.callID != "abc@phone" {
		t.Fatalf("%v: %+v", err, d)
	}
	want := store.PhoneMetrics{Codec: "PCMA", Loss: .05, Discarded: .02, BurstDensity: .255, BurstTime: 120, GapDensity: .01, GapTime: 500, Buffer: 40, RoundTrip: 200, EndDelay: 140, OneWay: 110,
		Jitter: 2.5, ListeningR: 88, ConversationR: 85, Listening: 4.1, Conversation: 4}
	if *d.report.Local != want || *d.report.Remote != (store.PhoneMetrics{Loss: .005, Listening: 4.3}) || d.report.Kind != store.SessionReport {
		t.Errorf("%+v\n%+v", d.report.Local, d.report.Remote)
	}
	if d, err := parse("VQAlertReport: Type=NLR Severity=Critical Dir=local\r\nLocalMetrics:\r\nPacketLoss: NLR=nan JDR=-1\r\nDialogID: x@y;to-tag=1\r\n"); err != nil || d.callID != "x@y" || d.report.Alert != "NLR" || *d.report.Local != (store.PhoneMetrics{}) {
		t.Errorf("%v: %+v", err, d)
	}
	for _, bad := range []string{"", "hello", "CallID: 1\r\nVQSessionReport:\r\n", "VQSessionReport\r\nLocalMetrics:\r\n", "VQSessionReport: CallTerm\r\nCallID: 1\r\n", session("") + strings.Repeat("X: 1\r\n", 300), session(strings.Repeat("a", 300)), strings.Repeat("a", MaxReport+1)} {
		if d, err := parse(bad); err == nil {
			t.Errorf("%.40q is a report: %+v", bad, d)
		}
	}
}

// tables keep reports as the database does.
type tables struct {
	mu   sync.Mutex
	list []store.PhoneReport
	fail bool
}

// PutPhoneReport keeps one.
func (x *tables) PutPhoneReport(_ context.Context, r store.PhoneReport) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail {
		return errors.New("no disk")
	}
	x.list = append(x.list, r)
	return nil
}

func (x *tables) reports() []store.PhoneReport {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]store.PhoneReport(nil), x.list...)
}

func publish(body string, headers ...string) *sip.Message {
	req := sip.NewRequest(sip.PUBLISH, "sip:example.org")
	req.Set(sip.From, "<sip:102@example.org>;tag=1")
	req.Set(sip.To, "<sip:example.org>")
	req.Set(sip.CallID, "p1")
	req.Set(sip.CSeqKind, "1 PUBLISH")
	req.Set(sip.Event, Package)
	if body != "" {
		req.SetBody(MediaType, body)
	}
	for i := 0; i < len(headers); i += 2 {
		switch headers[i] {
		case "match":
			req.Set(sip.SIPIfMatch, headers[i+1])
		case "expires":
			req.Set(sip.Expires, headers[i+1])
		case "type":
			req.Set(sip.ContentType, headers[i+1])
		}
	}
	return req
}

var ava = call.Party{Tenant: "sample", Account: "102"}

func record(legs ...store.CDRLeg) *store.CDR { return &store.CDR{Tenant: "sample", Legs: legs} }

func house(t *testing.T, x *tables) *House {
	h := New(Config{Reports: x, Random: id.New([32]byte{1})})
	t.Cleanup(h.Close)
	return h
}

// Reports come during a call and after it; each is kept for the leg that it is about, and for no other.
func TestReportsFindTheirLeg(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &tables{}
		h := house(t, x)
		interval := strings.Replace(session("c1"), "VQSessionReport: CallTerm", "VQIntervalReport", 1)
		alert := strings.Replace(session("c1"), "VQSessionReport: CallTerm", "VQAlertReport: Type=RLQ Severity=Warning", 1)
		for _, body := range []string{interval, alert, alert, interval} {
			if res := h.Publish(publish(body, "expires", "3600"), ava); res.Status != 200 || res.Get(sip.Expires) != "0" || res.Get(sip.SIPETag) == "" {
				t.Errorf("%d %s", res.Status, res.Get(sip.Expires))
			}
		}
		h.Publish(publish(session("c1")), call.Party{Tenant: "other", Account: "102"}) // another tenant's phone makes it up
		h.Publish(publish(session("c1")), call.Party{Tenant: "sample", Account: "103"})
		synctest.Wait()
		if len(x.reports()) != 0 || h.Stats().Waiting != 3 {
			t.Errorf("before the record: %+v, %+v", x.reports(), h.Stats())
		}
		h.Recorded(record(store.CDRLeg{Leg: "a", SIPCallID: "c0", Account: "101"}, store.CDRLeg{Leg: "b", SIPCallID: "c1", Account: "102"}))
		synctest.Wait()
		if got := x.reports(); len(got) != 1 || got[0].Kind != store.IntervalReport || got[0].Alerts != 2 || got[0].Tenant != "sample" || got[0].Account != "102" || got[0].SIPCallID != "c1" || got[0].At.IsZero() {
			t.Errorf("%+v", got)
		}
		time.Sleep(10 * time.Minute)
		h.Publish(publish(session("c1")), ava) // that of the whole call comes after it
		synctest.Wait()
		if got := x.reports(); len(got) != 2 || got[1].Kind != store.SessionReport {
			t.Errorf("%+v", got)
		}
		time.Sleep(10 * time.Minute)
		h.Recorded(record())
		h.Publish(publish(session("c1")), ava) // far too late
		synctest.Wait()
		if s := h.Stats(); len(x.reports()) != 2 || s.Kept != 2 || s.Taken != 8 {
			t.Errorf("%d, %+v", len(x.reports()), s)
		}
	})
}

func TestRefusedReports(t *testing.T) {
	x := &tables{}
	h := house(t, x)
	for name, c := range map[string]struct {
		req  *sip.Message
		want int
	}{
		"no body":               {publish(""), 400},
		"a refresh":             {publish("", "match", "x", "expires", "60"), 412},
		"taken back":            {publish("", "match", "x", "expires", "0"), 200},
		"another type":          {publish(session("c"), "type", "text/plain"), 415},
		"no report":             {publish("hello"), 400},
		"too long":              {publish(session("c") + strings.Repeat(" ", MaxReport)), 413},
		"one that is refreshed": {publish(session("c"), "match", "x"), 200},
	} {
		if res := h.Publish(c.req, ava); res.Status != c.want {
			t.Errorf("%s: %d, want %d", name, res.Status, c.want)
		}
	}
	if !Mine(publish("")) {
		t.Error("not for us")
	}
	other := publish("")
	other.Set(sip.Event, "presence")
	if Mine(other) {
		t.Error("presence is for somebody else")
	}
}

// Whoever publishes without end fills nothing.
func TestReportsAreBounded(t *testing.T) {
	x := &tables{fail: true}
	h := house(t, x)
	for i := range 100 {
		h.Publish(publish(session("c"+strconv.Itoa(i))), ava)
	}
	if s := h.Stats(); s.Waiting != mostOf || s.Unknown != 100-mostOf {
		t.Errorf("%+v", s)
	}
	h.Recorded(record(store.CDRLeg{SIPCallID: "c99", Account: "102"})) // made-up calls keep no report of a true one out
	h.Recorded(record(store.CDRLeg{SIPCallID: "c0", Account: "102"}))
	if s := h.Stats(); s.Waiting != mostOf-1 {
		t.Errorf("the last report does not find its call: %+v", s)
	}
	for i := range mostWaiting + 50 {
		h.Publish(publish(session("c")), call.Party{Tenant: "sample", Account: strconv.Itoa(1000 + i)})
	}
	if s := h.Stats(); s.Waiting != mostWaiting {
		t.Errorf("%+v", s)
	}
	for i := range mostEnded + 100 {
		h.Recorded(record(store.CDRLeg{SIPCallID: "e" + strconv.Itoa(i), Account: "102"}))
	}
	h.mu.Lock()
	if len(h.ended) > mostEnded || len(h.lately) != len(h.ended) || len(h.order) > 2*mostWaiting || len(h.of) > mostWaiting {
		t.Errorf("%d ended, %d lately, %d in order, of %d accounts", len(h.ended), len(h.lately), len(h.order), len(h.of))
	}
	h.mu.Unlock()
}

// FuzzReport holds that no text makes figures that cannot be.
func FuzzReport(f *testing.F) {
	f.Add(session("abc@phone"))
	f.Add("VQIntervalReport:\nLocalMetrics:\nDelay: RTD=1e300 ESD=-1 IAJ=inf\n x\nCallID:1")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse(text)
		if err != nil {
			return
		}
		if d.callID == "" || d.report.Local == nil || len(d.report.Alert) > maxText {
			t.Fatalf("%+v", d)
		}
		for _, m := range []*store.PhoneMetrics{d.report.Local, d.report.Remote} {
			if m != nil && (m.Loss < 0 || m.Loss > 1 || m.Listening > 5 || m.RoundTrip < 0 || m.Jitter < 0 || m.Jitter > 1<<16 || len(m.Codec) > maxText) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
