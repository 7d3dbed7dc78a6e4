package server

import (
	"testing"

	"santral/call"
	"santral/sip"
)

// TestSteeringOfPhones: a call of real phones is held and taken back by a program, and can't be brought to another phone of
// accounts that have one alone: whichever side of the call it is on, it is known again among the contacts.
func TestSteeringOfPhones(t *testing.T) {
	for _, transport := range []sip.Transport{sip.UDP, sip.TCP} {
		t.Run(transport.String(), func(t *testing.T) {
			virtually(t, func(w *stage) {
				a, b := w.pair(transport)
				from, to := w.talk(a, b, sara)
				id := w.x.control.Calls("")[0].ID
				for _, leg := range []call.LegID{"a", "b"} {
					if no := w.x.control.Pull(id, leg, ""); no == nil || no.SIP != call.NotRegistered.SIP {
						w.Errorf("leg %s rings its own phone: %+v", leg, no)
					}
				}
				if no := w.x.control.Hold(id, "b", true); no != nil {
					w.Errorf("held: %+v", no)
				}
				if l, _ := w.x.control.Call(id); !l.Legs[1].Held {
					w.Errorf("%+v", l.Legs)
				}
				if no := w.x.control.Hold(id, "b", false); no != nil {
					w.Errorf("taken back: %+v", no)
				}
				w.hear(a, b)
				from.Hangup()
				w.ended(from, to)
			})
		})
	}
}
