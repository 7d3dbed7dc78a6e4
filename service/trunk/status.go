package trunk

import (
	"time"

	"santral/tenant"
)

// RegState says how our registration at a carrier stands.
type RegState uint8

// States of a registration. A registration that fails is tried again for ever.
const (
	NotRegistered RegState = iota
	Registering            // the first REGISTER is under way
	RegisteredNow
	Failing // it failed; Fault says why
)

// String gives the word of lists and logs.
func (s RegState) String() string {
	return [...]string{"not registered", "registering", "registered", "failing"}[s]
}

// Fault is the class of what went wrong with a registration: a wrong password is not a dead network.
type Fault uint8

// Faults.
const (
	NoFault       Fault = iota
	AuthFailed          // the carrier does not take our credentials: somebody must mend them
	Refused             // the carrier says no for another reason
	UnknownDomain       // the name leads nowhere, or the carrier does not know the user or domain
	NetworkDead         // nobody answers
	Overloaded          // the carrier answers that it can't now
)

// String gives the word of lists and logs.
func (f Fault) String() string {
	return [...]string{"", "auth-failed", "refused", "unknown-domain", "network-dead", "overloaded"}[f]
}

// Registration is how a trunk's registration stands.
type Registration struct {
	State   RegState
	Fault   Fault
	Status  int    // of the last final answer, 0 when there was none
	Reason  string // its phrase, or why there was none
	Since   time.Time
	Until   time.Time // the carrier keeps us so long; zero when it does not
	Next    time.Time // when we register again
	Failed  int       // attempts that failed in a row
	Contact string    // what we registered
	Remote  string    // where the answer came from
	Routes  []string  // Service-Route (RFC 3608)
	Path    []string  // Path as the registrar has it (RFC 3327)
	Realm   string    // of its challenge
	Asked   bool      // it challenged us
	Bulk    bool      // its answer has our Contact for all numbers at once (RFC 6140)
}

// Health says how a place of a trunk stands.
type Health uint8

// States of a place.
const (
	Unproven  Health = iota // nothing is known yet: it is used
	Up                      // it answers
	Degraded                // it failed lately: used after those that are up
	Down                    // quarantine: no calls
	Returning               // it answers again: a growing share of the calls
)

// String gives the word of lists and logs.
func (h Health) String() string {
	return [...]string{"unproven", "up", "degraded", "down", "returning"}[h]
}

// Place is one address of a trunk.
type Place struct {
	URI    string
	Health Health
	Since  time.Time
	Reason string        // of the last change
	Share  float64       // of new calls, while it returns; 1 otherwise, 0 while it is down
	Status int           // last answer to OPTIONS, 0 for none
	RTT    time.Duration // of the last answer to OPTIONS
	Silent time.Time     // until then it is tried after all others, as no media came; zero for none
}

// Status is one trunk as it stands now. It is a copy.
type Status struct {
	Noun         *tenant.Trunk
	Up           bool // calls to it are tried
	State        string
	Registration Registration // of a trunk that registers
	Places       []Place
	Failures     uint64 // attempts of calls that failed for the carrier's sake, since the start
	Score        Score  // in the last fifteen minutes
}

// List gives all trunks in the order of tenant and name.
func (t *Trunks) List() []Status {
	now := t.now.Load()
	list := make([]Status, 0, len(now.list))
	for _, k := range now.list {
		list = append(list, k.status())
	}
	return list
}

// Get gives one trunk; ok is false when there is none of that name.
func (t *Trunks) Get(tenantID, trunkName string) (s Status, ok bool) {
	k := t.find(tenantID, trunkName)
	if k == nil {
		return Status{}, false
	}
	return k.status(), true
}

func (k *trunk) status() Status {
	bound, score := k.bound(), k.house.Score(k.noun().Tenant, k.noun().Name)
	k.mu.Lock()
	defer k.mu.Unlock()
	s := Status{Noun: k.noun(), Registration: k.state, Failures: k.failures, Score: score}
	best := Down
	for _, p := range k.places {
		s.Places = append(s.Places, p.show())
		if better(p.health, best) {
			best = p.health
		}
	}
	s.State = best.String()
	switch {
	case k.noun().Mode == tenant.Registered && !bound:
		s.State = NotRegistered.String()
	case k.noun().Mode == tenant.Registered && len(k.places) == 0:
		s.State = "up"
	case k.reg != nil && !k.registeredLocked(time.Now()):
		s.State = k.state.State.String()
		if k.state.Fault != NoFault {
			s.State = k.state.Fault.String()
		}
	case len(k.places) == 0: // it only calls us
		s.State = "up"
	default:
		s.Up = best != Down
	}
	s.Up = s.Up || s.State == "up"
	return s
}

// bound reports whether a PBX that registers here does so now.
func (k *trunk) bound() bool {
	if k.noun().Mode != tenant.Registered || k.house.cfg.Contacts == nil {
		return false
	}
	targets, _ := k.house.cfg.Contacts.Contacts(k.noun().Tenant, k.noun().User)
	return len(targets) > 0
}

// better orders places for use.
func better(a, b Health) bool { return order[a] < order[b] }

var order = [...]int{Unproven: 1, Up: 0, Degraded: 2, Down: 4, Returning: 3}
