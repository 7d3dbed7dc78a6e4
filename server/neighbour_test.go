package server

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"santral/base/vnet"
	"santral/sip"
	"santral/sip/siptest"
)

// TestANeighbourOfAPhone: whoever shares a phone's host, and has seen all of its dialog, is asked who it is: where
// the phone has registered from is a port, too.
func TestANeighbourOfAPhone(t *testing.T) {
	withTrunks(t, func(w *stage, s *siptest.Stage) {
		a, b := w.script(s, "A", "192.0.2.11:5060", ali, false), w.script(s, "B", "192.0.2.21:5060", sara, false)
		defer a.Close()
		defer b.Close()
		a.register("a", "")
		b.register("b", "")
		var text string
		var got siptest.Got
		done := make(chan struct{})
		go func() {
			defer close(done)
			text, got = a.ask(sip.INVITE, "sip:"+sara+"@192.0.2.1", "call", offerLines)
		}()
		invite := b.Want("INVITE")
		b.Reply(invite, "200 OK", voice(b.Phone))
		<-done
		a.put(a.Within(text, got, sip.ACK, a.seq))
		b.Want("ACK")

		for _, forged := range []struct {
			party *script
			text  string
		}{
			{a, a.Within(text, got, sip.BYE, 90)}, {b, b.Back(invite, sip.BYE, 91)},
			{a, a.Within(text, got, sip.INVITE, 92, offerLines)}, {b, b.Back(invite, sip.INVITE, 93, voice(b.Phone))},
		} {
			socket, err := forged.party.Host().ListenUDP(netip.AddrPortFrom(forged.party.Addr().Addr(), 5070), vnet.Options{})
			w.must(err)
			w.must(socket.WriteTo([]byte(forged.text), exchangeAt))
			d := []vnet.Datagram{{B: make([]byte, 2048)}}
			_, err = socket.ReadBatch(d)
			w.must(err)
			if answer := string(d[0].B[:d[0].N]); !strings.HasPrefix(answer, "SIP/2.0 401 ") {
				t.Errorf("a neighbour's %.10q is answered %.40q", forged.text, answer)
			}
			socket.Close()
		}
		a.Quiet(time.Second)
		b.Quiet(time.Second)
		a.put(a.Within(text, got, sip.BYE, 94))
		b.Reply(b.Want("BYE"), "200 OK")
		a.Want("200")
	})
}
