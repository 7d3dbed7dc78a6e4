package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/api"
	"santral/api/live"
	"santral/sip"
	"santral/sip/siptest"
	"santral/tenant"
)

// hearing is somebody who listens to events.
type hearing struct {
	w *stage
	l *live.Listener
}

func (w *stage) listen(who api.Identity, types ...string) *hearing {
	l, err := w.x.bus.Listen(who, api.Listening{Types: types})
	w.must(err)
	return &hearing{w, l}
}

// told gives what has come since, a line for each event.
func (h *hearing) told() (lines []string) {
	synctest.Wait()
	for _, e := range h.l.Waiting() {
		text, err := json.Marshal(e.Data)
		h.w.must(err)
		var d struct {
			Direction, From, Dialled, To, Trunk, Account, Into, Cause string
			Phones, Was                                               int
		}
		h.w.must(json.Unmarshal(text, &d))
		line := e.Tenant + " " + e.Type
		switch {
		case strings.HasPrefix(e.Type, "call."):
			line += fmt.Sprintf(" %s %s>%s", d.Direction, d.From, d.Dialled)
			for name, value := range map[string]string{"to": d.To, "by": d.Trunk, "at": d.Account, "cause": d.Cause} {
				if value != "" && name != "cause" {
					line += " " + name + "=" + value
				}
			}
		case e.Type == api.RegistrationChanged:
			line += fmt.Sprintf(" %s %d→%d", d.Account, d.Was, d.Phones)
		}
		lines = append(lines, line)
	}
	return lines
}

func (h *hearing) want(what string, want ...string) {
	h.w.Helper()
	got := h.told()
	for i := range got {
		got[i] = sortedWords(got[i])
	}
	for i := range want {
		want[i] = sortedWords(want[i])
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.w.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// sortedWords has what an event says besides its first four words in one order.
func sortedWords(s string) string {
	f := strings.Fields(s)
	if len(f) > 4 {
		rest := f[4:]
		for i := range rest {
			for j := i + 1; j < len(rest); j++ {
				if rest[j] < rest[i] {
					rest[i], rest[j] = rest[j], rest[i]
				}
			}
		}
	}
	return strings.Join(f, " ")
}

var admin = api.Identity{Kind: "session", Name: "admin", Tenant: "sample", Role: tenant.RoleAdmin}

// TestEventsOfACall: one from account to account, held on the way, as its tenant's administrator and as somebody else's hears it.
func TestEventsOfACall(t *testing.T) {
	virtually(t, func(w *stage) {
		other := admin
		other.Tenant = "other"
		mine, theirs := w.listen(admin, "call.*", "registration.*"), w.listen(other)
		a, b := w.pair(sip.UDP)
		mine.want("phones come", "sample registration.changed "+ali+" 0→1", "sample registration.changed "+sara+" 0→1")
		from, to := w.talk(a, b, sara)
		w.holds(from, to)
		from.Hangup()
		w.ended(from, to)
		call := func(kind, more string) string {
			return "sample call." + kind + " internal " + ali + ">" + sara + more
		}
		mine.want("a call",
			call("created", ""), call("ringing", " to="+sara+" at="+sara), call("answered", " to="+sara+" at="+sara),
			call("held", " to="+sara+" at="+ali), call("resumed", " to="+sara+" at="+ali), call("ended", " to="+sara))
		theirs.want("another tenant")
	})
}

// TestEventsOfATrunk: calls in and out, as the tenant hears them.
func TestEventsOfATrunk(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("101", "192.0.2.11")
		mine := w.listen(api.Identity{Kind: "token", Name: "t", Role: tenant.RoleOperator}, "call.*", "record.*")
		invite := carrier.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(carrier))
		carrier.Send(exchange, invite)
		c, err := a.Answer(w.ctx)
		w.must(err)
		carrier.Want("180")
		ok := carrier.Want("200")
		carrier.Send(exchange, carrier.Ack(invite, ok))
		carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
		carrier.Want("200")
		w.ended(c)
		time.Sleep(2 * time.Second)
		got := strings.Join(mine.told(), "\n")
		for _, want := range []string{"call.created in ", "call.ringing in ", "call.answered in ", "call.ended in ", " by=one", "record.made"} {
			if !strings.Contains(got, want) {
				w.Errorf("no %q in\n%s", want, got)
			}
		}
		w.free()
	}, company+`
trunks:
  - {name: one, mode: static, addresses: [198.51.100.1], numbers: [{number: "02122000101", to: "101"}], refer: true}
`)
}
