package server

import (
	"context"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/event"
	"santral/sip/transport"
)

// onlooker is a subscriber to a lamp, on a machine of its own.
type onlooker struct {
	w        *stage
	endpoint *endpoint.Endpoint

	mu   sync.Mutex
	told []event.Told
}

// look subscribes omid to a lamp.
func (w *stage) look(host vnet.Net, at netip.AddrPort, number string) *onlooker {
	w.Helper()
	o := &onlooker{w: w}
	var e atomic.Pointer[endpoint.Endpoint]
	layer, err := transport.Start(transport.Config{
		Net: host, Listeners: []transport.Listener{{Transport: sip.UDP, Addr: at}},
		Handle: func(in sip.Inbound) {
			if e := e.Load(); e != nil {
				e.Receive(in)
			}
		},
	})
	w.must(err)
	o.endpoint = endpoint.New(endpoint.Config{Wire: wire{layer}, User: o, Shards: 1, Random: id.New([32]byte{77}), Allow: []sip.Method{sip.NOTIFY}})
	e.Store(o.endpoint)
	exchange := w.boot.Listen[0].Address
	event.Subscribe(event.WatchConfig{
		Shard: o.endpoint.Shard, URI: "sip:" + number + "@" + exchange.String(), From: "<sip:" + omid + "@" + exchange.String() + ">", Event: "dialog",
		Next:    endpoint.Next{Hops: []sip.Hop{{Transport: sip.UDP, Addr: exchange}}},
		Contact: func(f sip.Flow) string { return "<sip:" + omid + "@" + layer.SentBy(f).String() + ">" },
		Account: &event.Account{User: omid, Password: password},
		Handle: func(m event.Told) {
			o.mu.Lock()
			o.told = append(o.told, m)
			o.mu.Unlock()
		},
	}, "onlooker")
	w.Cleanup(func() {
		o.endpoint.Close(context.Background())
		layer.Close()
	})
	return o
}

// Serve implements endpoint.User.
func (o *onlooker) Serve(_ *endpoint.Shard, tx *endpoint.ServerTx) { tx.Refuse(481, "") }

var versionOf = regexp.MustCompile(`version="(\d+)"`)

// next waits for a document that has a text in it, and gives its version. Nothing may have failed meanwhile.
func (o *onlooker) next(text string) int {
	o.w.Helper()
	for range 1000 {
		o.mu.Lock()
		told := o.told
		o.told = nil
		o.mu.Unlock()
		for _, m := range told {
			if m.Err != nil || m.Ended {
				o.w.Fatalf("the subscription has ended: %+v", m)
			}
			if strings.Contains(m.Message.Body, text) {
				v, _ := strconv.Atoi(versionOf.FindStringSubmatch(m.Message.Body)[1])
				return v
			}
		}
		o.w.wait(10 * time.Millisecond)
	}
	o.w.Fatalf("no document says %q", text)
	return 0
}

// A lamp goes on over a hand-over: its subscription, its versions, and what it shows.
func TestLampOverAHandOver(t *testing.T) {
	virtually(t, func(w *stage) {
		a, b := w.pair(sip.UDP)
		lamp := w.look(w.net.Host(netip.MustParseAddr("192.0.2.14")), netip.MustParseAddrPort("192.0.2.14:5060"), sara)
		dark := lamp.next("<dialog-info")
		from, to := w.talk(a, b, sara)
		lit := lamp.next("<state>confirmed</state>")
		w.handOver()
		again := lamp.next("<state>confirmed</state>")
		if dark >= lit || lit >= again {
			t.Errorf("versions go back: %d, %d, %d", dark, lit, again)
		}
		if n := w.x.events.notifier.Stats().Live["dialog"]; n != 1 {
			t.Errorf("%d subscriptions", n)
		}
		to.Hangup()
		w.ended(from, to)
		if v := lamp.next("entity=\"sip:" + sara); v <= again {
			t.Errorf("version %d after %d", v, again)
		}
		w.wait(time.Second)
		lamp.mu.Lock()
		for _, m := range lamp.told {
			if strings.Contains(m.Message.Body, "<dialog ") {
				t.Errorf("the lamp still burns:\n%s", m.Message.Body)
			}
		}
		lamp.mu.Unlock()
	})
}

// Everything that the API shows and changes is there: what is missing shows only when somebody asks.
func TestTheAPIHasEverything(t *testing.T) {
	onPurpose := map[string]string{"Who": "nil is for Logins: who signs in and tokens are all that is known"}
	virtually(t, func(w *stage) {
		api := reflect.ValueOf(w.x.guarded(w.x.api()))
		for i := range api.NumField() {
			name := api.Type().Field(i).Name
			if f := api.Field(i); (f.Kind() == reflect.Func || f.Kind() == reflect.Interface) && f.IsNil() && onPurpose[name] == "" {
				t.Errorf("the API lacks %s", name)
			}
		}
	})
}
