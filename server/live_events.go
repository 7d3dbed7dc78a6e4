package server

import (
	"path/filepath"
	"slices"
	"time"

	"santral/api"
	"santral/api/live"
	"santral/call"
	"santral/service/registrar"
	"santral/store"
	"santral/tenant"
)

// openBus opens the bus of events. Whoever makes events asks whether it is awake first: telling nobody costs a call next to
// nothing.
func (s *server) openBus() error {
	s.news.calls, s.news.phones = map[call.ID]*toldCall{}, map[accountKey]int{}
	bus, err := live.Open(live.Config{
		File: filepath.Join(s.boot.Data, "events.last"), Wake: s.news.wake(s), Always: s.hooked, Also: s.forHooks, Origins: s.boot.Origins, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.bus = bus
	s.later(bus.Close)
	return nil
}

type accountKey struct{ tenant, account string }

// news is what the bus's goroutine knows of what goes on, while somebody listens.
type news struct {
	calls  map[call.ID]*toldCall
	phones map[accountKey]int // contacts of each account that has some
}

// wake gives what is done when somebody begins to listen: what goes on already is looked at.
func (n *news) wake(s *server) func() {
	return func() {
		n.lookAtCalls(s)
		clear(n.phones)
		if s.registry == nil {
			return
		}
		for after := ""; ; {
			page := s.registry.List(after, 1000)
			for i := range page {
				n.phones[accountKey{page[i].Tenant, page[i].Account}]++
			}
			if len(page) < 1000 {
				return
			}
			after = registrar.Cursor(&page[len(page)-1])
		}
	}
}

// lookAtCalls makes what is known of calls anew from those that go on.
func (n *news) lookAtCalls(s *server) {
	clear(n.calls)
	if s.control == nil {
		return
	}
	for _, l := range s.control.Calls("") {
		n.calls[l.ID] = s.lookAt(l.ID)
	}
}

// toldLedger tells of what is written down of calls.
type toldLedger struct {
	call.Ledger
	s *server
}

// Append implements call.Ledger.
func (l toldLedger) Append(e call.Event) {
	l.s.attempts.see(&e, l.s.trunks)
	l.Ledger.Append(e)
	if l.s.bus.Awake() {
		l.s.tellCall(&e)
	}
}

// Commit implements call.Ledger.
func (l toldLedger) Commit(e call.Event, done func()) {
	l.s.attempts.see(&e, l.s.trunks)
	l.Ledger.Commit(e, done)
	if l.s.bus.Awake() {
		l.s.tellCall(&e)
	}
}

// tellCall has the bus make something of an event of a call's.
func (s *server) tellCall(e *call.Event) {
	switch e.Kind {
	case call.LegNoticed, call.LegLeads, call.Untaped:
		return
	}
	happened := *e
	if e.From != nil {
		from := *e.From
		happened.From = &from
	}
	s.bus.Do(func() { s.news.happened(s, &happened) })
}

// tellRecord tells that a record was made, to each tenant that it is of.
func (s *server) tellRecord(r *store.CDR) {
	s.hooks.Load().Records()
	if !s.bus.Awake() {
		return
	}
	row := *r
	row.Legs = slices.Clone(r.Legs)
	s.bus.Do(func() {
		for _, whose := range []string{row.Tenant, row.ToTenant} {
			if whose == "" {
				continue
			}
			e := api.Event{Type: api.RecordMade, Time: row.Ended, Tenant: whose, Data: row.For(whose)}
			if whose == row.Tenant {
				e.Places = s.placed(e.Places, whose, row.FromAccount)
			}
			if row.ToTenant == "" || whose == row.ToTenant {
				e.Places = s.placed(s.placed(e.Places, whose, row.To), whose, row.AnsweredBy)
			}
			s.bus.Tell(e)
		}
	})
}

// tellPhones tells that an account has more or fewer phones than before.
func (s *server) tellPhones(tenantID, account string) {
	if !s.bus.Awake() {
		return
	}
	s.bus.Do(func() {
		key := accountKey{tenantID, account}
		was, now := s.news.phones[key], len(s.registry.Bindings(tenantID, account))
		if was == now {
			return
		}
		if s.news.phones[key] = now; now == 0 {
			delete(s.news.phones, key)
		}
		s.bus.Tell(api.Event{Type: api.RegistrationChanged, Tenant: tenantID, Data: api.RegistrationEvent{Account: account, Phones: now, Was: was}, Places: s.placed(nil, tenantID, account)})
	})
}

// tell tells something that is of a tenant as a whole.
func (s *server) tellTenant(kind, tenantID string, data any) {
	if s.bus.Awake() {
		at := time.Now()
		s.bus.Do(func() { s.bus.Tell(api.Event{Type: kind, Time: at, Tenant: tenantID, Data: data}) })
	}
}

// placed adds where an account stands to a list of places; what is no account of the tenant's stands nowhere.
func (s *server) placed(list []api.Place, tenantID, number string) []api.Place {
	if number == "" || slices.ContainsFunc(list, func(p api.Place) bool { return p.Account == number }) {
		return list
	}
	if at, ok := s.place(tenantID, number); ok {
		list = append(list, api.Place{Site: at.Site, Departments: at.Departments, Account: number})
	}
	return list
}

// ownerOf is whose a trunk is.
func ownerOf(t *tenant.Trunk) string {
	if t.Tenant == "" {
		return tenant.OperatorID
	}
	return t.Tenant
}
