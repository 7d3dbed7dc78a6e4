package cdr_test

import (
	"context"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/call"
	"santral/media"
	"santral/service/cdr"
	"santral/store"
	"santral/store/storetest"
)

func TestRecordOfAPlainCall(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		h.tell(answered("c1", 0)...)
		ms := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Millisecond) }
		leg := func(name, dir, account string, began, ringing, answer, ended int, lost uint64) store.CDRLeg {
			l := store.CDRLeg{
				Leg: name, Tenant: "sample", Direction: dir, Account: account, Number: account, Target: "sip:" + account + "@192.0.2.1:5060", SIPCallID: account + "@phone", SessionID: account + ";remote=0",
				Local: "127.0.0.1:5060", Remote: "192.0.2.1:5060", Transport: "UDP", UserAgent: "test/1", Media: "192.0.2.1:4000", Codec: "PCMA",
				Began: ms(began), Answered: ms(answer), Ended: ms(ended), SIP: 200, Q850: 16, Cause: "normal call clearing",
				Streams: []store.Stream{{Format: "PCMA", Packets: 1500, Octets: 240000, Lost: lost, Jitter: 1500, RoundTrip: 20000, MOS: 4.4, Sent: 1500}},
			}
			if ringing > 0 {
				l.Ringing = ms(ringing)
			}
			return l
		}
		want := store.CDR{
			Seq: 1, Call: "c1", Tenant: "sample", State: store.Answered, FromAccount: "101", FromNumber: "101", FromName: "Sara", Dialled: "102", To: "102", AnsweredBy: "102",
			Began: ms(0), Ringing: ms(120), Answered: ms(3001), Ended: ms(33001), PostDialDelay: 120, RingTime: 2881, TalkTime: 30000,
			EndedBy: "callee", SIP: 200, Q850: 16, Cause: "normal call clearing", Codec: "PCMA",
			Direction: store.Internal, Attempts: 1, CallerAgent: "test/1", CalleeAgent: "test/1", MOS: 4.4, MOSWorst: 4.4,
			Legs: []store.CDRLeg{leg("a", "in", "101", 0, 0, 3001, 33001, 1), leg("b", "out", "102", 2, 120, 3000, 33000, 2)},
		}
		if d := cmp.Diff(want, h.records()["c1"]); d != "" {
			t.Error(d)
		}
	})
}

// A recording stands in the record of its call, whenever it was filed; what its row holds is what the event told.
func TestRecordOfATape(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		tape := call.Event{Call: "c1", Kind: call.Taped, At: at(40000), From: &call.Party{Tenant: "sample", Account: "101"}, Tape: &call.Recorded{
			Name: "x.opus.sealed", Kind: call.TapeCall, Began: at(3001), Long: 29500*time.Millisecond + 400*time.Microsecond, Octets: 9000, SHA256: "ab01", Media: "opus",
			Sealed: true, Torn: true, Lost: 20 * time.Millisecond, After: []string{"w.opus.sealed"}, Segments: []call.Segment{{What: "talk", Left: "101", Right: "102"}, {At: 9 * time.Second, What: "hold", Left: "101"}},
		}}
		h.tell(append(answered("c1", 0), tape, call.Event{Call: "c1", Kind: call.Taped, At: at(40001)})...)
		want := []store.Recording{{
			Name: "x.opus.sealed", Tenant: "sample", Call: "c1", Account: "101", Kind: "call", Began: epoch.Add(3001 * time.Millisecond), Long: 29500, Octets: 9000, SHA256: "ab01", Media: "opus",
			Sealed: true, Torn: true, Lost: 20, After: []string{"w.opus.sealed"}, Segments: []store.Segment{{What: "talk", Left: "101", Right: "102"}, {At: 9000, What: "hold", Left: "101"}},
		}}
		if d := cmp.Diff(want, h.records()["c1"].Recordings); d != "" {
			t.Error(d)
		}
		if s := h.fold.Stats(); s.Strays != 0 || s.Records != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// What was noticed of a leg's media stands in its record, and so does all that is known of its streams.
func TestRecordOfQuality(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		events := answered("c1", 0)
		last := events[len(events)-3]
		q := &last.Detail.Quality[0]
		q.Bursts, q.BurstLost, q.BurstPackets, q.BurstRatio, q.Listening, q.Delay = 2, 9, 20, 1.5, 4.2, 30*time.Millisecond
		q.Course = media.Course{Samples: 6, Average: 4.1, Worst: media.Sample{MOS: 2.5, Loss: .2, Jitter: 9 * time.Millisecond}}
		q.Heard = media.Heard{Reports: 5, Packets: 1400, Lost: 7, MOS: 4.3, Said: 4, Course: media.Course{Samples: 5, Average: 4.2, Worst: media.Sample{MOS: 4}}}
		story := slices.Clone(events[:len(events)-3])
		for i := range 40 {
			story = append(story, call.Event{Call: "c1", Leg: "b", Kind: call.LegNoticed, At: at(5000 + i), What: "one way", Addr: netip.MustParseAddrPort("192.0.2.1:4000"), Text: "nothing came from it"})
		}
		story = append(story, events[len(events)-3:]...)
		h.tell(story...)
		leg := h.records()["c1"].Legs[1]
		if n := leg.Notices; len(n) != store.MostNotices || n[0] != (store.Notice{At: epoch.Add(5 * time.Second), What: "one way", Addr: "192.0.2.1:4000", Text: "nothing came from it"}) {
			t.Errorf("%d notices: %+v", len(n), n)
		}
		s := leg.Streams[0]
		want := store.Measured{Delay: 30000, Listening: 4.2, Bursts: 2, BurstLost: 9, BurstSpan: 20, BurstRatio: 1.5, Course: store.Course{Samples: 6, Average: 4.1, Worst: 2.5, WorstLoss: .2, WorstJitter: 9000},
			Heard: &store.Heard{Reports: 5, Packets: 1400, Lost: 7, MOS: 4.3, Said: 4, Course: store.Course{Samples: 5, Average: 4.2, Worst: 4}}}
		if d := cmp.Diff(want, s.Measured); d != "" {
			t.Error(d)
		}
	})
}

