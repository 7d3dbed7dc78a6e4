package registrar

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"santral/store"
)

// events gives what has become of 101's bindings.
func (h *house) events() (list []string) {
	for _, b := range h.reg.Bindings("t", "101") {
		list = append(list, b.Contact+" "+b.Event.String())
	}
	return list
}

// RFC 3680 §4.1: every way in which a binding comes, stays and goes is told, and its watcher is woken.
func TestWhatHappensToABindingIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var told atomic.Int32
		h.changed = func(tenant, account string) {
			if tenant != "t" || account != "101" {
				t.Errorf("told of %s %s", tenant, account)
			}
			told.Add(1)
		}
		h.send("Contact: <sip:101@192.0.2.101:1>;expires=120")
		want(t, "made", h.events(), []string{"sip:101@192.0.2.101:1 registered"})
		h.send("Contact: <sip:101@192.0.2.101:1>;expires=240")
		want(t, "again", h.events(), []string{"sip:101@192.0.2.101:1 refreshed"})
		h.send("Contact: <sip:101@192.0.2.101:1>;expires=60")
		want(t, "shorter", h.events(), []string{"sip:101@192.0.2.101:1 shortened"})
		want(t, "told", told.Load(), 3)
		h.send()
		want(t, "told of a question", told.Load(), 3)
		time.Sleep(2 * time.Minute)
		want(t, "over", h.events(), []string{"sip:101@192.0.2.101:1 expired"})
		want(t, "told of the end", told.Load(), 4)
		time.Sleep(2 * time.Minute)
		want(t, "later", h.events(), []string(nil))

		h.send("Contact: <sip:101@192.0.2.101:1>")
		h.send("Contact: <sip:101@192.0.2.101:1>;expires=0")
		want(t, "taken away", h.events(), []string{"sip:101@192.0.2.101:1 unregistered"})
		h.send("Contact: <sip:101@192.0.2.101:1>")
		want(t, "back", h.events(), []string{"sip:101@192.0.2.101:1 registered"})
		h.send("Contact: *", "Expires: 0")
		want(t, "all taken away", h.events(), []string{"sip:101@192.0.2.101:1 unregistered"})
		h.from("101", tcp(phone, 7), "Contact: <sip:101@192.0.2.101:2;transport=tcp>")
		h.reg.Closed(tcp(phone, 7))
		want(t, "a connection ended", h.events(), []string{"sip:101@192.0.2.101:2;transport=tcp deactivated", "sip:101@192.0.2.101:1 unregistered"})
		time.Sleep(3 * time.Minute)
		for i := range MaxBindings + 1 {
			h.send(fmt.Sprintf("Contact: <sip:101@192.0.2.101:%d>;expires=%d", 1000+i, 1000+i))
		}
		list := h.events()
		want(t, "displaced", list[MaxBindings:], []string{"sip:101@192.0.2.101:1000 deactivated"})
	})
}

// Phones that come and go by the thousand leave a bounded memory of it.
func TestWhatHasEndedIsBounded(t *testing.T) {
	h := newHouse(t)
	var rows []store.Binding
	for i := range 3 * maxEnded {
		rows = append(rows, store.Binding{Tenant: "t", Account: "101", Contact: fmt.Sprint(i)})
	}
	p := h.reg.table.of(aor{"t", "101"})
	p.remember(rows, time.Now())
	p.remember(rows[:5], time.Now())
	want(t, "remembered", len(p.ended), maxEnded)
	p.forget(time.Now().Add(time.Second))
	want(t, "forgotten", len(p.ended), 0)
}
