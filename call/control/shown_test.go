package control_test

import (
	"strings"
	"testing"
	"time"

	"santral/call"
	"santral/call/calltest"
)

// A call from an account of one tenant to a number of another: each is known to the other by its public number alone, also
// where one of them is sent on to somebody else.
func TestTenantsKnowEachOtherByPublicNumbers(t *testing.T) {
	t.Parallel()
	number := call.Destination{Kind: call.ToAccount, Tenant: "other", Account: "102", Number: "02188880102", Name: "Other", Presents: "02177770101", Limited: true}
	private := func(s *stage) { // of the other tenant's account, as the first tenant may never see it
		s.t.Helper()
		for line := range strings.SplitSeq(s.Ladder(), "\n") {
			if strings.Contains(line, "connected 102") || strings.Contains(line, "connected 105") || strings.Contains(line, "from 101,") {
				s.t.Errorf("an internal number is shown outside: %s", line)
			}
		}
	}
	together(t, "tenant-calls-tenant", nil, func(s *stage) {
		s.Leads("02188880102", number)
		a := s.dial("02188880102")
		b := s.leg("b")
		b.Ring()
		b.Pickup(answer)
		a.Ack(nil)
		b.Bye()
		private(s)
	})
	together(t, "tenant-sends-tenant-on", nil, func(s *stage) { // the other tenant's account sends the caller to a colleague
		s.Leads("02188880102", number)
		s.Leads("105", call.Destination{Kind: call.ToAccount, Tenant: "other", Account: "105", Number: "105"})
		a := s.dial("02188880102")
		b := s.leg("b")
		b.Pickup(answer)
		a.Ack(nil)
		b.Refer("105")
		c := s.rung(0)
		c.Pickup(answer)
		s.settle(a, c)
		b.Bye()
		s.pass(10 * time.Second)
		c.Bye()
		private(s)
	})
	together(t, "tenant-withheld", nil, func(s *stage) { // it has no number that others may know
		d := number
		d.Presents, d.Hidden = "", call.Hide
		s.Leads("02188880102", d)
		s.dial("02188880102")
		s.leg("b").Fail(call.Busy)
		private(s)
	})
}

// A call that came by a carrier of the operator's is recorded for the account that it reached.
func TestWhoseARecordingIs(t *testing.T) {
	t.Parallel()
	for name, wants := range map[string]func(from, to call.Party) bool{
		"carrier": func(_, to call.Party) bool { return to.Account == "102" },
		"callee":  func(_, to call.Party) bool { return to.Tenant == "other" },
		"caller":  func(from, _ call.Party) bool { return from.Account == "101" },
	} {
		perform(t, "recorded-for-"+name, nil, func(s *stage) {
			s.Tapes.Want = wants
			s.Leads("102", call.Destination{Kind: call.ToAccount, Tenant: "other", Account: "102", Number: "02188880102"})
			from := calltest.Party("101")
			if name == "carrier" {
				from = call.Party{Tenant: "operator", Trunk: "carrier", Number: "+989121234567"}
			}
			a := s.Invite(s.k, "1", from, "102", offer, 70)
			s.leg("b").Pickup(answer)
			a.Ack(nil)
			a.Bye()
		})
	}
}