func TestHowAttemptsComeOut(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	base := answered("x", 0)
	began, legA, routed, legB, ringing, answerB, answerA := base[0], base[1], base[2], base[3], base[4], base[5], base[6]
	end := func(ms int, c call.Cause, by string) call.Event {
		return call.Event{Kind: call.EndedCall, At: at(ms), Cause: why(c), By: by}
	}
	legEnd := func(leg call.LegID, ms int, c call.Cause) call.Event {
		return call.Event{Leg: leg, Kind: call.LegEnded, At: at(ms), Cause: why(c)}
	}
	second := call.Event{Leg: "c", Kind: call.LegBegan, At: at(2), Detail: detail(call.Out, "102", 0)}
	for name, c := range map[string]struct {
		events []call.Event
		check  func(c store.CDR) bool
	}{
		"refused before any leg": {[]call.Event{began, end(1, call.NotFound, "exchange")}, func(c store.CDR) bool {
			return c.State == store.Failed && c.SIP == 404 && c.Q850 == 1 && len(c.Legs) == 0 && c.PostDialDelay == 0 && c.EndedBy == "exchange" && c.Answered.IsZero()
		}},
		"line in use": {[]call.Event{began, legA, end(1, call.LineInUse, "exchange")}, func(c store.CDR) bool {
			return c.State == store.Failed && c.Q850 == 34 && len(c.Legs) == 1 && c.Legs[0].SIP == 403 && c.Legs[0].Ended.Equal(c.Ended)
		}},
		"busy": {[]call.Event{began, legA, routed, legB, legEnd("b", 9, call.Busy), legEnd("a", 9, call.Busy), end(9, call.Busy, "callee")}, func(c store.CDR) bool {
			return c.State == store.Busy && c.SIP == 486 && c.Q850 == 17 && c.RingTime == 0
		}},
		"no answer": {[]call.Event{began, legA, routed, legB, ringing, legEnd("b", 30120, call.NoAnswer), legEnd("a", 30120, call.NoAnswer), end(30120, call.NoAnswer, "exchange")}, func(c store.CDR) bool {
			return c.State == store.NoAnswer && c.RingTime == 30000 && c.PostDialDelay == 120 && c.TalkTime == 0
		}},
		"cancelled": {[]call.Event{began, legA, routed, legB, ringing, legEnd("a", 5120, call.Cancelled), legEnd("b", 5121, call.Cancelled), end(5121, call.Cancelled, "caller")}, func(c store.CDR) bool {
			return c.State == store.Cancelled && c.RingTime == 5001 && c.SIP == 487 && c.AnsweredBy == ""
		}},
		"cancel crossed the answer": {[]call.Event{began, legA, routed, legB, ringing, answerB, answerA, legEnd("a", 3100, call.Cancelled), legEnd("b", 3101, call.NormalClearing), end(3101, call.Cancelled, "caller")}, func(c store.CDR) bool {
			return c.State == store.Cancelled && c.Answered.IsZero() && c.TalkTime == 0 && c.Legs[0].Answered.IsZero() && !c.Legs[1].Answered.IsZero()
		}},
		"fork": {[]call.Event{began, legA, routed, legB, second, ringing, {Leg: "c", Kind: call.LegAnswered, At: at(2000), Codec: "PCMU"}, {Leg: "a", Kind: call.LegAnswered, At: at(2001), Codec: "PCMU"}, legEnd("b", 2005, call.AnsweredElsewhere), legEnd("c", 9000, call.NormalClearing), legEnd("a", 9001, call.NormalClearing), end(9001, call.NormalClearing, "caller")}, func(c store.CDR) bool {
			return c.State == store.Answered && len(c.Legs) == 3 && c.Legs[1].Q850 == 26 && c.Codec == "PCMU" && c.AnsweredBy == "102" && c.TalkTime == 7000
		}},
		"service": {[]call.Event{began, legA, {Kind: call.Routed, At: at(1), To: "echo"}, {Leg: "a", Kind: call.LegAnswered, At: at(10)}, {Leg: "a", Kind: call.LegEnded, At: at(5010), Cause: why(call.NormalClearing), Codec: "PCMA"}, end(5010, call.NormalClearing, "caller")}, func(c store.CDR) bool {
			return c.State == store.Answered && c.AnsweredBy == "echo" && c.PostDialDelay == 10 && c.TalkTime == 5000 && c.Codec == "PCMA"
		}},
		"hold": {append(base[:7:7], call.Event{Leg: "a", Kind: call.LegHeld, At: at(5000)}, call.Event{Leg: "a", Kind: call.LegResumed, At: at(6000)}, call.Event{Leg: "a", Kind: call.LegHeld, At: at(7000)}, end(9500, call.MediaDead, "exchange")), func(c store.CDR) bool {
			return c.State == store.Answered && c.Legs[0].Held == 3500 && c.Legs[1].Held == 0 && c.Q850 == 102
		}},
	} {
		t.Run(name, func(t *testing.T) {
			events := append([]call.Event(nil), c.events...)
			for i := range events {
				events[i].Call = call.ID(name)
			}
			h.tell(events...)
			got, err := h.db.CDR(t.Context(), "sample", name)
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(got) {
				t.Errorf("%+v", got)
			}
		})
	}
	if s := h.fold.Stats(); s.Strays != 0 || s.Unreadable != 0 || s.Open != 0 {
		t.Errorf("%+v", s)
	}
}

