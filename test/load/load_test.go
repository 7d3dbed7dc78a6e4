//go:build linux

package load

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func expect(t *testing.T, r *Result, done int, why map[string]int) {
	t.Helper()
	if r.Done != done || !maps.Equal(r.Why, why) && len(r.Why)+len(why) > 0 {
		t.Errorf("%d done, %v; want %d, %v", r.Done, r.Why, done, why)
	}
	if r.Own != 0 {
		t.Errorf("the generator lost %d datagrams itself", r.Own)
	}
}

func TestRegisters(t *testing.T) {
	tests := []struct {
		name   string
		drop   func(int, string) bool
		reply  func(string, string) string
		done   int
		why    map[string]int
		resent bool
	}{
		{name: "all", done: 300},
		{name: "some datagrams lost", drop: func(n int, _ string) bool { return n%50 == 7 && n < 300 }, done: 300, resent: true},
		{name: "refused", reply: func(string, string) string { return "403 Forbidden" }, why: map[string]int{"403": 300}},
		{name: "taken unchallenged", reply: func(string, string) string { return "200 OK" }, why: map[string]int{"200 without a challenge": 300}},
		{name: "no challenge", reply: func(string, string) string { return "401 Unauthorized" }, why: map[string]int{"no challenge by MD5": 300}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t)
			p.drop, p.reply = test.drop, test.reply
			go p.serve()
			r, err := Registers{Server: p.addr, Users: []string{"101", "102", "103"}, Password: "secret", Rate: 2000, Count: 300}.Run()
			if err != nil {
				t.Fatal(err)
			}
			expect(t, r, test.done, test.why)
			if r.Resent == 0 && test.resent {
				t.Errorf("%d sent again", r.Resent)
			}
			if r.Done > 0 && (r.Percentile(50) <= 0 || r.Percentile(50) > r.Percentile(100)) {
				t.Errorf("set-up times %v and %v", r.Percentile(50), r.Percentile(100))
			}
		})
	}
}

func TestCalls(t *testing.T) {
	is := func(method, status string) func(string, string) string {
		return func(m, _ string) string {
			if m == method {
				return status
			}
			return ""
		}
	}
	tests := []struct {
		name   string
		drop   func(int, string) bool
		reply  func(string, string) string
		done   int
		why    map[string]int
		resent bool
		acks   int
	}{
		{name: "all", done: 200, acks: 200},
		{name: "some datagrams lost", drop: func(n int, _ string) bool { return n%97 == 5 && n < 1000 }, done: 200, resent: true, acks: 180},
		{name: "busy", reply: func(m, _ string) string {
			if m == "INVITE" {
				return "486 Busy Here"
			}
			return silence // an ACK has no answer
		}, why: map[string]int{"INVITE 486": 200}, acks: 200},
		{name: "no farewell", reply: is("BYE", "481 No"), why: map[string]int{"BYE 481": 200, "the callee was not told of the end": 200}, acks: 200},
		{name: "half an end", reply: is("BYE", "200 OK"), why: map[string]int{"the callee was not told of the end": 200}, acks: 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t)
			p.drop, p.reply = test.drop, test.reply
			go p.serve()
			r, err := Calls{Server: p.addr, Answer: p.answer, Callers: []string{"101"}, Callees: []string{"102", "103"}, Rate: 1000, Count: 200, Hold: time.Millisecond}.Run()
			if err != nil {
				t.Fatal(err)
			}
			expect(t, r, test.done, test.why)
			if r.Resent == 0 && test.resent {
				t.Errorf("%d sent again", r.Resent)
			}
			if n := p.count("ACK"); n < test.acks {
				t.Errorf("%d calls acknowledged of %d", n, test.acks)
			}
		})
	}
}

func TestOtherMachinesAreRefused(t *testing.T) {
	there, here := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("127.0.0.1:5060")
	if _, err := (Registers{Server: there, Users: []string{"101"}, Rate: 1, Count: 1}).Run(); err == nil {
		t.Error("registers elsewhere")
	}
	if _, err := (Calls{Server: there, Answer: here, Callers: []string{"101"}, Callees: []string{"102"}, Rate: 1, Count: 1}).Run(); err == nil {
		t.Error("calls elsewhere")
	}
	if _, err := (Sound{Media: here, Ports: [2][]netip.AddrPort{{there}, {there}}}).Run(); err == nil {
		t.Error("streams elsewhere")
	}
}

func TestRatesAreBounded(t *testing.T) {
	for _, c := range []Registers{{Rate: 0, Count: 1}, {Rate: MaxRate + 1, Count: 1}, {Rate: 1, Count: 100_000}} {
		c.Server, c.Users = netip.MustParseAddrPort("127.0.0.1:5060"), []string{"101"}
		if _, err := c.Run(); err == nil {
			t.Errorf("%d at %d a second", c.Count, c.Rate)
		}
	}
}
