package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"santral/base/vnet"
)

// The kinds of records that are asked for.
const (
	typeA     = dns.TypeA
	typeAAAA  = dns.TypeAAAA
	typeSRV   = dns.TypeSRV
	typeNAPTR = dns.TypeNAPTR
)

const (
	maxAliases = 8    // CNAME records followed for one question
	maxRecords = 64   // kept of one answer
	roomUDP    = 1232 // octets that an answer over UDP may have: what passes everywhere unfragmented
	slowFor    = 30 * time.Second
	maxSlow    = 64
)

// ask puts a question to the name servers and follows its aliases to the end. The life of the answer is
// the shortest on the way.
func (r *Resolver) ask(ctx context.Context, q question) (*answer, error) {
	a := &answer{ttl: longest}
	name := q.name
	for range maxAliases {
		m, err := r.exchange(ctx, question{name, q.kind})
		if err != nil {
			return nil, err
		}
		next := a.take(m, name, q.kind)
		switch {
		case next == "":
			return nil, ErrAlias
		case a.full():
			return a, nil
		case next == name || m.Rcode == dns.RcodeNameError || negative(m):
			a.ttl = min(a.ttl, life(m))
			return a, nil
		}
		name = next // an alias whose end is in another answer
	}
	return nil, ErrAlias
}

func (a *answer) full() bool { return len(a.addrs)+len(a.srv)+len(a.naptr) > 0 }

// take follows the aliases within one answer and keeps the records at their end. It gives the name where
// it got to, "" when they do not end.
func (a *answer) take(m *dns.Msg, name string, kind uint16) string {
	for range maxAliases {
		alias := ""
		for _, rr := range m.Answer {
			h := rr.Header()
			if h.Class != dns.ClassINET || plain(h.Name) != name {
				continue
			}
			ttl := time.Duration(h.Ttl) * time.Second
			switch rr := rr.(type) {
			case *dns.CNAME:
				alias = plain(rr.Target)
				a.ttl = min(a.ttl, ttl)
			default:
				if h.Rrtype == kind && a.keep(rr) {
					a.ttl = min(a.ttl, ttl)
				}
			}
		}
		if a.full() || alias == "" || alias == name {
			return name
		}
		name = alias
	}
	return ""
}

// keep takes one record and reports whether it is of use.
func (a *answer) keep(rr dns.RR) bool {
	if len(a.addrs)+len(a.srv)+len(a.naptr) >= maxRecords {
		return false
	}
	switch rr := rr.(type) {
	case *dns.A:
		if addr, ok := netip.AddrFromSlice(rr.A.To4()); ok {
			a.addrs = append(a.addrs, addr)
			return true
		}
	case *dns.AAAA:
		if addr, ok := netip.AddrFromSlice(rr.AAAA); ok {
			a.addrs = append(a.addrs, addr.Unmap())
			return true
		}
	case *dns.SRV:
		a.srv = append(a.srv, srv{rr.Priority, rr.Weight, rr.Port, plain(rr.Target)})
		return true
	case *dns.NAPTR: // RFC 3263 §4.1: flag "s" leads to SRV records, and there is no regular expression
		if strings.EqualFold(rr.Flags, "s") && rr.Regexp == "" && plain(rr.Replacement) != "" {
			a.naptr = append(a.naptr, naptr{rr.Order, rr.Preference, strings.ToUpper(rr.Service), plain(rr.Replacement)})
			return true
		}
	}
	return false
}

// plain is a name as questions have it.
func plain(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// negative reports whether an answer says for certain that there is nothing (RFC 2308 §2).
func negative(m *dns.Msg) bool {
	for _, rr := range m.Ns {
		if _, ok := rr.(*dns.SOA); ok {
			return true
		}
	}
	return false
}

// life is how long it is believed that there is nothing: what the SOA record says, within our bound, and
// not at all without one (RFC 2308 §5).
func life(m *dns.Msg) time.Duration {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return min(time.Duration(min(soa.Minttl, soa.Hdr.Ttl))*time.Second, longestNone)
		}
	}
	return 0
}

