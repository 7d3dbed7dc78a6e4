package e2e

import (
	"strings"
	"testing"
	"time"

	"santral/store"
	"santral/test/phone"
)

// A call of which one side is never heard: it is noticed while it lasts, with the address that its packets went to,
// and the record tells that, how the other side sounded, and what a phone says of it afterwards.
func TestQualityOfACall(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t)
	c := converse(t, x, "101", "102")
	c.va.Talk(c.toA, 50*4, markA, nil)
	var live struct {
		Items []struct {
			Legs []struct {
				Leg     string
				Streams []struct {
					Packets uint64
					MOS     float64
				}
				Notices []store.Notice
			}
		}
	}
	x.Get("/api/v1/calls", &live)
	if len(live.Items) != 1 || len(live.Items[0].Legs) != 2 {
		t.Fatalf("calls %+v", live)
	}
	a, b := live.Items[0].Legs[0], live.Items[0].Legs[1]
	if len(a.Notices) != 0 || len(a.Streams) != 1 || a.Streams[0].Packets < 150 || a.Streams[0].MOS < 4 {
		t.Errorf("leg a %+v", a)
	}
	if n := b.Notices; len(n) != 1 || n[0].What != "one way" || n[0].Addr != c.vb.Addr() {
		t.Errorf("leg b %+v, its media is at %s", b, c.vb.Addr())
	}
	phone.End(c.a, c.b)

	report := "VQSessionReport: CallTerm\r\nCallID: " + c.a.ID + "\r\nLocalMetrics:\r\nPacketLoss: NLR=1.5 JDR=0.5\r\nQualityEst: MOSLQ=4.0 MOSCQ=3.9\r\n"
	agent := c.a.Agent
	d := agent.Request("PUBLISH", "sip:"+x.Realm).Set("Event", "vq-rtcpxr").Set("Content-Type", "application/vq-rtcpxr")
	d.Body = report
	if m := agent.Ask(d); m.Status() != 200 || m.Get("Expires") != "0" {
		t.Errorf("PUBLISH: %.200q", m.Text)
	}
	var records struct{ Items []store.CDR }
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		x.Get("/api/v1/cdrs?limit=10", &records)
		if len(records.Items) == 1 && records.Items[0].Legs[0].Report != nil || time.Now().After(end) {
			break
		}
	}
	if len(records.Items) != 1 {
		t.Fatalf("records %+v", records)
	}
	legs := records.Items[0].Legs
	if r := legs[0].Report; r == nil || r.Kind != "session" || r.Local.Loss != .015 || r.Local.Listening != 4 {
		t.Errorf("the phone's report is %+v", r)
	}
	if len(legs[1].Notices) != 1 || legs[1].Notices[0].Addr != c.vb.Addr() || legs[1].Report != nil {
		t.Errorf("leg b %+v", legs[1])
	}
	if _, page := page(t, x, "/metrics"); !strings.Contains(page, `santral_media_noticed_total{kind="one way"} 1`) || !strings.Contains(page, `santral_phone_reports_total{result="kept"} 1`) {
		t.Error("the figures don't tell")
	}
	if out := x.Run("cdrs"); !strings.Contains(out, "b one way "+c.vb.Addr()) {
		t.Errorf("%s", out)
	}
}
