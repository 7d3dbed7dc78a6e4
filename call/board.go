package call

// Board shows how calls stand to whoever looks: lamps (RFC 4235), presence, lists. It gives the lamp of each
// account, which stays the same.
type Board interface {
	Lamp(tenant, account string) Lamp
}

// Lamp is an account as it is looked at. Show must not block; it is told of each change of a leg of the
// account, in the order in which they happen to a call.
type Lamp interface {
	Show(Appearance)
}

// Appearance is one leg of an account as others may see it.
type Appearance struct {
	Call      ID
	Leg       LegID
	Tenant    string
	Account   string     // whose phone or line this leg is
	Direction Direction  // seen from the exchange: In is a call that the account made
	State     Appearing  // Gone is the last that is told of a leg
	Held      bool       // its phone holds the other side
	Other     Party      // who is at the other end, as far as the account may know
	Number    string     // number of the other end: what the account dialled, or who calls it
	Dialog    DialogName // of the leg, for pick-up by Replaces (RFC 3891); zero while there is none
}

// Appearing is where a leg stands for whoever looks (RFC 4235 §3.7.1).
type Appearing uint8

// States of an appearance.
const (
	UnknownAppearing Appearing = iota
	Trying                     // nothing rings yet
	Early                      // it rings
	Talk                       // answered
	Gone
)

// String names the state as RFC 4235 §4.1.1 does.
func (a Appearing) String() string {
	return [...]string{"unknown", "trying", "early", "confirmed", "terminated"}[a]
}

// Named is a leg that can tell the name of its dialog, from any goroutine; zero while there is none.
type Named interface {
	Name() DialogName
}

// DialogName names a leg's signalling dialog from the exchange's side: opaque words of its door, but
// that others may quote them to mean this leg.
type DialogName struct {
	CallID string
	Local  string // our tag
	Remote string // the peer's tag
}
