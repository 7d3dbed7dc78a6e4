//go:build linux

package main

import (
	"fmt"
	"strings"
	"time"
)

// twice is twice the calls a second that docs/performance.md states for one core.
const twice = 10_000

// quick is how soon an accepted call must be set up, however many come.
const quick = time.Second

// overload offers twice the calls that one core bears. Who is refused is told so by 503; every other call
// must be perfect: set up soon, acknowledged, and ended on both sides.
func (b *bench) overload() error {
	x, err := b.santral(accounts, allPorts)
	if err != nil {
		return err
	}
	defer x.stop()
	if err := x.enrol(accounts / 2); err != nil {
		return err
	}
	r, w, err := b.calls(x, twice)
	if err != nil {
		return err
	}
	refused, spoilt := 0, []string{}
	for why, n := range r.Why {
		if why == "INVITE 503" {
			refused = n
			continue
		}
		spoilt = append(spoilt, fmt.Sprintf("%d × %s", n, why))
	}
	row := row{
		work: fmt.Sprintf("%d calls/s offered to one core, twice what it bears: accepted and perfect", twice),
		ours: fmt.Sprintf("%.0f/s; %d accepted, %d refused by 503; set-up p50 %s, p99 %s; %.0f %% of the core", float64(r.Done)/r.Elapsed.Seconds(), r.Done, refused,
			r.Percentile(50).Round(time.Millisecond), r.Percentile(99).Round(time.Millisecond), 100*w.share()),
		must: fmt.Sprintf("no other failure, p99 ≤ %s", quick), kept: "yes",
	}
	if len(spoilt) > 0 || r.Percentile(99) > quick || r.Done == 0 {
		row.kept = "no"
		row.ours += "; " + strings.Join(spoilt, ", ")
	}
	b.table.add(row)
	return nil
}
