package access

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/call"
	"santral/tenant"
)

// world is two tenants with trunks of every kind of limit.
func world() *tenant.Snapshot {
	return tenant.NewSnapshot(1, []*tenant.Tenant{
		{
			ID: "t", Limits: tenant.Limits{Channels: 12, In: 8, Out: 7},
			Accounts: []tenant.Account{{Tenant: "t", Number: "22000001", Kind: tenant.Line, Channels: 1}, {Tenant: "t", Number: "101", Kind: tenant.Extension, Channels: 4}},
			Pools:    []tenant.Pool{{ID: "shared", Channels: 14, Reserved: 4}},
			Trunks: []tenant.Trunk{
				{Tenant: "t", Name: "one", Channels: 10, ChannelsIn: 6, ChannelsOut: 7, Reserved: 4},
				{Tenant: "t", Name: "two", Channels: 10, Pool: "shared"},
				{Tenant: "t", Name: "pbx", Channels: 10, Reserved: 3, Pool: "shared", PBX: true},
			},
		},
		{ID: "other", Limits: tenant.Limits{In: 3}, Accounts: []tenant.Account{{Tenant: "other", Number: "101", Channels: 100}}},
	})
}

// gauge counts what is admitted, and whether that is ever more than it may be.
type gauge struct {
	now, peak atomic.Int32
	most      int32
}

func (g *gauge) enter() bool {
	n := g.now.Add(1)
	for p := g.peak.Load(); n > p && !g.peak.CompareAndSwap(p, n); p = g.peak.Load() {
	}
	return n <= g.most
}

