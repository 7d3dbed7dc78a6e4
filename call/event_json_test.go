package call

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"santral/media"
)

var sameAddr = cmpopts.EquateComparable(netip.AddrPort{})

func sampleEvents() []Event {
	at := time.Date(2026, 3, 21, 13, 45, 59, 123456000, time.UTC)
	detail := LegDetail{
		Direction: In, Tenant: "sample", Account: "101", Number: "101", Target: "sip:102@127.0.0.1:5060",
		SIPCallID: "a84b4c76e66710@pc33.example", Local: "127.0.0.1:5060", Remote: "127.0.0.1:5080",
		Transport: "UDP", UserAgent: "baresip v1.0.0", Media: "127.0.0.1:10000",
		Quality: []media.Quality{{Format: "PCMA", Packets: 1500, Octets: 240000, Lost: 2, Jitter: 1250 * time.Microsecond, RoundTrip: 30 * time.Millisecond, MOS: 4.391, Sent: 1499}},
	}
	began := detail
	began.Quality = nil
	cause := NormalClearing
	return []Event{
		{Call: "k3v9x0q2", Kind: Began, At: at, Dialled: "102", From: &Party{Tenant: "sample", Account: "101", Name: "Sara", Number: "101", Source: netip.MustParseAddrPort("127.0.0.1:5080")}},
		{Call: "k3v9x0q2", Kind: Routed, At: at, To: "102"},
		{Call: "k3v9x0q2", Leg: "a", Kind: LegBegan, At: at, Detail: &began},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegRinging, At: at, Status: 180},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegAnswered, At: at, Codec: "PCMA"},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegEnded, At: at, Cause: &cause, Detail: &detail},
		{Call: "k3v9x0q2", Kind: EndedCall, At: at, Cause: &cause, By: "caller"},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegNoticed, At: at, What: "one way", Addr: netip.MustParseAddrPort("192.0.2.9:4000"), Text: "nothing came from it"},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegEnded, At: at, Detail: &LegDetail{Quality: []media.Quality{{
			Format: "opus", Packets: 900, Lost: 100, Discarded: 3, Concealed: 80 * time.Millisecond, Spoken: 18 * time.Second, Buffer: 40 * time.Millisecond, Delay: 75 * time.Millisecond,
			MOS: 3.1, Listening: 3.2, Bursts: 4, BurstPackets: 90, BurstLost: 70, BurstRatio: 1.75,
			Course: media.Course{Worst: media.Sample{MOS: 2.25, Loss: .25, Jitter: 12 * time.Millisecond}, Average: 3.4, Samples: 4},
			Heard: media.Heard{Reports: 5, Packets: 950, Lost: 19, Discarded: .0625, Jitter: 3 * time.Millisecond, Delay: 60 * time.Millisecond, MOS: 4.2, Said: 4.1,
				Course: media.Course{Worst: media.Sample{MOS: 3.9, Loss: .04}, Average: 4.2, Samples: 3}},
		}}}},
		{Call: "k3v9x0q2", Kind: Taped, At: at, From: &Party{Tenant: "sample", Account: "101"}, Tape: &Recorded{
			Name: "2zq0-x.wav", Kind: TapeCall, Began: at, Long: 90*time.Second + 20*time.Millisecond, Octets: 2880684, SHA256: "ab01", Media: "wav", Sealed: true, Lost: time.Second, Torn: true, After: []string{"2zq0-w.wav"},
			Segments: []Segment{{What: "talk", Left: "101", Right: "102"}, {At: time.Minute, What: "hold"}},
		}},
		{Call: "k3v9x0q2", Kind: Began, At: at, Dialled: "0912", From: &Party{Tenant: "operator", Trunk: "carrier", Number: "+989121234567", Site: "north", Department: "sales", Said: "09121234567", Proved: true}},
		{Call: "k3v9x0q2", Kind: Routed, At: at, To: "102", Tenant: "sample", Number: "+982191000102", Calls: "local", Because: "main", Rev: 42, Site: "south", Dept: "desk", Shown: "+982191000101"},
		{Call: "k3v9x0q2", Leg: "b", Kind: LegBegan, At: at, Detail: &LegDetail{Direction: Out, Trunk: "carrier", Sent: "0982191000102", Shown: "02191000101"}},
		{Call: "k3v9x0q2", Kind: Untaped, At: at, From: &Party{Tenant: "sample", Account: "101"}, By: "api", Tape: &Recorded{Name: "2zq0-x.wav"}},
	}
}

