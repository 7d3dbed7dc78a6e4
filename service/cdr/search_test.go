package cdr_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"santral/call"
	"santral/service/cdr"
	"santral/store"
	"santral/store/storetest"
)

// anything gives the events of a call between all kinds of parties, that comes out in any way.
func anything(r *rand.Rand, id call.ID, ms int) []call.Event {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	from := call.Party{Tenant: pick("sample", "north", "south"), Account: pick("101", "102", "103"), Name: pick("Sara", "علی", "Ali"), Site: pick("", "hq", "mill"), Department: pick("", "sales", "desk")}
	from.Number = from.Account
	to := call.Event{Call: id, Kind: call.Routed, At: at(ms), To: pick("101", "102", "103"), Tenant: from.Tenant, Rev: uint64(r.IntN(3)), Site: pick("", "hq", "mill"), Dept: pick("", "sales", "desk"), Calls: "internal"}
	to.Number = to.To
	d := detail(call.Out, to.To, 0)
	switch r.IntN(5) {
	case 0: // in by a carrier
		from = call.Party{Tenant: "operator", Trunk: pick("carrier", "second"), Number: pick("+989121234567", "+982144445555"), Said: pick("09121234567", "02144445555")}
		to.Tenant, to.Number, to.Calls, to.Because = pick("sample", "north"), "+982191000"+to.To, "local", pick("main", "night")
	case 1: // out
		to.To, to.Number, to.Calls, to.Because = "carrier", pick("+989121234567", "+982144445555", "+4930123456", "+15551234567"), pick("mobile", "national", "international"), "default"
		d.Account, d.Trunk, d.Sent, d.Shown = "", "carrier", "0098"+to.Number[1:], "02191000101"
	case 2: // from one tenant to another
		to.Tenant, to.Number, to.Calls, to.Shown = pick("sample", "north", "south"), "+982191000"+to.To, "local", pick("", "anonymous", "+982191000101")
	}
	d.Tenant = to.Tenant
	a := detail(call.In, from.Account, 0)
	a.Tenant, a.Account, a.Trunk = from.Tenant, from.Account, from.Trunk
	a.Quality[0].MOS = float64(r.IntN(3500)+1000) / 1000
	began := []call.Event{{Call: id, Kind: call.Began, At: at(ms), Dialled: pick(to.Number, "0"+to.To), From: &from}, {Call: id, Leg: "a", Kind: call.LegBegan, At: at(ms), Detail: a}}
	if r.IntN(12) > 0 {
		began = append(began, to)
	}
	over := func(ms int, why call.Cause, by string) []call.Event {
		return append(began, call.Event{Call: id, Leg: "b", Kind: call.LegEnded, At: at(ms), Cause: &why, Detail: d}, call.Event{Call: id, Leg: "a", Kind: call.LegEnded, At: at(ms), Cause: &why, Detail: a}, call.Event{Call: id, Kind: call.EndedCall, At: at(ms), Cause: &why, By: by})
	}
	if r.IntN(9) == 0 {
		return append(began, call.Event{Call: id, Leg: "a", Kind: call.LegEnded, At: at(ms + 5), Cause: why(call.NotFound)}, call.Event{Call: id, Kind: call.EndedCall, At: at(ms + 5), Cause: why(call.NotFound), By: "exchange"})
	}
	began = append(began, call.Event{Call: id, Leg: "b", Kind: call.LegBegan, At: at(ms + 1), Detail: d})
	if r.IntN(6) == 0 {
		return over(ms+40, call.Busy, "callee")
	}
	began = append(began, call.Event{Call: id, Leg: "b", Kind: call.LegRinging, At: at(ms + 100 + r.IntN(900)), Status: 180})
	if n := r.IntN(6); n < 2 {
		return over(ms+20_000, []call.Cause{call.NoAnswer, call.Cancelled}[n], "caller")
	}
	began = append(began, call.Event{Call: id, Leg: "b", Kind: call.LegAnswered, At: at(ms + 3000), Codec: "PCMA"}, call.Event{Call: id, Leg: "a", Kind: call.LegAnswered, At: at(ms + 3001), Codec: "PCMA"})
	return over(ms+4000+r.IntN(100_000), call.NormalClearing, "caller")
}

// joined has some calls go on in others, as transfers do.
func joined(r *rand.Rand, calls [][]call.Event) {
	for i := range calls {
		if i == 0 || r.IntN(4) > 0 {
			continue
		}
		other := calls[r.IntN(i)]
		if r.IntN(2) == 0 {
			calls[i][0].Other, calls[i][0].By = other[0].Call, "transfer"
			continue
		}
		mine := calls[i]
		last := mine[len(mine)-1]
		guest := call.Event{Call: last.Call, Leg: "g", Kind: call.LegBegan, At: mine[len(mine)-3].At, Detail: detail(call.In, "102", 0), Other: other[0].Call}
		calls[i] = slices.Insert(slices.Clone(mine), len(mine)-3, guest)
	}
}

