package main

import "context"

// ofLeg names a call, and for which leg something is done.
type ofLeg struct {
	Call    string `arg:"" help:"The call's id, as calls prints it."`
	Leg     string `help:"The leg for whose phone it is done; the called account's when left out." placeholder:"LEG"`
	Account string `help:"Instead: the leg of this account." placeholder:"NUMBER"`
	exchange
}

func (o *ofLeg) steer(verb string, ask map[string]string) error {
	x, err := o.open()
	if err != nil {
		return err
	}
	if ask == nil {
		ask = map[string]string{}
	}
	ask["leg"], ask["account"] = o.Leg, o.Account
	return x.Steer(context.Background(), o.Call, verb, ask)
}

// transfer sends the other side on.
type transfer struct {
	ofLeg
	To   string `arg:"" optional:"" help:"The number that the other side goes on to."`
	Into string `help:"Instead: another call in which the account has a leg." placeholder:"CALL"`
}

// Run sends it.
func (t *transfer) Run() error {
	return t.steer("transfer", map[string]string{"to": t.To, "call": t.Into})
}

// hold has the other side wait.
type hold struct{ ofLeg }

// Run holds.
func (h *hold) Run() error { return h.steer("hold", nil) }

// resume ends that.
type resume struct{ ofLeg }

// Run takes the other side back.
func (r *resume) Run() error { return r.steer("resume", nil) }

// move brings a call elsewhere.
type move struct {
	ofLeg
	Device string `help:"The one device of the account that rings; all others than the present one when left out." placeholder:"NAME"`
	To     string `help:"Instead: a number." placeholder:"NUMBER"`
}

// Run moves it.
func (m *move) Run() error {
	return m.steer("move", map[string]string{"device": m.Device, "to": m.To})
}

// digits presses keys.
type digits struct {
	ofLeg
	Digits string `arg:"" help:"Keys: 0 to 9, *, #, A to D; a comma is half a second without."`
}

// Run presses them.
func (d *digits) Run() error { return d.steer("digits", map[string]string{"digits": d.Digits}) }