func TestEventTextIsForEver(t *testing.T) {
	want := []string{
		`{"call":"k3v9x0q2","kind":"began","at":"2026-03-21T13:45:59.123456Z","from":{"tenant":"sample","account":"101","name":"Sara","number":"101","source":"127.0.0.1:5080"},"dialled":"102"}`,
		`{"call":"k3v9x0q2","kind":"routed","at":"2026-03-21T13:45:59.123456Z","to":"102"}`,
		`{"call":"k3v9x0q2","leg":"a","kind":"leg began","at":"2026-03-21T13:45:59.123456Z","detail":{"direction":1,"tenant":"sample","account":"101","number":"101","target":"sip:102@127.0.0.1:5060","sip_call_id":"a84b4c76e66710@pc33.example","local":"127.0.0.1:5060","remote":"127.0.0.1:5080","transport":"UDP","user_agent":"baresip v1.0.0","media":"127.0.0.1:10000"}}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg ringing","at":"2026-03-21T13:45:59.123456Z","status":180}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg answered","at":"2026-03-21T13:45:59.123456Z","codec":"PCMA"}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg ended","at":"2026-03-21T13:45:59.123456Z","cause":{"q850":16,"sip":200,"text":"normal call clearing"},"detail":{"direction":1,"tenant":"sample","account":"101","number":"101","target":"sip:102@127.0.0.1:5060","sip_call_id":"a84b4c76e66710@pc33.example","local":"127.0.0.1:5060","remote":"127.0.0.1:5080","transport":"UDP","user_agent":"baresip v1.0.0","media":"127.0.0.1:10000","quality":[{"format":"PCMA","packets":1500,"octets":240000,"lost":2,"jitter_us":1250,"round_trip_us":30000,"mos_milli":4391,"sent":1499}]}}`,
		`{"call":"k3v9x0q2","kind":"ended","at":"2026-03-21T13:45:59.123456Z","cause":{"q850":16,"sip":200,"text":"normal call clearing"},"by":"caller"}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg noticed","at":"2026-03-21T13:45:59.123456Z","what":"one way","addr":"192.0.2.9:4000","text":"nothing came from it"}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg ended","at":"2026-03-21T13:45:59.123456Z","detail":{"direction":0,"quality":[{"format":"opus","packets":900,"lost":100,"mos_milli":3100,"discarded":3,"concealed_us":80000,"spoken_us":18000000,"buffer_us":40000,"delay_us":75000,"mos_lq_milli":3200,"bursts":4,"burst_packets":90,"burst_lost":70,"burst_ratio_milli":1750,"samples":4,"mos_average_milli":3400,"mos_worst_milli":2250,"loss_worst_ppm":250000,"jitter_worst_us":12000,"heard":{"reports":5,"packets":950,"lost":19,"discarded_ppm":62500,"jitter_us":3000,"delay_us":60000,"mos_milli":4200,"mos_said_milli":4100,"samples":3,"mos_average_milli":4200,"mos_worst_milli":3900,"loss_worst_ppm":40000}}]}}`,
		`{"call":"k3v9x0q2","kind":"taped","at":"2026-03-21T13:45:59.123456Z","from":{"tenant":"sample","account":"101"},"tape":{"name":"2zq0-x.wav","kind":"call","began":"2026-03-21T13:45:59.123456Z","long":90020000000,"octets":2880684,"sha256":"ab01","media":"wav","sealed":true,"segments":[{"what":"talk","left":"101","right":"102"},{"at":60000000000,"what":"hold"}],"lost":1000000000,"torn":true,"after":["2zq0-w.wav"]}}`,
		`{"call":"k3v9x0q2","kind":"began","at":"2026-03-21T13:45:59.123456Z","from":{"tenant":"operator","number":"+989121234567","trunk":"carrier","site":"north","dept":"sales","said":"09121234567","proved":true},"dialled":"0912"}`,
		`{"call":"k3v9x0q2","kind":"routed","at":"2026-03-21T13:45:59.123456Z","to":"102","tenant":"sample","number":"+982191000102","calls":"local","because":"main","rev":42,"site":"south","dept":"desk","shown":"+982191000101"}`,
		`{"call":"k3v9x0q2","leg":"b","kind":"leg began","at":"2026-03-21T13:45:59.123456Z","detail":{"direction":2,"trunk":"carrier","sent":"0982191000102","shown":"02191000101"}}`,
		`{"call":"k3v9x0q2","kind":"untaped","at":"2026-03-21T13:45:59.123456Z","from":{"tenant":"sample","account":"101"},"by":"api","tape":{"name":"2zq0-x.wav","kind":"","began":"0001-01-01T00:00:00.000000Z"}}`,
	}
	for i, e := range sampleEvents() {
		if got := string(e.AppendJSON(nil)); got != want[i] {
			t.Errorf("event %d\n got %s\nwant %s", i, got, want[i])
		}
		back, err := ParseEvent(want[i])
		if err != nil {
			t.Errorf("event %d: %v", i, err)
		}
		if d := cmp.Diff(e, back, sameAddr); d != "" {
			t.Errorf("event %d changed on its way:\n%s", i, d)
		}
	}
}

