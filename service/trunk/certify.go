package trunk

import (
	"fmt"
	"strings"
	"time"

	"santral/sip"
	"santral/tenant"
)

// Verdict says how a clause came out.
type Verdict uint8

// Verdicts. What was not observed is never passed.
const (
	NotApplicable Verdict = iota
	Passed
	Failed
)

// String gives the word of reports.
func (v Verdict) String() string { return [...]string{"not applicable", "passed", "failed"}[v] }

// Clause is one thing that SIPconnect 2.0 asks of a trunk's other side, and what was seen of it.
type Clause struct {
	Name    string // "options/methods"
	Asks    string
	Verdict Verdict
	Seen    string // what was seen, or why it does not apply
}

// Seen is one message of the test call.
type Seen struct {
	At        time.Time
	Out       bool // we sent it
	Transport string
	Msg       *sip.Message
}

// Observed is what was seen of a trunk while it was tested.
type Observed struct {
	Trunk   Status
	Options *sip.Message  // answer to OPTIONS, nil for none
	Took    time.Duration // until then
	Silence string        // why there was none, or why none was asked for
	Call    []Seen        // messages of the test call in their order; nil when none was made
	NoCall  string        // why no call was made
	Digit   bool          // a digit was sent as a telephone event
}

// Certify judges a trunk clause by clause, by nothing but what was seen.
func Certify(o Observed) []Clause {
	var list []Clause
	list = append(list, o.registration()...)
	list = append(list, o.options()...)
	return append(list, o.call()...)
}

func clause(name, asks string, ok bool, seen string) Clause {
	v := Failed
	if ok {
		v = Passed
	}
	return Clause{name, asks, v, seen}
}

func skipped(name, asks, why string) Clause { return Clause{name, asks, NotApplicable, why} }

// registration judges the registration mode, and how the trunk's own settings fit the static one.
func (o *Observed) registration() []Clause {
	const (
		digests = "the registrar challenges a REGISTER and takes the digest"
		expires = "the registrar says how long it keeps the Contact"
		gin     = "all numbers are registered at once (RFC 6140)"
		route   = "the answer names a Service-Route for our calls (RFC 3608)"
	)
	if o.Trunk.Noun.Mode != tenant.Registers {
		why := "the trunk is " + o.Trunk.Noun.Mode.String() + ": we do not register there"
		return []Clause{
			skipped("registration/digest", digests, why), skipped("registration/expires", expires, why),
			skipped("registration/gin", gin, why), skipped("registration/service-route", route, why),
		}
	}
	r := o.Trunk.Registration
	if r.State != RegisteredNow {
		seen := fmt.Sprintf("%s, %s: %d %s", r.State, r.Fault, r.Status, r.Reason)
		return []Clause{
			clause("registration/digest", digests, false, seen), skipped("registration/expires", expires, "we are not registered"),
			skipped("registration/gin", gin, "we are not registered"), skipped("registration/service-route", route, "we are not registered"),
		}
	}
	seen := "it took us without a challenge"
	if r.Asked {
		seen = "it challenged for the realm " + r.Realm + " and answered " + fmt.Sprint(r.Status)
	}
	list := []Clause{
		clause("registration/digest", digests, r.Asked, seen),
		clause("registration/expires", expires, !r.Until.IsZero(), "it keeps us until "+r.Until.UTC().Format(time.RFC3339)),
	}
	if o.Trunk.Noun.GIN {
		list = append(list, clause("registration/gin", gin, r.Bulk, "we asked for "+r.Contact+", and the answer "+map[bool]string{true: "has it", false: "does not have it"}[r.Bulk]))
	} else {
		list = append(list, skipped("registration/gin", gin, "gin: is not set for this trunk"))
	}
	if len(r.Routes) > 0 {
		return append(list, clause("registration/service-route", route, true, strings.Join(r.Routes, ", ")))
	}
	return append(list, skipped("registration/service-route", route, "the answer has none"))
}

// options judges the answer to OPTIONS outside of a call.
func (o *Observed) options() []Clause {
	const (
		answers = "OPTIONS is answered 200"
		methods = "its Allow lists what a call needs: INVITE, ACK, CANCEL, BYE"
		body    = "it accepts session descriptions"
	)
	res := o.Options
	if res == nil {
		return []Clause{clause("options/answer", answers, false, o.Silence), skipped("options/methods", methods, "there was no answer"), skipped("options/accept", body, "there was no answer")}
	}
	list := []Clause{clause("options/answer", answers, res.Status == 200, fmt.Sprintf("%d %s after %v", res.Status, res.Reason, o.Took.Round(time.Millisecond)))}
	var missing []string
	for _, m := range []string{"INVITE", "ACK", "CANCEL", "BYE"} {
		if !res.HasToken(sip.Allow, m) {
			missing = append(missing, m)
		}
	}
	switch {
	case !res.Has(sip.Allow):
		list = append(list, clause("options/methods", methods, false, "the answer has no Allow"))
	case len(missing) > 0:
		list = append(list, clause("options/methods", methods, false, "it lacks "+strings.Join(missing, ", ")+": "+res.Get(sip.Allow)))
	default:
		list = append(list, clause("options/methods", methods, true, res.Get(sip.Allow)))
	}
	if !res.Has(sip.Accept) {
		return append(list, skipped("options/accept", body, "the answer has no Accept, which stands for application/sdp (RFC 3261 §20.1)"))
	}
	return append(list, clause("options/accept", body, strings.Contains(res.Get(sip.Accept), "application/sdp") || strings.Contains(res.Get(sip.Accept), "*/*"), res.Get(sip.Accept)))
}

// What is asked of a call, in the order of the report.
var callClauses = []struct {
	name, asks string
	judge      func(c *testCall) Clause
}{
	{"call/trying", "an INVITE is answered within 500 ms, by 100 at least", (*testCall).trying},
	{"call/answer", "the test call is answered", (*testCall).answer},
	{"call/e164", "numbers are written as E.164 with a leading +", (*testCall).e164},
	{"call/identity", "our identity is asserted by P-Asserted-Identity", (*testCall).identity},
	{"call/codec", "G.711 is agreed on", (*testCall).codec},
	{"call/early-media", "early media is described in a 183", (*testCall).preview},
	{"call/100rel", "reliable provisional answers are acknowledged (RFC 3262)", (*testCall).reliable},
	{"call/session-timer", "session timers are agreed on (RFC 4028)", (*testCall).timer},
	{"call/hold", "a re-INVITE holds, and its answer does not send", (*testCall).hold},
	{"call/resume", "another one resumes", (*testCall).resume},
	{"call/dtmf", "telephone events are agreed on and can be sent (RFC 4733)", (*testCall).dtmf},
	{"call/bye", "our BYE is answered 200", (*testCall).farewell},
	{"call/tls", "signalling goes over TLS", (*testCall).tls},
}

func (o *Observed) call() (list []Clause) {
	c := newTestCall(o)
	for _, row := range callClauses {
		if c.invite == nil {
			list = append(list, skipped(row.name, row.asks, o.NoCall))
			continue
		}
		judged := row.judge(c)
		judged.Name, judged.Asks = row.name, row.asks
		list = append(list, judged)
	}
	return list
}