// A thousand attempts at once, of calls that end, that crash (their release comes twice, late, or from somebody else) and
// that go on in another exchange: no limit is ever exceeded, nothing is left over, and every limit
// is reached afterwards.
func TestLimitsAreExactUnderAThousandRacingAttempts(t *testing.T) {
	s := world()
	c := NewChannels(func() *tenant.Snapshot { return s }, nil)
	most := map[string]*gauge{}
	for name, n := range map[string]int32{
		"line": 1, "ext": 4, "one": 10, "one in": 6, "one out": 6, "two": 10, "pbx": 10, "pbx in": 7, "pool": 14, "pool away": 10,
		"tenant": 12, "tenant in": 8, "tenant out": 7, "other in": 3,
	} {
		most[name] = &gauge{most: n}
	}
	try := func(r *rand.Rand, id call.ID) (release func(), names []string) {
		dir := []call.Direction{call.In, call.Out}[r.IntN(2)]
		word := map[call.Direction]string{call.In: " in", call.Out: " out"}[dir]
		var taken call.Taken
		switch what := r.IntN(6); what {
		case 0:
			taken, names = c.Take(call.Taking{Call: id, Tenant: "t", Account: "22000001", Dir: dir}), []string{"line"}
		case 1:
			taken, names = c.Take(call.Taking{Call: id, Tenant: "t", Account: "101", Dir: dir}), []string{"ext"}
		case 2:
			taken, names = c.Take(call.Taking{Call: id, Tenant: "t", Trunk: "one", Dir: dir}), []string{"one", "one" + word}
		case 3:
			taken, names = c.Take(call.Taking{Call: id, Tenant: "t", Trunk: "two", Dir: dir}), []string{"two", "pool"}
			if dir == call.Out {
				names = append(names, "pool away")
			}
		case 4:
			taken, names = c.Take(call.Taking{Call: id, Tenant: "t", Trunk: "pbx", Dir: dir}), []string{"pbx", "pool"}
			if dir == call.In {
				names = append(names, "pool away", "pbx in")
			}
		default:
			from := call.Party{Tenant: "t", Account: "101"}
			d := call.Destination{Kind: call.ToTrunks, Tenant: "t", Ways: []call.Way{{Tenant: "t", Trunk: "two"}}}
			names = []string{"tenant", "tenant out"}
			switch r.IntN(3) {
			case 0:
				from, d, names = call.Party{Tenant: "t", Trunk: "two"}, call.Destination{Kind: call.ToAccount, Tenant: "t", Account: "101"}, []string{"tenant", "tenant in"}
			case 1: // to the other tenant
				d, names = call.Destination{Kind: call.ToAccount, Tenant: "other", Account: "101"}, []string{"tenant", "tenant out", "other in"}
			}
			taken = c.TakeOutside(id, from, &d, false)
		}
		if taken.Refusal != nil {
			return nil, nil
		}
		return taken.Release, names
	}
	var wg sync.WaitGroup
	var admitted atomic.Int32
	for i := range 1000 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 6))
			for n := range 30 {
				release, names := try(r, call.ID(fmt.Sprint(i, "-", n)))
				if release == nil {
					continue
				}
				admitted.Add(1)
				for _, name := range names {
					if !most[name].enter() {
						t.Errorf("more calls than %s may have", name)
					}
				}
				time.Sleep(time.Duration(r.IntN(200)) * time.Microsecond)
				for _, name := range names {
					most[name].now.Add(-1)
				}
				if r.IntN(4) == 0 { // a crash: whoever cleans up does so besides
					defer release()
				}
				release()
			}
		})
	}
	wg.Wait()
	for _, k := range []string{"one", "two", "pbx"} {
		if in, out := c.TrunkInUse("t", k); in+out != 0 {
			t.Errorf("%d and %d left on %s", in, out, k)
		}
	}
	if in, out := c.PoolInUse("t", "shared"); in+out != 0 || len(c.lines) != 0 {
		t.Errorf("%d and %d left in the pool, %d lines", in, out, len(c.lines))
	}
	for _, id := range []string{"t", "other"} {
		if in, out := c.OutsideInUse(id); in+out != 0 || c.tenants[id].both != 0 {
			t.Errorf("%d and %d left of %s", in, out, id)
		}
	}
	fill := func(name string, most int, take func(id call.ID) call.Taken) {
		var rest []func()
		for i := range 40 {
			if taken := take(call.ID(fmt.Sprint(i))); taken.Refusal == nil {
				rest = append(rest, taken.Release)
			}
		}
		if len(rest) != most {
			t.Errorf("%s: %d of 40 in a row are admitted, want %d", name, len(rest), most)
		}
		for _, release := range rest {
			release()
		}
	}
	for _, x := range []struct {
		most int
		of   call.Taking
	}{
		{1, call.Taking{Account: "22000001", Dir: call.In}}, {4, call.Taking{Account: "101", Dir: call.Out}},
		{6, call.Taking{Trunk: "one", Dir: call.In}}, {6, call.Taking{Trunk: "one", Dir: call.Out}},
		{10, call.Taking{Trunk: "two", Dir: call.Out}}, {7, call.Taking{Trunk: "pbx", Dir: call.In}}, {10, call.Taking{Trunk: "pbx", Dir: call.Out}},
	} {
		fill(x.of.Account+x.of.Trunk, x.most, func(id call.ID) call.Taken {
			x.of.Call, x.of.Tenant = id, "t"
			return c.Take(x.of)
		})
	}
	turns := []call.Taking{{Tenant: "t", Trunk: "two", Dir: call.Out}, {Tenant: "t", Trunk: "pbx", Dir: call.In}, {Tenant: "t", Trunk: "two", Dir: call.In}}
	fill("the pool", 14, func(id call.ID) call.Taken {
		n, _ := strconv.Atoi(string(id))
		of := turns[n%len(turns)]
		of.Call = id
		return c.Take(of)
	})
	t.Logf("%d of 30,000 were admitted, refused: %v", admitted.Load(), c.Refused())
}

// What is reserved is kept for calls towards the customer: from a carrier, and to a PBX.
func TestReservedChannelsServeTheCustomer(t *testing.T) {
	s := world()
	for _, x := range []struct {
		trunk        string
		away, toward call.Direction
		most         int
	}{{"one", call.Out, call.In, 6}, {"pbx", call.In, call.Out, 7}} {
		c := NewChannels(func() *tenant.Snapshot { return s }, nil)
		n := 0
		for i := range 20 {
			if _, no := takeTrunk(c, call.ID(fmt.Sprint(i)), "t", x.trunk, x.away); no == nil {
				n++
			}
		}
		if n != x.most {
			t.Errorf("%s: %d calls away, want %d", x.trunk, n, x.most)
		}
		if _, no := takeTrunk(c, "c", "t", x.trunk, x.toward); no != nil {
			t.Errorf("%s: no call for the customer with channels reserved: %v", x.trunk, no)
		}
	}
}

