package server

import (
	"strconv"

	"santral/call"
	"santral/observe/trace"
)

// decision puts an event of a call into the words that stand in its ladder; "" for what its messages show
// by themselves.
func decision(e *call.Event) string {
	switch e.Kind {
	case call.Began:
		who, at := "nobody known", ""
		if p := e.From; p != nil {
			who = whose(p.Account, p.Trunk)
			if p.Tenant != "" {
				at = " at " + p.Tenant
			}
		}
		switch {
		case e.By == "transfer":
			return "a call of " + who + at + ", sent to " + quoted(e.Dialled) + " out of call " + string(e.Other)
		case e.By != "":
			return "a call of " + who + at + ", asked for by the API, to " + quoted(e.Dialled)
		}
		return "a call of " + who + at + ", dialled " + quoted(e.Dialled)
	case call.Routed:
		if e.To == "" {
			return "goes nowhere: " + quoted(e.Because)
		}
		return "goes to " + e.To
	case call.LegBegan:
		if e.Other != "" {
			return "leg " + string(e.Leg) + " comes from call " + string(e.Other)
		}
		if d := e.Detail; d != nil && d.Direction == call.Out {
			return "leg " + string(e.Leg) + " rings " + whose(d.Account, d.Trunk) + " at " + quoted(d.Target)
		}
	case call.LegAnswered:
		if e.Codec != "" {
			return "leg " + string(e.Leg) + " talks, media " + e.Codec
		}
		return "leg " + string(e.Leg) + " talks, media not yet chosen"
	case call.LegHeld:
		return "leg " + string(e.Leg) + " holds the other"
	case call.LegResumed:
		return "leg " + string(e.Leg) + " talks again"
	case call.LegLeads:
		return "leg " + string(e.Leg) + " stands in the caller's place"
	case call.Transfer:
		return "leg " + string(e.Leg) + " sent the other side on to call " + string(e.Other)
	case call.LegEnded:
		if e.Other != "" {
			return "leg " + string(e.Leg) + " goes on in call " + string(e.Other)
		}
		return "leg " + string(e.Leg) + " is over: " + cause(e.Cause)
	case call.EndedCall:
		return "ended by the " + e.By + ": " + cause(e.Cause)
	}
	return ""
}

func whose(account, trunk string) string {
	if trunk != "" {
		return "trunk " + trunk
	}
	return account
}

// quoted is text of a stranger's on one line.
func quoted(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return strconv.Quote(s)
		}
	}
	return s
}

func cause(c *call.Cause) string {
	if c == nil {
		return "no cause is known"
	}
	return quoted(c.Text) + " (" + strconv.Itoa(c.SIP) + ", Q.850 " + strconv.Itoa(c.Q850) + ")"
}

// capture begins to send copies of calls' messages to the capture server that the boot file names.
func (s *server) capture() {
	if s.boot.HEP.To == "" {
		return
	}
	s.hep = trace.StartHEP(trace.HEPConfig{
		Net: network, To: s.boot.HEP.To, Stream: s.boot.HEP.Transport == "tcp", ID: s.boot.HEP.ID, Key: s.boot.HEP.Key,
	})
	s.trace.Export(s.hep.Offer)
	s.later(s.hep.Close)
}
