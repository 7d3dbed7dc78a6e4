// Records fills a database with call records as fast as it takes them, in the way in which the exchange does, and measures how long
// pages of searches and summaries take then. It owns the database that it makes, and leaves it for another run.
//
//	go run ./test/records -n 10000000 -db /var/tmp/records.db
//	go run ./test/records -n 0 -db /var/tmp/records.db          asks the database of an earlier run
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"santral/service/cdr"
	"santral/service/report"
	"santral/store"
	"santral/store/db"
)

// start is when the first record begins; they are spread over a year.
var start = time.Date(2025, 11, 1, 0, 0, 0, 0, time.UTC)

const (
	year    = 365 * 24 * time.Hour
	tenants = 40
	batch   = 5000
)

func main() {
	n := flag.Int("n", 10_000_000, "records to write")
	at := flag.String("db", "", "path of the SQLite file, or a postgres:// address")
	flag.Parse()
	if *at == "" {
		fmt.Fprintln(os.Stderr, "name the database: -db /var/tmp/records.db")
		os.Exit(2)
	}
	if err := run(context.Background(), *at, *n); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, at string, n int) error {
	d, err := db.Open(ctx, at)
	if err != nil {
		return err
	}
	defer d.Close()
	if n > 0 {
		began := time.Now()
		if err := fill(ctx, d, n); err != nil {
			return err
		}
		fmt.Printf("%d records written in %v\n", n, time.Since(began).Round(time.Second))
	}
	return ask(ctx, d)
}

// record makes the i-th of n.
func record(r *rand.Rand, i, n int) store.CDR {
	began := start.Add(time.Duration(float64(year) * float64(i) / float64(n))).Add(time.Duration(r.IntN(60_000)) * time.Millisecond).Truncate(time.Millisecond)
	t := fmt.Sprintf("t%02d", int(r.ExpFloat64()*6)%tenants)
	account := func() string { return fmt.Sprint(100 + r.IntN(400)) }
	mobile := fmt.Sprintf("+98912%07d", r.IntN(3_000_000))
	c := store.CDR{
		Seq: uint64(i + 1), Call: fmt.Sprintf("%09x%07x", began.UnixMilli(), r.IntN(1<<28)), Tenant: t, State: store.Answered, FromAccount: account(), FromName: "Sara", Source: "192.0.2.6:5060", Began: began, Ringing: began.Add(900 * time.Millisecond),
		EndedBy: "caller", SIP: 200, Q850: 16, Cause: "normal call clearing", Codec: "PCMA", Department: []string{"sales", "desk", "stock", "board"}[r.IntN(4)], Site: []string{"hq", "mill"}[r.IntN(2)], Revision: 12,
	}
	c.FromNumber = c.FromAccount
	c.Ended = began.Add(30 * time.Second)
	switch r.IntN(10) {
	case 0, 1, 2:
		c.To, c.Calls = account(), "internal"
		c.Dialled, c.Number = c.To, c.To
	case 3, 4, 5:
		c.To, c.Calls, c.Number, c.Dialled, c.Because = "carrier", "mobile", mobile, "0"+mobile[3:], "mobile"
	default:
		c.Tenant, c.ToTenant, c.FromAccount, c.FromTrunk, c.FromNumber, c.Said = "operator", t, "", "carrier", mobile, "0"+mobile[3:]
		c.Department, c.Site, c.To, c.Calls = "", "hq", account(), "local"
		c.Number, c.Dialled, c.ToDepartment, c.ToSite, c.Because = "+982191000"+c.To, "91000"+c.To, "desk", "hq", "day"
	}
	switch x := r.IntN(100); {
	case x < 62:
		c.Answered = began.Add(4 * time.Second)
		c.Ended = c.Answered.Add(time.Duration(r.ExpFloat64() * float64(2*time.Minute))).Truncate(time.Millisecond)
	case x < 75:
		c.State, c.SIP, c.Q850, c.Cause = store.Busy, 486, 17, "user busy"
	case x < 90:
		c.State, c.SIP, c.Q850, c.Cause = store.NoAnswer, 480, 19, "no answer from user"
	case x < 99:
		c.State, c.SIP, c.Q850, c.Cause = store.Cancelled, 487, 16, "cancelled"
	default:
		c.State, c.SIP, c.Q850, c.Cause = store.Failed, 503, []int{34, 38, 41, 102}[r.IntN(4)], "no circuit available"
	}
	c.PostDialDelay, c.RingTime = 900, 3100
	if !c.Answered.IsZero() {
		c.TalkTime = store.Millis(c.Ended.Sub(c.Answered).Milliseconds())
	}
	leg := func(name, way, tenant, account, trunk string) store.CDRLeg {
		l := store.CDRLeg{Leg: name, Direction: way, Tenant: tenant, Account: account, Trunk: trunk, Target: "sip:" + account + "@192.0.2.7:5060", SIPCallID: c.Call + name, Local: "192.0.2.1:5060", Remote: "192.0.2.7:5060", Transport: "UDP",
			UserAgent: "phone/1.0", Media: "192.0.2.7:10000", Codec: "PCMA", Began: began, Ringing: c.Ringing, Answered: c.Answered, Ended: c.Ended, SIP: c.SIP, Q850: c.Q850, Cause: c.Cause}
		if !c.Answered.IsZero() {
			l.Streams = []store.Stream{{Format: "PCMA", Packets: 1500, Octets: 240000, Lost: 3, Sent: 1500, Jitter: 1250, RoundTrip: 30000, MOS: float64(3000+r.IntN(1400)) / 1000}}
		}
		return l
	}
	to, trunk, whose := c.To, "", t
	if c.To == "carrier" {
		to, trunk, whose = "", "carrier", "operator"
		if r.IntN(1000) == 0 {
			trunk, whose = "spare", t // one that is seldom taken
		}
	}
	c.Legs = []store.CDRLeg{leg("a", "in", c.Tenant, c.FromAccount, c.FromTrunk), leg("b", "out", whose, to, trunk)}
	c.Derive()
	return c
}

