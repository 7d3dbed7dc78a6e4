package endpoint_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"santral/base/id"
	"santral/base/vnet"
	"santral/sip"
	"santral/sip/endpoint"
	"santral/sip/resolve"
	"santral/sip/siptest"
	"santral/sip/transport"
)

const ms = time.Millisecond

var server = netip.MustParseAddrPort("192.0.2.1:5060")

// house is an endpoint over the real transport on a virtual network, between the phones of a stage.
type house struct {
	*siptest.Stage
	t     *testing.T
	e     *endpoint.Endpoint
	layer *transport.Layer
	host  *vnet.Host
	names *siptest.Names
	serve func(*endpoint.Shard, *endpoint.ServerTx)
}

// wire is the transport as the endpoint sees it.
type wire struct{ *transport.Layer }

func (w wire) Writer() endpoint.Writer { return w.Layer.Writer() }

func (h *house) Serve(s *endpoint.Shard, tx *endpoint.ServerTx) { h.serve(s, tx) }

// stage plays a scene in virtual time with 10 ms between any two hosts, and compares its ladder.
func stage(t *testing.T, name string, change func(*endpoint.Config), scene func(h *house, alice, bob *siptest.Phone)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{Stage: siptest.NewStage(t, 1), t: t}
		h.Net().SetDefault(vnet.Link{Latency: 10 * ms})
		alice := h.Phone("alice", "192.0.2.10:5060")
		host := h.Host("santral", "192.0.2.1")
		h.host = host
		bob := h.Phone("bob", "192.0.2.20:5060")
		var err error
		h.layer, err = transport.Start(transport.Config{
			Net: host, Readers: 1,
			Listeners: []transport.Listener{{Transport: sip.UDP, Addr: server}, {Transport: sip.TCP, Addr: server}},
			Handle:    func(in sip.Inbound) { h.e.Receive(in) },
		})
		if err != nil {
			t.Fatal(err)
		}
		at := netip.MustParseAddrPort("192.0.2.53:53")
		h.names = siptest.StartNames(t, h.Net().Host(at.Addr()), at, "")
		resolver := resolve.New(resolve.Config{Net: host, Servers: []netip.AddrPort{at}, Random: id.New([32]byte{4})})
		defer resolver.Close()
		cfg := endpoint.Config{
			Wire: wire{h.layer}, Resolver: resolver, Shards: 2, Random: id.New([32]byte{3}), User: h,
			Allow:  []sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER},
			Refuse: map[sip.Method]int{sip.SUBSCRIBE: 405},
		}
		if change != nil {
			change(&cfg)
		}
		h.e = endpoint.New(cfg)
		scene(h, alice, bob)
		synctest.Wait()
		if name != "" {
			h.Golden(name)
		}
		h.layer.Close()
		if err := h.e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// relay is the simplest user there is: it sends every INVITE on to next with a Call-ID of its own, and
// carries statuses and the CANCEL across. It keeps no dialogs.
func (h *house) relay(next endpoint.Next, body string) {
	h.serve = func(s *endpoint.Shard, tx *endpoint.ServerTx) {
		in := tx.Request()
		out := sip.NewRequest(sip.INVITE, "sip:bob@192.0.2.20")
		out.Add(sip.From, "<sip:alice@example.com>;tag=ours")
		out.Add(sip.To, "<sip:bob@example.com>")
		out.Add(sip.CallID, in.CallID()) // so that it stays on this shard
		out.Add(sip.CSeqKind, "1 INVITE")
		if body != "" {
			out.SetBody("application/sdp", body)
		}
		next.Prepare = func(m *sip.Message, f sip.Flow) { m.Set(sip.Contact, "<sip:"+s.SentBy(f).String()+">") }
		client := s.Request(out, next, func(ev endpoint.ClientEvent) {
			switch {
			case ev.Err == endpoint.ErrTimeout:
				tx.Refuse(408, "")
			case ev.Err != nil:
				tx.Refuse(503, "")
			case ev.Response.Status > 100:
				tx.Refuse(ev.Response.Status, "")
				if ev.Response.Status == 200 {
					ack := sip.NewRequest(sip.ACK, "sip:bob@192.0.2.20")
					for _, k := range []sip.Kind{sip.From, sip.To, sip.CallID} {
						ack.Add(k, ev.Response.Get(k))
					}
					ack.Add(sip.CSeqKind, "1 ACK")
					s.Send(ack, next)
				}
			}
		})
		tx.OnCancel(func(*sip.Message) {
			client.Cancel("")
			tx.Refuse(487, "")
		})
	}
}

