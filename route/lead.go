package route

import (
	"strings"
	"time"

	"santral/call"
	"santral/tenant"
)

// Differ tells which of a tenant's numbers lead elsewhere by another snapshot, called from inside the tenant at a time, with
// where they led and where they lead in words.
func Differ(old, now *tenant.Snapshot, tenantID string, numbers []string, at time.Time, tell func(number, was, is string)) {
	before := newHouse(old, nil)
	after := newHouse(now, before)
	from := call.Party{Tenant: tenantID}
	lead := func(h *house, number string) call.Destination {
		q := question{house: h, from: from, dialled: number, at: at}
		return q.answer()
	}
	for _, n := range numbers {
		was, is := lead(before, n), lead(after, n)
		if a, b := Where(&was), Where(&is); a != b {
			tell(n, a, b)
		}
	}
}

// Where says where a call goes in a few words.
func Where(d *call.Destination) string {
	switch d.Kind {
	case call.ToAccount:
		return "account " + d.Account + " of " + d.Tenant
	case call.ToService:
		if d.Of != "" {
			return d.Service + " " + d.Of
		}
		return strings.TrimSpace(d.Service + " " + d.Number)
	case call.ToTrunks:
		told := d.Told()
		ways := make([]string, len(d.Ways))
		for i := range d.Ways {
			ways[i] = d.Ways[i].Trunk + " as " + d.Ways[i].Sent(told)
		}
		return "trunk " + strings.Join(ways, ", ")
	}
	return "refused: " + d.Refuse.Text
}