// eventGen makes events with anything in them that can be written without loss.
func eventGen() *rapid.Generator[Event] {
	text := rapid.String()
	small := rapid.IntRange(-5, 1<<20)
	return rapid.Custom(func(t *rapid.T) Event {
		e := Event{
			Call: ID(text.Draw(t, "call")), Leg: LegID(text.Draw(t, "leg")), Kind: EventKind(text.Draw(t, "kind")),
			At:      time.UnixMicro(rapid.Int64Range(0, 4102444800e6).Draw(t, "at")).UTC(),
			Dialled: text.Draw(t, "dialled"), To: text.Draw(t, "to"), Status: small.Draw(t, "status"),
			Tenant: text.Draw(t, "whose"), Number: text.Draw(t, "understood"), Calls: text.Draw(t, "calls"), Because: text.Draw(t, "because"), Rev: rapid.Uint64().Draw(t, "rev"), Site: text.Draw(t, "to site"), Dept: text.Draw(t, "to dept"), Shown: text.Draw(t, "presented"),
			By: text.Draw(t, "by"), Codec: text.Draw(t, "codec"), What: text.Draw(t, "what"), Text: text.Draw(t, "words"),
		}
		if rapid.Bool().Draw(t, "addr") {
			e.Addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), rapid.Uint16().Draw(t, "addr port"))
		}
		if rapid.Bool().Draw(t, "from") {
			e.From = &Party{Tenant: text.Draw(t, "tenant"), Account: text.Draw(t, "account"), Name: text.Draw(t, "name"), Number: text.Draw(t, "number"), Trusted: rapid.Bool().Draw(t, "trusted"), Site: text.Draw(t, "site"), Department: text.Draw(t, "dept"), Said: text.Draw(t, "said"), Proved: rapid.Bool().Draw(t, "proved")}
			if rapid.Bool().Draw(t, "source") {
				e.From.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "ip"))), rapid.Uint16().Draw(t, "port"))
			}
		}
		if rapid.Bool().Draw(t, "cause") {
			e.Cause = &Cause{Q850: small.Draw(t, "q850"), SIP: small.Draw(t, "sip"), Text: text.Draw(t, "text"), Retry: rapid.Bool().Draw(t, "retry"), After: small.Draw(t, "after")}
		}
		if rapid.Bool().Draw(t, "tape") {
			e.Tape = tapeGen().Draw(t, "recorded")
		}
		if rapid.Bool().Draw(t, "detail") {
			e.Detail = &LegDetail{
				Direction: Direction(rapid.IntRange(0, 2).Draw(t, "direction")), Tenant: text.Draw(t, "tenant"), Account: text.Draw(t, "account"), Number: text.Draw(t, "number"),
				Target: text.Draw(t, "target"), SIPCallID: text.Draw(t, "id"), SessionID: text.Draw(t, "session"), Local: text.Draw(t, "local"), Remote: text.Draw(t, "remote"), Transport: text.Draw(t, "transport"),
				UserAgent: text.Draw(t, "ua"), Media: text.Draw(t, "media"), Sent: text.Draw(t, "sent"), Shown: text.Draw(t, "shown"),
			}
			for range rapid.IntRange(0, 3).Draw(t, "streams") {
				e.Detail.Quality = append(e.Detail.Quality, media.Quality{
					Format: text.Draw(t, "format"), Packets: rapid.Uint64().Draw(t, "packets"), Octets: rapid.Uint64().Draw(t, "octets"), Lost: rapid.Uint64().Draw(t, "lost"), Late: rapid.Uint64().Draw(t, "late"),
					Jitter: time.Duration(small.Draw(t, "jitter")) * time.Microsecond, RoundTrip: time.Duration(small.Draw(t, "rtt")) * time.Microsecond,
					MOS: float64(rapid.IntRange(0, 4500).Draw(t, "mos")) / 1000, Sent: rapid.Uint64().Draw(t, "sent"),
				})
				q := &e.Detail.Quality[len(e.Detail.Quality)-1]
				if rapid.Bool().Draw(t, "more") {
					q.Discarded, q.Bursts, q.BurstPackets, q.BurstLost = rapid.Uint64().Draw(t, "discarded"), rapid.Uint64().Draw(t, "bursts"), rapid.Uint64().Draw(t, "burst packets"), rapid.Uint64().Draw(t, "burst lost")
					for _, d := range []*time.Duration{&q.Concealed, &q.Spoken, &q.Buffer, &q.Delay, &q.Worst.Jitter} {
						*d = time.Duration(rapid.IntRange(0, 1<<20).Draw(t, "us")) * time.Microsecond
					}
					q.Listening, q.BurstRatio = float64(rapid.IntRange(0, 4500).Draw(t, "lq"))/1000, float64(rapid.IntRange(0, 9000).Draw(t, "ratio"))/1000
					q.Samples = 1 + rapid.Uint32Range(0, 99).Draw(t, "samples")
					q.Average, q.Worst.MOS, q.Worst.Loss = 4.25, 3.1, float64(rapid.IntRange(0, 1e6).Draw(t, "loss"))/1e6
				}
				if rapid.Bool().Draw(t, "heard") {
					q.Heard = media.Heard{Reports: 1 + rapid.Uint64Range(0, 9).Draw(t, "reports"), Packets: rapid.Uint64().Draw(t, "expected"), Lost: rapid.Uint64().Draw(t, "gone"),
						Discarded: .25, Jitter: time.Millisecond, Delay: time.Second, MOS: 3.2, Said: 4.1, Course: media.Course{Samples: 3, Average: 3.3, Worst: media.Sample{MOS: 1.5, Loss: .5}}}
				}
			}
		}
		return e
	})
}