// exchange gets one good answer: servers are asked in turn, those that were silent of late last, twice
// round. An answer that says that there is nothing is good; one of a server that can't say is not.
func (r *Resolver) exchange(ctx context.Context, q question) (*dns.Msg, error) {
	servers, conf := r.servers()
	wait := r.cfg.Wait
	if wait == 0 {
		wait = conf.wait
	}
	last := ErrNoHost
	for range conf.attempts {
		for _, server := range r.byHealth(servers) {
			try, cancel := context.WithTimeout(ctx, wait)
			m, err := r.question(try, server, q)
			cancel()
			if err == nil {
				return m, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			last = fmt.Errorf("%s: name server %s: %w", q.name, server, err)
			r.ail(server)
		}
	}
	return nil, last
}

// byHealth gives the servers in their order, those last that did not answer of late.
func (r *Resolver) byHealth(servers []netip.AddrPort) []netip.AddrPort {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.slow) == 0 {
		return servers
	}
	list := make([]netip.AddrPort, 0, len(servers))
	for _, ill := range [...]bool{false, true} {
		for _, s := range servers {
			if now.Before(r.slow[s]) == ill {
				list = append(list, s)
			}
		}
	}
	return list
}

func (r *Resolver) ail(server netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.slow) >= maxSlow {
		clear(r.slow)
	}
	r.slow[server] = time.Now().Add(slowFor)
}

// errServer is the answer of a server that can't or won't say.
var errServer = errors.New("can't say")

// question asks one server once: over UDP, over TCP when the answer did not fit, and without EDNS where the
// server does not know it.
func (r *Resolver) question(ctx context.Context, server netip.AddrPort, q question) (*dns.Msg, error) {
	for _, edns := range [...]bool{true, false} {
		m := new(dns.Msg)
		m.SetQuestion(dns.Fqdn(q.name), q.kind)
		m.Id = uint16(r.cfg.Random.Uint64())
		if edns {
			m.SetEdns0(roomUDP, false)
		}
		text, err := m.Pack()
		if err != nil {
			return nil, err
		}
		in, err := r.overUDP(ctx, server, m, text)
		if err == nil && in.Truncated {
			in, err = r.overTCP(ctx, server, m, text)
		}
		if err != nil {
			return nil, err
		}
		switch in.Rcode {
		case dns.RcodeSuccess, dns.RcodeNameError:
			return in, nil
		case dns.RcodeFormatError, dns.RcodeNotImplemented:
			if edns {
				continue
			}
		}
		return nil, fmt.Errorf("%w: %s", errServer, dns.RcodeToString[in.Rcode])
	}
	return nil, errServer
}

// overUDP sends a question from a port of its own and waits for what answers it; anything else that
// arrives there is somebody's forgery.
func (r *Resolver) overUDP(ctx context.Context, server netip.AddrPort, m *dns.Msg, text []byte) (*dns.Msg, error) {
	any := netip.IPv4Unspecified()
	if server.Addr().Is6() {
		any = netip.IPv6Unspecified()
	}
	sock, err := r.cfg.Net.ListenUDP(netip.AddrPortFrom(any, 0), vnet.Options{})
	if err != nil {
		return nil, err
	}
	defer sock.Close()
	defer context.AfterFunc(ctx, func() { sock.Close() })()
	if err := sock.WriteTo(text, server); err != nil {
		return nil, err
	}
	d := [1]vnet.Datagram{{B: make([]byte, 4096)}}
	for {
		n, err := sock.ReadBatch(d[:])
		if err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, err
		}
		if n == 0 || d[0].Addr != server {
			continue
		}
		if in := answers(m, d[0].B[:d[0].N]); in != nil {
			return in, nil
		}
	}
}

// overTCP asks again where an answer of any length fits (RFC 7766).
func (r *Resolver) overTCP(ctx context.Context, server netip.AddrPort, m *dns.Msg, text []byte) (*dns.Msg, error) {
	c, err := r.cfg.Net.DialTCP(ctx, netip.Addr{}, server)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(text))), text...)); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil, err
	}
	if in := answers(m, b); in != nil && !in.Truncated {
		return in, nil
	}
	return nil, errServer
}

// answers reads a message and gives it when it answers the question: the same number, name and kind. Where
// only the tail is torn, what came before it counts as a cut answer.
func answers(m *dns.Msg, b []byte) *dns.Msg {
	in := new(dns.Msg)
	err := in.Unpack(b)
	if err != nil && !in.Truncated || !in.Response || in.Id != m.Id || in.Opcode != dns.OpcodeQuery || len(in.Question) != 1 {
		return nil
	}
	asked, said := m.Question[0], in.Question[0]
	if said.Qtype != asked.Qtype || said.Qclass != asked.Qclass || !strings.EqualFold(said.Name, asked.Name) {
		return nil
	}
	return in
}
