// Package route answers where a call goes. It is pure: a look-up on an immutable snapshot, with no
// state, no clock and no database of its own.
package route

import (
	"strings"
	"sync/atomic"
	"time"

	"santral/call"
	"santral/tenant"
)

// Features maps a code that people dial to the service that answers it.
var Features = map[string]string{
	"*43": "echo",
	"*60": "readback",
}

// Plan routes calls by the snapshot that is current when each begins.
type Plan struct {
	current *atomic.Pointer[tenant.Snapshot]
}

// NewPlan makes a plan over the current snapshot, which whoever owns configuration swaps.
func NewPlan(current *atomic.Pointer[tenant.Snapshot]) *Plan { return &Plan{current} }

// Route gives the destination of what a party of a tenant dialled. Numbers of other tenants are
// unknown here.
func (p *Plan) Route(from call.Party, dialled string, _ time.Time) call.Destination {
	number := Digits(dialled)
	if service, ok := Features[number]; ok {
		return call.Destination{Kind: call.ToService, Tenant: from.Tenant, Service: service, Number: number}
	}
	if number == "" {
		return call.Destination{Kind: call.ToRefusal, Tenant: from.Tenant, Number: dialled, Refuse: call.BadNumber}
	}
	if p.current.Load().Account(from.Tenant, number) == nil {
		return call.Destination{Kind: call.ToRefusal, Tenant: from.Tenant, Number: number, Refuse: call.NotFound}
	}
	return call.Destination{Kind: call.ToAccount, Tenant: from.Tenant, Account: number, Number: number}
}

// Digits gives what was dialled without visual separators (RFC 3966 §5.1.1) and with Persian and
// Arabic digits as ASCII; empty when it holds anything that no telephone can dial.
func Digits(dialled string) string {
	plain := true
	for i := 0; i < len(dialled); i++ {
		if !dialable(rune(dialled[i])) {
			plain = false
			break
		}
	}
	if plain {
		return dialled
	}
	var b strings.Builder
	for _, r := range dialled {
		switch {
		case dialable(r):
			b.WriteRune(r)
		case r >= '۰' && r <= '۹':
			b.WriteRune(r - '۰' + '0')
		case r >= '٠' && r <= '٩':
			b.WriteRune(r - '٠' + '0')
		case strings.ContainsRune("-.() ", r):
		default:
			return ""
		}
	}
	return b.String()
}

func dialable(r rune) bool { return r >= '0' && r <= '9' || r == '*' || r == '#' || r == '+' }