var toBob = endpoint.Next{Hops: []sip.Hop{{Transport: sip.UDP, Addr: netip.MustParseAddrPort("192.0.2.20:5060")}}}

const uri = "sip:bob@192.0.2.1"

func TestLadderCall(t *testing.T) {
	stage(t, "answered", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		in := bob.Want("INVITE")
		h.Wait(300 * ms)
		bob.Reply(in, "180 Ringing")
		alice.Want("100")
		alice.Want("180")
		h.Wait(time.Second)
		bob.Reply(in, "200 OK")
		alice.Send(server, alice.Ack(invite, alice.Want("200")))
		bob.Want("ACK")
	})
}

func TestLadderCancel(t *testing.T) {
	stage(t, "cancelled", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		in := bob.Want("INVITE")
		bob.Reply(in, "180 Ringing")
		alice.Want("180")
		alice.Send(server, alice.Cancel(invite))
		bob.Reply(bob.Want("CANCEL"), "200 OK")
		bob.Reply(in, "487 Request Terminated")
		bob.Want("ACK")
		alice.Want("200")
		alice.Send(server, alice.Ack(invite, alice.Want("487")))
	})
	// The caller gives up before the callee's phone has answered anything: the CANCEL waits for that.
	stage(t, "cancelled-early", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		in := bob.Want("INVITE")
		alice.Send(server, alice.Cancel(invite))
		alice.Want("200")
		alice.Send(server, alice.Ack(invite, alice.Want("487")))
		bob.Quiet(400 * ms)
		bob.Reply(in, "100 Trying")
		bob.Reply(bob.Want("CANCEL"), "200 OK")
		bob.Reply(in, "487 Request Terminated")
		bob.Want("ACK")
	})
}

func TestLadderLostAck(t *testing.T) {
	stage(t, "refused-ack-lost", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		acks := 0
		h.Net().SetFilter(func(p vnet.Packet) bool {
			if strings.HasPrefix(string(p.B), "ACK") && p.To == server {
				acks++
				return acks > 2
			}
			return true
		})
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		bob.Reply(bob.Want("INVITE"), "486 Busy Here")
		bob.Want("ACK")
		for range 3 {
			alice.Send(server, alice.Ack(invite, alice.Want("486")))
		}
		alice.Quiet(10 * time.Second)
		if s := h.e.Stats(); s.Servers != 0 {
			t.Errorf("%d left", s.Servers)
		}
	})
}

func TestLadderUnreachable(t *testing.T) {
	stage(t, "unanswered", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		h.Net().SetFilter(func(p vnet.Packet) bool { return p.To != bob.Addr() })
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		alice.Want("100")
		alice.Send(server, alice.Ack(invite, alice.Want("408")))
		alice.Quiet(10 * time.Second)
	})
}

