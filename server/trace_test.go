package server

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/vnet"
	"santral/config"
	"santral/observe/trace"
	"santral/sip"
	"santral/sip/siptest"
)

// TestWhatHappenedInACall: the trace of a call has the messages of both legs and what was decided between
// them, nothing that proves a password, and the capture server gets the same under one correlation.
func TestWhatHappenedInACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := vnet.New(1)
		n.SetDefault(vnet.Link{Latency: 5 * time.Millisecond})
		kernel := network
		network = n.Host(netip.MustParseAddr("192.0.2.1"))
		defer func() { network = kernel }()
		homer, err := n.Host(netip.MustParseAddr("192.0.2.9")).ListenUDP(netip.MustParseAddrPort("192.0.2.9:9060"), vnet.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer homer.Close()
		w := newStage(t, netip.MustParseAddrPort("192.0.2.1:5060"))
		w.net = n
		w.boot.HEP = config.Capture{To: "192.0.2.9:9060", Transport: "udp", ID: 7}
		w.play(func(w *stage) {
			a, b := w.pair(sip.UDP)
			from, to := w.talk(a, b, sara)
			call := string(w.x.control.Calls("")[0].ID)
			ids := append(w.x.callIDs(call), call)
			from.Hangup()
			w.ended(from, to)

			entries, err := w.x.trace.Read(ids)
			w.must(err)
			var told []string
			messages, proofs := 0, 0
			for _, e := range entries {
				if e.Decision != "" {
					told = append(told, e.Decision)
					continue
				}
				messages++
				if _, answer, ok := strings.Cut(e.Text, "response=\""); ok {
					proofs++
					if strings.Trim(answer[:strings.IndexByte(answer, '"')], "x") != "" {
						w.Errorf("a proof is kept: %s", e.Text)
					}
				}
			}
			want := []string{
				"a call of " + ali + " at sample, dialled " + sara, "goes to " + sara, "leg b rings " + sara + " at sip:", "leg b talks, media ", "leg a talks, media ",
				"ended by the caller: normal call clearing (200, Q.850 16)",
			}
			all := strings.Join(told, "\n")
			at := 0
			for _, line := range want {
				i := strings.Index(all[at:], line)
				if i < 0 {
					w.Fatalf("%q is not decided, or not in its place, in\n%s", line, all)
				}
				at += i
			}
			if messages < 12 || proofs == 0 || !strings.Contains(trace.Ladder(entries), "* goes to "+sara) {
				w.Errorf("%d messages, %d with a proof:\n%s", messages, proofs, trace.Ladder(entries))
			}

			synctest.Wait()
			d := [1]vnet.Datagram{{B: make([]byte, 65536)}}
			for range entries {
				if _, err := homer.ReadBatch(d[:]); err != nil {
					w.Fatal(err)
				}
				packet := d[0].B[:d[0].N]
				correlation := append(binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0x11}, uint16(6+len(call))), call...)
				if string(packet[:4]) != "HEP3" || !bytes.Contains(packet, correlation) {
					w.Errorf("sent %q", packet)
				}
			}
			if w.x.hep.Sent() != uint64(len(entries)) || w.x.hep.Dropped() != 0 {
				w.Errorf("%d of %d sent, %d dropped", w.x.hep.Sent(), len(entries), w.x.hep.Dropped())
			}
		})
	})
}

// What is refused before there is a call is nobody's ladder: nothing of it is kept, however often it comes.
func TestARefusedLegIsNotKept(t *testing.T) {
	withTrunks(t, func(w *stage, st *siptest.Stage) {
		carrier := st.Phone("carrier", "198.51.100.1:5060")
		defer carrier.Close()
		a := w.extension("101", "192.0.2.11")
		invite := carrier.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 1, voice(carrier))
		carrier.Send(exchange, invite)
		c, err := a.Answer(w.ctx)
		w.must(err)
		carrier.Want("180")
		ok := carrier.Want("200")
		carrier.Send(exchange, carrier.Ack(invite, ok))
		m, err := sip.ParseMessage(invite)
		w.must(err)
		early := sip.Replaces{CallID: m.CallID(), ToTag: ok.ToTag(), FromTag: m.FromTag(), Early: true}
		again := carrier.Request(sip.INVITE, "sip:02122000101@192.0.2.1", 2, "Replaces: "+early.String(), voice(carrier))
		carrier.Send(exchange, again)
		carrier.Send(exchange, carrier.Ack(again, carrier.Want("486")))
		no, err := sip.ParseMessage(again)
		w.must(err)
		for id, kept := range map[string]bool{m.CallID(): true, no.CallID(): false} {
			entries, err := w.x.trace.Read([]string{id})
			w.must(err)
			if len(entries) > 0 != kept {
				w.Errorf("%d messages of %s are kept", len(entries), id)
			}
		}
		carrier.Send(exchange, carrier.Within(invite, ok, sip.BYE, 2))
		carrier.Want("200")
		w.ended(c)
		w.free()
	}, company+`
trunks:
  - {name: one, mode: static, addresses: [198.51.100.1], numbers: [{number: "02122000101", to: "101"}], refer: true}
`)
}

// callIDs gives the SIP Call-IDs of a live call's legs.
func (s *server) callIDs(id string) (ids []string) {
	for _, l := range s.legIDs(id) {
		ids = append(ids, l.SIPCallID)
	}
	return ids
}
