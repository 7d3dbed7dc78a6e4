package server

import (
	"santral/api/rest"
	"santral/call"
	"santral/call/control"
	"santral/store"
)

// steering does with calls what the API wants of them.
type steering struct{ s *server }

// told makes the API's error of why a call does not do something.
func (steering) told(no *call.Cause) error {
	switch {
	case no == nil:
		return nil
	case *no == call.NotFound, *no == control.NoSuchLeg:
		return store.ErrNotFound
	}
	return &rest.Refusal{SIP: no.SIP, Text: no.Text}
}

// Transfer implements rest.Steer.
func (t steering) Transfer(id, leg, number string) error {
	return t.told(t.s.control.Transfer(call.ID(id), call.LegID(leg), number))
}

// TransferInto implements rest.Steer.
func (t steering) TransferInto(id, leg, into string) error {
	return t.told(t.s.control.TransferInto(call.ID(id), call.LegID(leg), call.ID(into)))
}

// Hold implements rest.Steer.
func (t steering) Hold(id, leg string, held bool) error {
	return t.told(t.s.control.Hold(call.ID(id), call.LegID(leg), held))
}

// Pull implements rest.Steer.
func (t steering) Pull(id, leg, device string) error {
	return t.told(t.s.control.Pull(call.ID(id), call.LegID(leg), device))
}

// Press implements rest.Steer.
func (t steering) Press(id, leg, keys string) error {
	return t.told(t.s.control.Press(call.ID(id), call.LegID(leg), keys))
}

// End implements rest.Steer.
func (t steering) End(id, cause string) error {
	why := map[string]call.Cause{"busy": call.Busy, "declined": call.Declined, "unavailable": call.Unavailable}[cause]
	if why.SIP == 0 {
		why = call.NormalClearing
	}
	if !t.s.control.Hangup(call.ID(id), why) {
		return store.ErrNotFound
	}
	return nil
}