func TestLadderHops(t *testing.T) {
	hops := endpoint.Next{Hops: []sip.Hop{
		{Transport: sip.TCP, Addr: netip.MustParseAddrPort("192.0.2.20:5099")}, // nobody listens
		{Transport: sip.UDP, Addr: netip.MustParseAddrPort("192.0.2.20:5060")},
		{Transport: sip.TCP, Addr: netip.MustParseAddrPort("192.0.2.30:5060")},
	}}
	stage(t, "next-hop", nil, func(h *house, alice, bob *siptest.Phone) {
		carol := h.Phone("carol", "192.0.2.30:5060")
		carol.ListenTCP()
		h.relay(hops, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		bob.Reply(bob.Want("INVITE"), "503 Service Unavailable")
		bob.Want("ACK")
		in := carol.Want("INVITE")
		carol.Reply(in, "180 Ringing")
		alice.Want("180")
		carol.Reply(in, "603 Decline")
		carol.Want("ACK")
		alice.Send(server, alice.Ack(invite, alice.Want("603")))
	})
}

// A domain with two carriers behind it, of which the first is dead: the call stands within three seconds,
// and the next one at once. Then the dead one is back.
func TestLadderDeadCarrier(t *testing.T) {
	carriers := `
carrier.example.           3600 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.
_sip._udp.carrier.example. 3600 IN SRV 10 0 5060 one.carrier.example.
_sip._udp.carrier.example. 3600 IN SRV 20 0 5060 two.carrier.example.
one.carrier.example.       3600 IN A 192.0.2.30
two.carrier.example.       3600 IN A 192.0.2.20
.                          3600 IN SOA ns. root. 1 3600 600 86400 300
`
	u, err := sip.ParseURI("sip:bob@carrier.example")
	if err != nil {
		t.Fatal(err)
	}
	to := endpoint.Next{URI: u}
	stage(t, "dead-carrier", nil, func(h *house, alice, bob *siptest.Phone) {
		carol := h.Phone("carol", "192.0.2.30:5060")
		h.Net().Cut(h.host, carol.Host())
		h.names.Set(carriers)
		h.relay(to, "")
		call := func(n int, who *siptest.Phone) {
			start := time.Now()
			invite := alice.Request(sip.INVITE, uri, n)
			alice.Send(server, invite)
			in := who.Want("INVITE")
			who.Reply(in, "200 OK")
			alice.Send(server, alice.Ack(invite, alice.Skip("200", "100")))
			who.Want("ACK")
			if d := time.Since(start); d > 3*time.Second {
				t.Errorf("call %d took %v", n, d)
			}
		}
		call(1, bob)
		h.Wait(time.Second)
		call(2, bob)
		h.Net().Heal(h.host, carol.Host())
		h.Note("the first carrier is back, and is asked how it is when the next call would need it")
		h.Wait(10 * time.Second)
		call(3, bob)
		carol.Reply(carol.Want("OPTIONS"), "200 OK")
		h.Wait(time.Second)
		call(4, carol)
	})
	// The carrier that was left was only slow: it is told at once that its call is over.
	stage(t, "slow-carrier", nil, func(h *house, alice, bob *siptest.Phone) {
		carol := h.Phone("carol", "192.0.2.30:5060")
		h.names.Set(carriers)
		h.relay(to, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		slow := carol.Want("INVITE")
		carol.Want("INVITE")
		carol.Want("INVITE")
		in := bob.Want("INVITE")
		bob.Reply(in, "180 Ringing")
		alice.Skip("180", "100")
		carol.Reply(slow, "200 OK")
		carol.Want("ACK")
		carol.Reply(carol.Want("BYE"), "200 OK")
		bob.Reply(in, "200 OK")
		alice.Send(server, alice.Ack(invite, alice.Want("200")))
		bob.Want("ACK")
		carol.Quiet(40 * time.Second)
	})
}

// RFC 3261 §18.1.1 in its three endings.
func TestLadderWide(t *testing.T) {
	body := strings.Repeat("a=x:0123456789012345678901234567890\r\n", 40)
	call := func(h *house, alice, bob *siptest.Phone) siptest.Got {
		h.relay(toBob, body)
		alice.Send(server, alice.Request(sip.INVITE, uri, 1))
		in := bob.Want("INVITE")
		bob.Reply(in, "180 Ringing")
		alice.Skip("180", "100")
		return in
	}
	stage(t, "wide-tcp", nil, func(h *house, alice, bob *siptest.Phone) {
		bob.ListenTCP()
		if in := call(h, alice, bob); !in.Stream {
			t.Error("not over TCP")
		}
	})
	stage(t, "wide-no-tcp", nil, func(h *house, alice, bob *siptest.Phone) {
		if in := call(h, alice, bob); in.Stream {
			t.Error("over TCP")
		}
	})
	stage(t, "wide-tcp-silent", nil, func(h *house, alice, bob *siptest.Phone) {
		bob.ListenTCP()
		h.relay(toBob, body)
		h.Net().Cut(h.host, bob.Host()) // for the time in which TCP should connect
		start := time.Now()
		alice.Send(server, alice.Request(sip.INVITE, uri, 1))
		h.Wait(950 * ms)
		h.Net().Heal(h.host, bob.Host())
		in := bob.Want("INVITE")
		if d := time.Since(start); in.Stream || d < time.Second || d > 1100*ms {
			t.Errorf("after %v, stream %v", d, in.Stream)
		}
		bob.Reply(in, "180 Ringing")
		alice.Skip("180", "100")
	})
}

func TestLadderRefusals(t *testing.T) {
	stage(t, "refusals", func(c *endpoint.Config) {
		c.Gate = func(in sip.Inbound) endpoint.Verdict {
			return endpoint.Verdict{Status: 401, Headers: []sip.Header{{Kind: sip.WWWAuthenticate, Value: `Digest realm="example.com"`}}}
		}
	}, func(h *house, alice, bob *siptest.Phone) {
		h.serve = func(_ *endpoint.Shard, tx *endpoint.ServerTx) { tx.Refuse(200, "") }
		send := func(want string, m sip.Method, pairs ...string) siptest.Got {
			alice.Send(server, strings.NewReplacer(pairs...).Replace(alice.Request(m, uri, 1)))
			return alice.Want(want)
		}
		challenge := send("401", sip.REGISTER)
		if challenge.Get(sip.WWWAuthenticate) == "" || challenge.ToTag() == "" {
			t.Errorf("%s", challenge.Text)
		}
		send("200", sip.REGISTER, "Contact:", "Authorization: Digest x=y\r\nContact:")
		if m := send("405", sip.SUBSCRIBE); m.Get(sip.Allow) == "" {
			t.Error("no Allow")
		}
		send("501", "HELLO")
		send("400", sip.OPTIONS, "CSeq: 1 OPTIONS", "CSeq: 1 INVITE")
		send("416", sip.OPTIONS, "sip:bob@192.0.2.1 SIP", "beep:bob SIP")
		send("420", sip.OPTIONS, "Contact:", "Require: levitation\r\nContact:")
		send("481", sip.BYE, "<sip:bob@192.0.2.1>", "<sip:bob@192.0.2.1>;tag=none")
		send("483", sip.INVITE, "Max-Forwards: 70", "Max-Forwards: 0")
		send("505", sip.OPTIONS, "SIP/2.0\r\n", "SIP/3.0\r\n")
		if s := h.e.Stats(); s.Servers != 1 { // the REGISTER's, for its copies
			t.Errorf("%d transactions", s.Servers)
		}
	})
}

func TestLadderTCP(t *testing.T) {
	stage(t, "tcp", nil, func(h *house, alice, bob *siptest.Phone) {
		h.serve = func(s *endpoint.Shard, tx *endpoint.ServerTx) {
			if tx.Request().Method == sip.INVITE {
				tx.Refuse(486, "")
				return
			}
			tx.Refuse(200, "")
		}
		alice.SendTCP(server, alice.Request(sip.OPTIONS, uri, 1))
		alice.Want("200")
		invite := alice.Request(sip.INVITE, uri, 2)
		alice.SendTCP(server, invite)
		alice.Want("486")
		// RFC 3261 §17.2.1: Timer G does not run on a stream, and Timer H ends the transaction.
		alice.Quiet(33 * time.Second)
		if s := h.e.Stats(); s.Servers != 0 {
			t.Errorf("%d left", s.Servers)
		}
	})
}

// The same INVITE comes twice by way of two proxies, and one that we sent comes back to us.
func TestLadderMerged(t *testing.T) {
	stage(t, "merged", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		bob.Want("INVITE")
		bob.Send(server, strings.Replace(invite, "Via:", "Via: SIP/2.0/UDP "+bob.Addr().String()+";branch="+bob.Branch()+";rport\r\nVia:", 1))
		bob.Want("482")
	})
	stage(t, "looped", nil, func(h *house, alice, bob *siptest.Phone) {
		h.relay(toBob, "")
		invite := alice.Request(sip.INVITE, uri, 1)
		alice.Send(server, invite)
		in := bob.Want("INVITE")
		back := strings.Replace(in.Text, "Via:", "Via: SIP/2.0/UDP "+bob.Addr().String()+";branch="+bob.Branch()+";rport\r\nVia:", 1)
		bob.Send(server, back)
		bob.Reply(in, "482 Loop Detected")
		bob.Want("482")
		bob.Want("ACK")
		alice.Send(server, alice.Ack(invite, alice.Want("482")))
	})
}

// A caller behind an address translator, without rport and with it, is answered where it is.
func TestLadderNAT(t *testing.T) {
	stage(t, "nat", nil, func(h *house, alice, bob *siptest.Phone) {
		h.serve = func(_ *endpoint.Shard, tx *endpoint.ServerTx) { tx.Refuse(200, "") }
		nat := h.Net().NAT(netip.MustParseAddr("192.0.2.77"), vnet.NATOptions{})
		dave := h.PhoneOn("dave", nat.Host(netip.MustParseAddr("10.0.0.4")), "10.0.0.4:5060", "192.0.2.77")
		dave.Send(server, dave.Request(sip.OPTIONS, uri, 1))
		res := dave.Want("200")
		if via, _ := res.Via(); via.Params == "" || !strings.Contains(string(via.Params), "received=192.0.2.77") {
			t.Errorf("%s", res.Text)
		}
	})
}