// An emergency is never refused: it takes the channel of the call that has gone on longest and is none. Calls that were told
// to end are not chosen again, and of emergencies none gives way to another.
func TestAnEmergencyTakesAChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world()
		c := NewChannels(func() *tenant.Snapshot { return s }, nil)
		urgent := func(of call.Taking) call.Taken {
			of.Emergency = true
			return c.Take(of)
		}
		first, _ := takeLine(c, "c1", "t", "22000001", call.Out)
		taken := urgent(call.Taking{Call: "e1", Tenant: "t", Account: "22000001", Dir: call.In})
		if taken.Refusal != nil || taken.Preempted == nil || taken.Preempted.Call != "c1" {
			t.Fatalf("on a busy line: %+v", taken)
		}
		again := urgent(call.Taking{Call: "e2", Tenant: "t", Account: "22000001", Dir: call.In})
		if again.Refusal != nil || again.Preempted != nil {
			t.Errorf("another one while nobody is left to give way: %+v", again)
		}
		if _, no := takeLine(c, "c2", "t", "22000001", call.Out); no == nil {
			t.Error("another call on a line in an emergency")
		}
		first()
		taken.Release()
		again.Release()
		if c.InUse("t", "22000001") != 0 {
			t.Error("something is left")
		}

		var rest []func()
		for i := range 7 {
			release, no := takeTrunk(c, call.ID(fmt.Sprint("p", i)), "t", "two", call.Out)
			if no != nil {
				t.Fatal(no)
			}
			rest = append(rest, release)
			time.Sleep(time.Second)
		}
		for i := range 7 {
			if _, no := takeTrunk(c, call.ID(fmt.Sprint("q", i)), "t", "pbx", call.Out); no != nil {
				t.Fatal(no)
			}
		}
		taken = urgent(call.Taking{Call: "e3", Tenant: "t", Trunk: "pbx", Dir: call.In})
		if taken.Refusal != nil || taken.Preempted == nil || taken.Preempted.Call != "p0" || taken.Preempted.Trunk != "two" {
			t.Errorf("in a full pool: %+v, %v", taken, taken.Preempted)
		}
		rest[0]()
		if in, out := c.PoolInUse("t", "shared"); in+out != 14 {
			t.Errorf("%d calls in the pool, want 14", in+out)
		}
		if c.Emergencies() != 3 {
			t.Errorf("%d emergencies counted", c.Emergencies())
		}
	})
}

// A call that lives is counted when it is taken over, whatever the limits say now.
func TestACallThatLivesIsCounted(t *testing.T) {
	s := world()
	c := NewChannels(func() *tenant.Snapshot { return s }, nil)
	for i := range 3 {
		if taken := c.Take(call.Taking{Call: call.ID(fmt.Sprint(i)), Tenant: "t", Account: "22000001", Dir: call.In, Lives: true}); taken.Refusal != nil {
			t.Fatal(taken.Refusal)
		}
	}
	if n := c.InUse("t", "22000001"); n != 3 {
		t.Errorf("%d calls counted", n)
	}
	if _, no := takeLine(c, "x", "t", "22000001", call.Out); no == nil {
		t.Error("a further call is admitted")
	}
	if taken := c.Take(call.Taking{Call: "gone", Tenant: "t", Trunk: "nobody", Dir: call.Out, Lives: true}); taken.Refusal != nil {
		t.Error("a call by a trunk that is configured no longer is not counted")
	}
}