// tapeGen makes recordings likewise.
func tapeGen() *rapid.Generator[*Recorded] {
	text, span := rapid.String(), rapid.Int64()
	return rapid.Custom(func(t *rapid.T) *Recorded {
		r := &Recorded{
			Name: text.Draw(t, "name"), Kind: TapeKind(text.Draw(t, "kind")), Began: time.UnixMicro(rapid.Int64Range(0, 4102444800e6).Draw(t, "began")).UTC(),
			Long: time.Duration(span.Draw(t, "long")), Octets: rapid.Int64().Draw(t, "octets"), SHA256: text.Draw(t, "sum"), Media: text.Draw(t, "media"),
			Sealed: rapid.Bool().Draw(t, "sealed"), Lost: time.Duration(span.Draw(t, "lost")), Torn: rapid.Bool().Draw(t, "torn"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "segments") {
			r.After = append(r.After, text.Draw(t, "after"))
			r.Segments = append(r.Segments, Segment{At: time.Duration(span.Draw(t, "at")), What: text.Draw(t, "what"), Left: text.Draw(t, "left"), Right: text.Draw(t, "right")})
		}
		return r
	})
}

// A recording's text in the ledger is read alike by encoding/json with the tags of Recorded, in which others keep it.
func TestATapeIsReadByItsTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := tapeGen().Draw(t, "recorded")
		var got Recorded
		if err := json.Unmarshal(want.appendJSON(nil), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(*want, got); d != "" {
			t.Fatal(d)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		s := scan{text: string(text)}
		got = Recorded{}
		s.tape(&got)
		if d := cmp.Diff(*want, got); d != "" || s.err != nil {
			t.Fatal(d, s.err)
		}
	})
}

func TestEventSurvivesItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := eventGen().Draw(t, "event")
		text := e.AppendJSON(nil)
		if !json.Valid(text) {
			t.Fatalf("not JSON: %s", text)
		}
		back, err := ParseEvent(string(text))
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if d := cmp.Diff(e, back, sameAddr); d != "" {
			t.Fatalf("changed on its way:\n%s\n%s", d, text)
		}
		var loose map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&loose); err != nil {
			t.Fatal(err)
		}
		again, err := json.MarshalIndent(loose, " ", "\t") // other order, other escapes, white space
		if err != nil {
			t.Fatal(err)
		}
		var through Event
		if err := json.Unmarshal(again, &through); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, through, sameAddr); d != "" {
			t.Fatalf("another spelling was read as something else:\n%s\n%s", d, again)
		}
	})
}

func TestEventReadsOtherSpellings(t *testing.T) {
	e, err := ParseEvent(" {\"kind\":\"ended\", \"later\":{\"a\":[1,2.5e3,null,true,\"x\\n\"]},\n\"call\":\"caf\\u00e9\",\"at\":\"2026-03-31T01:02:03.5+03:30\",\"from\":null,\"by\":null} ")
	if err != nil {
		t.Fatal(err)
	}
	want := Event{Kind: EndedCall, Call: "café", At: time.Date(2026, 3, 30, 21, 32, 3, 5e8, time.UTC)}
	if d := cmp.Diff(want, e, sameAddr); d != "" {
		t.Error(d)
	}
}

func TestEventRefuses(t *testing.T) {
	for _, text := range []string{
		``, `{`, `[]`, `{}x`, `{"call"}`, `{"call":1}`, `{"call":"a`, `{"call":"a",}`, `{"call":"a" "leg":"b"}`,
		"{\"call\":\"a\nb\"}", "{\"call\":\"\xff\"}", `{"call":"\x"}`, `{"at":"yesterday"}`, `{"status":1.5}`, `{"status":01}`,
		`{"status":99999999999999999999}`, `{"from":{"source":"nowhere"}}`, `{"detail":{"quality":[{"lost":-1}]}}`,
		`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, `{"x":-}`, `{"x":tru}`,
	} {
		if e, err := ParseEvent(text); err == nil {
			t.Errorf("%q was read as %+v", text, e)
		}
	}
}

func TestEventNeverPrintsControlCharacters(t *testing.T) {
	e := Event{Call: "a\r\nb\x00\x7f\"\\\xffé", Kind: Began}
	text := string(e.AppendJSON(nil))
	if strings.ContainsAny(text, "\r\n\x00") {
		t.Errorf("control characters in %q", text)
	}
	back, err := ParseEvent(text)
	if err != nil || back.Call != "a\r\nb\x00\x7f\"\\\ufffdé" {
		t.Errorf("read %q, %v", back.Call, err)
	}
}

func FuzzParseEvent(f *testing.F) {
	for _, e := range sampleEvents() {
		f.Add(string(e.AppendJSON(nil)))
	}
	f.Add(`{"call":"\u0041","x":[{"y":null}],"at":"2026-02-30T00:00:00.000000Z"}`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEvent(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Fatalf("read what is not JSON: %q", text)
		}
		printed := e.AppendJSON(nil)
		back, err := ParseEvent(string(printed))
		if err != nil {
			t.Fatalf("%v in %s", err, printed)
		}
		if again := back.AppendJSON(nil); string(again) != string(printed) {
			t.Fatalf("printed %s and then %s", printed, again)
		}
	})
}

func BenchmarkEventAppend(b *testing.B) {
	events := sampleEvents()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			buf = events[i].AppendJSON(buf[:0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}

func BenchmarkEventParse(b *testing.B) {
	var texts []string
	for _, e := range sampleEvents() {
		texts = append(texts, string(e.AppendJSON(nil)))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if _, err := ParseEvent(text); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(texts)), "ns/event")
}