func fill(ctx context.Context, d *db.DB, n int) error {
	from, _, err := d.Fold(ctx)
	if err != nil {
		return err
	}
	if from.Count > 0 {
		return fmt.Errorf("the database holds %d records already: ask it with -n 0, or name another", from.Count)
	}
	r := rand.New(rand.NewPCG(1, 2))
	type key struct {
		tenant string
		by     store.RollBy
		key    string
		slot   int64
	}
	began := time.Now()
	for i := 0; i < n; {
		rows := make([]store.CDR, 0, batch)
		sums := map[key]store.Sums{}
		for ; i < n && len(rows) < batch; i++ {
			c := record(r, i, n)
			rows = append(rows, c)
			cdr.EachRoll(&c, func(tenant string, by store.RollBy, k string, slot int64, what store.Sums) {
				at := key{tenant, by, k, slot}
				s := sums[at]
				s.Add(what)
				sums[at] = s
			})
		}
		to := store.Fold{Done: store.Pos(i), Low: store.Pos(i), Count: uint64(i)}
		made := store.Folded{CDRs: rows, RolledFrom: from.Count, Rolled: to.Count}
		for k, s := range sums {
			made.Rolls = append(made.Rolls, store.Roll{Tenant: k.tenant, By: k.by, Key: k.key, Slot: k.slot, Sums: s})
		}
		if err := d.AddCDRs(ctx, from, to, made); err != nil {
			return err
		}
		if from = to; i%500_000 == 0 {
			fmt.Printf("%d records, %v each\n", i, (time.Since(began) / time.Duration(i)).Round(100*time.Nanosecond))
		}
	}
	return nil
}

// ask measures pages and summaries.
func ask(ctx context.Context, d *db.DB) error {
	month := store.CDRFilter{From: start.AddDate(0, 6, 0), Until: start.AddDate(0, 7, 0)}
	in := func(f store.CDRFilter) store.CDRFilter {
		f.From, f.Until = month.From, month.Until
		return f
	}
	pages := []struct {
		what string
		f    store.CDRFilter
	}{
		{"all", store.CDRFilter{}}, {"a tenant", store.CDRFilter{Tenant: "t01"}}, {"a small tenant", store.CDRFilter{Tenant: "t39"}}, {"a tenant, a month", in(store.CDRFilter{Tenant: "t01"})},
		{"an account", store.CDRFilter{Tenant: "t00", Account: "101"}}, {"an account of all tenants", store.CDRFilter{Account: "101"}}, {"a number of a tenant", store.CDRFilter{Tenant: "t00", Number: "09121234567"}},
		{"a number of all tenants", store.CDRFilter{Number: "+98 912 123 45 67"}}, {"a state", store.CDRFilter{Tenant: "t00", State: store.Failed}}, {"a department", store.CDRFilter{Tenant: "t00", Departments: []string{"stock"}}},
		{"a site", store.CDRFilter{Tenant: "t00", Site: "mill"}}, {"a trunk", store.CDRFilter{Tenant: "operator", Trunk: "carrier"}}, {"a seldom trunk", store.CDRFilter{Tenant: "t20", Trunk: "spare"}},
		{"a trunk that is not there", store.CDRFilter{Tenant: "t00", Trunk: "none"}}, {"a seldom cause", store.CDRFilter{Cause: 102}}, {"a seldom cause of a tenant", store.CDRFilter{Tenant: "t20", Cause: 102}}, {"a direction", store.CDRFilter{Tenant: "t00", Way: store.Inbound}},
		{"a kind", store.CDRFilter{Tenant: "t00", Kind: "mobile"}}, {"long calls", store.CDRFilter{Tenant: "t00", Longer: 600_000}}, {"a text", in(store.CDRFilter{Tenant: "t00", Text: "0912123"})},
		{"department, state and direction", in(store.CDRFilter{Tenant: "t00", Departments: []string{"sales"}, State: store.Busy, Way: store.Outbound})},
	}
	for _, p := range pages {
		took, n := timed(func() (int, error) {
			rows, _, err := report.Stories(ctx, d, p.f, "", 50)
			return len(rows), err
		})
		fmt.Printf("page of 50, %-32s %8.1f ms median, %8.1f ms worst of 9, %d rows\n", p.what, ms(took[len(took)/2]), ms(took[len(took)-1]), n)
	}
	for _, f := range []store.CDRFilter{in(store.CDRFilter{}), in(store.CDRFilter{Tenant: "t00"}), in(store.CDRFilter{Tenant: "operator"})} {
		for _, kind := range []string{"calls", "days", "hours", "departments", "trunks", "destinations", "causes"} {
			took, n := timed(func() (int, error) {
				t, err := report.Make(ctx, d, report.Question{Kind: kind, Filter: f, Zone: time.FixedZone("", 12600)})
				if err != nil {
					return 0, err
				}
				return len(t.Rows), nil
			})
			fmt.Printf("month by %-12s tenant %-9q %8.1f ms median, %8.1f ms worst of 9, %d lines\n", kind, f.Tenant, ms(took[len(took)/2]), ms(took[len(took)-1]), n)
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func timed(f func() (int, error)) (took []time.Duration, n int) {
	for range 9 {
		began := time.Now()
		got, err := f()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		took, n = append(took, time.Since(began)), got
	}
	slices.Sort(took)
	return took, n
}