// A trunk that is nearly full is told of once, and that it has room again once.
func TestANearlyFullTrunkIsToldOfOnce(t *testing.T) {
	s := world()
	var told []string
	c := NewChannels(func() *tenant.Snapshot { return s }, func(n Nearly) {
		told = append(told, fmt.Sprint(n.Trunk, n.Pool, " ", n.Full, " ", n.Used, "/", n.Limit))
	})
	var rest []func()
	up := func() {
		release, no := takeTrunk(c, call.ID(fmt.Sprint(len(rest))), "t", "two", call.In)
		if no != nil {
			t.Fatal(no)
		}
		rest = append(rest, release)
	}
	down := func() {
		rest[len(rest)-1]()
		rest = rest[:len(rest)-1]
	}
	for range 10 {
		up()
	}
	for range 3 {
		down() // 7 of 10
	}
	for range 3 {
		up()
	}
	for range 4 {
		down() // 6
	}
	for range 2 {
		up()
	}
	want := []string{"two true 8/10", "two false 6/10", "two true 8/10"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

// Lines that are barred or suspended take no part in calls that their state forbids, but for emergencies.
func TestStatesOfLines(t *testing.T) {
	accounts := []tenant.Account{}
	for state := tenant.NumberActive; state <= tenant.NumberQuarantine; state++ {
		accounts = append(accounts, tenant.Account{Tenant: "t", Number: state.String(), Channels: 1, State: state})
	}
	c := channels(accounts...)
	word := func(no *call.Cause) string {
		if no == nil {
			return "goes"
		}
		return fmt.Sprint(no.SIP, "/", no.Q850)
	}
	want := map[string]string{
		"active": "goes goes", "porting": "goes goes", "barred": "403/21 goes", "suspended": "403/21 480/20",
		"free": "403/21 404/1", "reserved": "403/21 404/1", "assigned": "403/21 404/1", "ceased": "403/21 404/1", "quarantine": "403/21 404/1",
	}
	for _, a := range accounts {
		out := c.Take(call.Taking{Call: "1", Tenant: "t", Account: a.Number, Dir: call.In})
		if out.Release != nil {
			out.Release()
		}
		in := c.Take(call.Taking{Call: "2", Tenant: "t", Account: a.Number, Dir: call.Out})
		if got := word(out.Refusal) + " " + word(in.Refusal); got != want[a.Number] {
			t.Errorf("%s: out and in %s, want %s", a.Number, got, want[a.Number])
		}
		if e := c.Take(call.Taking{Call: "3", Tenant: "t", Account: a.Number, Dir: call.In, Emergency: true}); e.Refusal != nil {
			t.Errorf("%s: an emergency is refused: %v", a.Number, e.Refusal)
		}
	}
}

// A tenant's rate counts calls with the outside of both directions, and none that is refused.
func TestTheRateOfATenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tenant.NewSnapshot(1, []*tenant.Tenant{{ID: "t", Limits: tenant.Limits{Rate: 4, Channels: 100}}})
		c := NewChannels(func() *tenant.Snapshot { return s }, nil)
		d := call.Destination{Kind: call.ToTrunks, Tenant: "t", Ways: []call.Way{{Tenant: "t", Trunk: "x"}}}
		n := 0
		for range 100 {
			if taken := c.TakeOutside("c", call.Party{Tenant: "t", Account: "101"}, &d, false); taken.Refusal == nil {
				n++
				taken.Release()
			} else if *taken.Refusal != call.TenantTooFast {
				t.Fatal(taken.Refusal)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n != 40 {
			t.Errorf("%d calls in ten seconds at a rate of 4", n)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	s := world()
	c := NewChannels(func() *tenant.Snapshot { return s }, nil)
	d := call.Destination{Kind: call.ToTrunks, Tenant: "t", Ways: []call.Way{{Tenant: "t", Trunk: "two"}}, Limited: true}
	b.ReportAllocs()
	for b.Loop() {
		line := c.Take(call.Taking{Call: "c", Tenant: "t", Account: "22000001", Dir: call.In})
		out := c.TakeOutside("c", call.Party{Tenant: "t", Account: "22000001"}, &d, false)
		trunk := c.Take(call.Taking{Call: "c", Tenant: "t", Trunk: "two", Dir: call.Out})
		trunk.Release()
		out.Release()
		line.Release()
	}
}