func anyFilter(r *rand.Rand) store.CDRFilter {
	f := store.CDRFilter{Tenant: []string{"", "sample", "north", "operator"}[r.IntN(4)]}
	for range 1 + r.IntN(3) {
		switch r.IntN(15) {
		case 0:
			f.Account = []string{"101", "102", "nobody"}[r.IntN(3)]
		case 1:
			f.State = store.CDRState(1 + r.IntN(5))
		case 2:
			f.From = at(r.IntN(40_000_000))
		case 3:
			f.Until = at(r.IntN(40_000_000))
		case 4:
			f.Number = []string{"09121234567", "+98 912 123 45 67", "۰۲۱۴۴۴۴۵۵۵۵", "0049-30-123456", "101", "91000102", "1234567", "x"}[r.IntN(8)]
		case 5:
			f.Trunk = []string{"carrier", "second", "none"}[r.IntN(3)]
		case 6:
			f.Site = "hq"
		case 7:
			f.Kind = []string{"mobile", "internal", "local"}[r.IntN(3)]
		case 8:
			f.Way = store.CDRDirection(1 + r.IntN(4))
		case 9:
			f.Cause = []int{16, 17, 1, 19, 99}[r.IntN(5)]
		case 10:
			f.Longer = store.Millis(r.IntN(60_000))
		case 11:
			f.Shorter = store.Millis(1 + r.IntN(60_000))
		case 12:
			f.Text = []string{"SARA", "علی", "night", "busy", "0912", "%", "_"}[r.IntN(7)]
		case 13:
			f.Departments = [][]string{{"sales"}, {"sales", "desk"}}[r.IntN(2)]
		case 14:
			f.Sites = []string{"mill"}
		}
	}
	return f
}

// TestEverySearch holds lists and sums of any filter to what going through all records gives, with sums that lag behind.
func TestEverySearch(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 1))
		h := newHouse(t, dsn)
		var calls [][]call.Event
		for i := range 600 {
			calls = append(calls, anything(r, call.ID(fmt.Sprintf("c%05d", i)), r.IntN(40_000_000)))
		}
		slices.SortFunc(calls, func(a, b []call.Event) int { return a[0].At.Compare(b[0].At) })
		joined(r, calls)
		write := func(calls [][]call.Event) {
			var events []call.Event
			for _, c := range calls {
				events = append(events, c...)
			}
			slices.SortStableFunc(events, func(a, b call.Event) int { return a.At.Compare(b.At) })
			h.tell(events...)
		}
		write(calls[:400])
		if err := h.fold.SyncSums(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.halt()
		h.start(h.db, cdr.Options{}) // begins behind what was summed up
		write(calls[400:])
		var all []store.CDR
		stories := 0
		for _, c := range h.records() {
			all = append(all, c)
			if c.Story != "" {
				stories++
			}
		}
		if len(all) != 600 || stories < 50 {
			t.Fatalf("%d records, %d of other's stories", len(all), stories)
		}
		slices.SortFunc(all, func(a, b store.CDR) int {
			if n := b.Began.Compare(a.Began); n != 0 {
				return n
			}
			return int(b.Seq) - int(a.Seq)
		})
		hits := 0
		for i := range 400 {
			if i == 200 {
				if err := h.fold.SyncSums(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			f := anyFilter(r)
			var want []uint64
			var sums store.Sums
			for k := range all {
				if f.Match(&all[k]) {
					want = append(want, all[k].Seq)
					sums.Add(all[k].Sums())
				}
			}
			hits += len(want)
			var got []uint64
			for cursor, limit := "", []int{3, 50, 1000}[r.IntN(3)]; ; {
				page, next, err := h.db.CDRs(t.Context(), f, cursor, limit)
				if err != nil {
					t.Fatalf("%+v: %v", f, err)
				}
				for _, c := range page {
					got = append(got, c.Seq)
				}
				if cursor = next; cursor == "" {
					break
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%+v:\n%s", f, d)
			}
			if s, err := h.db.Sum(t.Context(), f); err != nil || s != sums {
				t.Errorf("%+v: sums %+v, want %+v, %v", f, s, sums, err)
			}
		}
		if hits < 2000 {
			t.Errorf("only %d found: the filters test nothing", hits)
		}
		proveSums(t, h, all)
	})
}

// proveSums compares every kept sum with what the records give.
func proveSums(t *testing.T, h *house, all []store.CDR) {
	type key struct {
		tenant string
		by     store.RollBy
		key    string
	}
	want := map[key]store.Sums{}
	for i := range all {
		cdr.EachRoll(&all[i], func(tenant string, by store.RollBy, k string, _ int64, what store.Sums) {
			s := want[key{tenant, by, k}]
			s.Add(what)
			want[key{tenant, by, k}] = s
		})
	}
	for _, tenant := range []string{"sample", "north", "south", "operator", store.Everybody} {
		for by := store.RollAll; by <= store.RollTrunkCause; by++ {
			for _, bySlot := range []bool{false, true} {
				groups, err := h.db.Rolls(context.Background(), tenant, by, nil, epoch.Add(-time.Hour), epoch.Add(24*time.Hour), bySlot)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]store.Sums{}
				for _, g := range groups {
					s := got[g.Key]
					s.Add(g.Sums)
					got[g.Key] = s
				}
				for k, w := range want {
					if k.tenant == tenant && k.by == by {
						if w != got[k.key] {
							t.Errorf("%s %d %s: %+v, want %+v", tenant, by, k.key, got[k.key], w)
						}
						delete(got, k.key)
					}
				}
				if len(got) > 0 {
					t.Errorf("%s %d: more than there is: %v", tenant, by, got)
				}
			}
		}
	}
}
