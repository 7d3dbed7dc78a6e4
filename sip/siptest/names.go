package siptest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"santral/base/vnet"
)

// Names is a name server of a test, over UDP and TCP. It answers out of one zone text, with the TTLs that
// stand there, and with the SOA record of the text for what there is not.
type Names struct {
	t    testing.TB
	addr netip.AddrPort
	udp  vnet.UDP
	tcp  net.Listener

	mu      sync.Mutex
	records []dns.RR
	asked   map[string]int
	tcps    int
	silent  bool
	rcode   int
	cut     bool
}

// StartNames starts a name server on a network, such as a host of a Stage's, at an address. zone is in the
// form of RFC 1035 §5, names with their last dot.
func StartNames(t testing.TB, network vnet.Net, at netip.AddrPort, zone string) *Names {
	t.Helper()
	n := &Names{t: t, asked: map[string]int{}}
	n.Set(zone)
	var err error
	if n.udp, err = network.ListenUDP(at, vnet.Options{}); err != nil {
		t.Fatal(err)
	}
	n.addr = n.udp.LocalAddr()
	if n.tcp, err = network.ListenTCP(n.addr); err != nil {
		t.Fatal(err)
	}
	var going sync.WaitGroup
	going.Go(n.serveUDP)
	going.Go(func() { n.serveTCP(&going) })
	t.Cleanup(func() {
		n.udp.Close()
		n.tcp.Close()
		going.Wait()
	})
	return n
}

// Addr is where the server answers.
func (n *Names) Addr() netip.AddrPort { return n.addr }

// Set gives it another zone.
func (n *Names) Set(zone string) {
	n.t.Helper()
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	var list []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		list = append(list, rr)
	}
	if err := p.Err(); err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	n.records = list
	n.mu.Unlock()
}

// Mute makes it hear everything and answer nothing, or ends that.
func (n *Names) Mute(silent bool) {
	n.mu.Lock()
	n.silent = silent
	n.mu.Unlock()
}

// Fail makes it answer everything with a code of RFC 1035 §4.1.1, such as dns.RcodeServerFailure; 0 ends
// that.
func (n *Names) Fail(rcode int) {
	n.mu.Lock()
	n.rcode = rcode
	n.mu.Unlock()
}

// Cut makes every answer over UDP one that did not fit.
func (n *Names) Cut() {
	n.mu.Lock()
	n.cut = true
	n.mu.Unlock()
}

// Asked gives how often a question came, such as "bob.example. SRV", over UDP and TCP.
func (n *Names) Asked(question string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked[question]
}

// Connections gives how many came over TCP.
func (n *Names) Connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tcps
}

// Say sends any octets from where the server answers.
func (n *Names) Say(b []byte, to netip.AddrPort) { n.udp.WriteTo(b, to) }

func (n *Names) serveUDP() {
	d := [1]vnet.Datagram{{B: make([]byte, 2048)}}
	for {
		got, err := n.udp.ReadBatch(d[:])
		if err != nil {
			return
		}
		if got == 0 {
			continue
		}
		if text := n.answer(d[0].B[:d[0].N], false); text != nil {
			n.udp.WriteTo(text, d[0].Addr)
		}
	}
}

func (n *Names) serveTCP(going *sync.WaitGroup) {
	for {
		c, err := n.tcp.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				n.t.Error(err)
			}
			return
		}
		n.mu.Lock()
		n.tcps++
		n.mu.Unlock()
		going.Go(func() {
			defer c.Close()
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			if text := n.answer(b, true); text != nil {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...))
			}
		})
	}
}

// answer makes the answer to a question, nil for none.
func (n *Names) answer(b []byte, stream bool) []byte {
	q := new(dns.Msg)
	if q.Unpack(b) != nil || len(q.Question) != 1 {
		return nil
	}
	ask := q.Question[0]
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[strings.ToLower(ask.Name)+" "+dns.TypeToString[ask.Qtype]]++
	if n.silent {
		return nil
	}
	m := new(dns.Msg)
	m.SetRcode(q, n.rcode)
	m.RecursionAvailable = true
	if n.rcode == 0 {
		n.fillLocked(m, ask)
	}
	room := dns.MinMsgSize
	if e := q.IsEdns0(); e != nil {
		m.SetEdns0(e.UDPSize(), false)
		room = int(e.UDPSize())
	}
	if n.cut && !stream {
		m.Answer, m.Truncated = nil, true
	} else if !stream {
		m.Truncate(room)
	}
	text, err := m.Pack()
	if err != nil {
		n.t.Error(err)
		return nil
	}
	return text
}

// fillLocked puts in what the zone knows, aliases followed.
func (n *Names) fillLocked(m *dns.Msg, ask dns.Question) {
	name, known := ask.Name, false
	for range 10 {
		alias := ""
		for _, rr := range n.records {
			h := rr.Header()
			if strings.HasSuffix(strings.ToLower(h.Name), "."+strings.ToLower(name)) {
				known = true // an empty name between others
			}
			if !strings.EqualFold(h.Name, name) {
				continue
			}
			known = true
			if c, ok := rr.(*dns.CNAME); ok && ask.Qtype != dns.TypeCNAME {
				m.Answer, alias = append(m.Answer, rr), c.Target
			} else if h.Rrtype == ask.Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if alias == "" {
			break
		}
		name, known = alias, false
	}
	if len(m.Answer) >= 10 {
		return // aliases in a ring
	}
	if last := len(m.Answer); last > 0 && m.Answer[last-1].Header().Rrtype == ask.Qtype {
		return
	}
	if !known {
		m.Rcode = dns.RcodeNameError
	}
	for _, rr := range n.records {
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
			return
		}
	}
}