func TestStraysHarmNothing(t *testing.T) {
	h := newHouse(t, filepath.Join(t.TempDir(), "x.db"))
	h.halt()
	seen := 0
	h.start(h.db, cdr.Options{OnError: func(error) { seen++ }})
	h.log.Append([]byte("this is no event"))
	h.log.Append(nil)
	e := answered("c1", 0)
	h.tell(append(e, e[len(e)-1], call.Event{Call: "never", Kind: call.EndedCall, At: at(1)}, call.Event{Call: "odd", Kind: "something new", At: at(1)})...)
	if r := h.records(); len(r) != 1 || r["c1"].TalkTime != 30000 {
		t.Errorf("%+v", r)
	}
	if s := h.fold.Stats(); s.Strays != 3 || s.Unreadable != 2 {
		t.Errorf("%+v", s)
	}
	h.halt()
	if seen != 2 {
		t.Errorf("told of %d errors", seen)
	}
}

func TestCallsLeftOpenAreInterruptedOnce(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		h := newHouse(t, dsn)
		talking, ringing, over, handed := answered("talking", 0), answered("ringing", 1000), answered("over", 2000), answered("handed", 3000)
		h.tell(append(append(append(append([]call.Event(nil), talking[:7]...), ringing[:5]...), handed[:7]...), over...)...)
		if n := len(h.records()); n != 1 {
			t.Fatalf("%d records before", n)
		}
		for range 3 { // the second and third start find nothing to close
			h.close()
			h.open(cdr.Options{Living: func(id call.ID) bool { return id == "handed" }})
			h.tell(call.Event{Call: "x", Kind: "sync", At: at(0)})
			if err := h.fold.Sync(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		// What was closed is in the ledger, behind the event above: a moment later it is a record.
		for h.fold.Stats().Open > 1 {
			if err := h.fold.Sync(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		got := h.records()
		talk, ring := got["talking"], got["ringing"]
		if talk.State != store.Interrupted || ring.State != store.Interrupted || talk.EndedBy != "exchange" || talk.Q850 != 41 || talk.SIP != 500 {
			t.Errorf("%+v\n%+v", talk, ring)
		}
		if alive := h.log.LastAlive(); talk.Ended.After(alive.Add(time.Hour)) || talk.Ended.Before(at(3000)) || talk.TalkTime != store.Millis(talk.Ended.Sub(talk.Answered).Milliseconds()) {
			t.Errorf("talking ended %v", talk.Ended)
		}
		for _, l := range talk.Legs {
			if l.Q850 != 41 || !l.Ended.Equal(talk.Ended) {
				t.Errorf("leg %+v", l)
			}
		}
		h.tell(handed[7:]...)
		if c := h.records()["handed"]; c.State != store.Answered || c.TalkTime != 30000 || len(c.Legs) != 2 {
			t.Errorf("handed over: %+v", c)
		}
		if n := len(h.records()); n != 4 {
			t.Errorf("%d records at the end", n)
		}
	})
}
