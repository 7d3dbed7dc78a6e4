package resolve

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"santral/base/id"
	"santral/sip"
)

// place is a host that a request may go to, before its addresses are known.
type place struct {
	transport sip.Transport
	host      string
	port      uint16 // 0: the transport's own
}

// srv is one SRV record, naptr one NAPTR record that leads to SRV records.
type srv struct {
	priority, weight, port uint16
	target                 string // lower case, without the last dot; "" where the service is refused
}

type naptr struct {
	order, preference uint16
	service           string // upper case
	replacement       string // lower case, without the last dot
}

// places follows RFC 3263 §4.1 and §4.2: which transport and which hosts a name stands for.
func (r *Resolver) places(ctx context.Context, g goal) ([]place, error) {
	t := g.transport
	if t == sip.UnknownTransport {
		t = r.usual()
	}
	alone := []place{{t, g.host, g.port}}
	servers, _ := r.servers()
	if g.port != 0 || len(servers) == 0 || r.files.lookup(g.host) != nil || !strings.Contains(g.host, ".") {
		return alone, nil // a name with a port, or one of this house's own, is a host
	}
	host := strings.ToLower(strings.TrimSuffix(g.host, "."))
	if g.asked {
		list, refused, err := r.services(ctx, host, t)
		return choose(list, alone, refused, err, ctx)
	}
	if list, err := r.pointed(ctx, host, g.secure); len(list) > 0 || ctx.Err() != nil {
		return list, cmp.Or(ctx.Err(), err)
	}
	// RFC 3263 §4.1: without NAPTR records every transport that we have is asked for.
	all := []sip.Transport{sip.UDP, sip.TCP, sip.TLS}
	if g.secure {
		all = []sip.Transport{g.transport}
	}
	all = slices.DeleteFunc(all, func(t sip.Transport) bool { return !r.has(t) })
	found := make([][]place, len(all))
	refused := make([]bool, len(all))
	errs := make([]error, len(all))
	together(len(all), func(i int) { found[i], refused[i], errs[i] = r.services(ctx, host, all[i]) })
	var list []place
	no := false
	for i := range all {
		list, no = append(list, found[i]...), no || refused[i]
	}
	return choose(list, alone, no, nil, ctx)
}

// choose takes what SRV records led to, else the host itself. A server that can't be asked for SRV may
// still know an address, so that its failure is none yet.
func choose(list, alone []place, refused bool, err error, ctx context.Context) ([]place, error) {
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrBusy):
		return nil, err
	case len(list) > maxPlaces:
		return list[:maxPlaces], nil
	case len(list) > 0:
		return list, nil
	case refused:
		return nil, ErrRefused
	}
	return alone, nil
}

// pointed gives the places that a domain's NAPTR records lead to: of those for a transport that we have,
// the ones with the lowest order, by preference (RFC 3263 §4.1, RFC 3403 §4.1).
func (r *Resolver) pointed(ctx context.Context, host string, secure bool) ([]place, error) {
	a, err := r.get(ctx, question{host, typeNAPTR})
	if err != nil {
		return nil, err
	}
	var fit []naptr
	for _, n := range a.naptr {
		if t := offered(n.service, secure); t != sip.UnknownTransport && r.has(t) {
			fit = append(fit, n)
		}
	}
	slices.SortStableFunc(fit, func(a, b naptr) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	})
	var list []place
	for _, n := range fit {
		if n.order != fit[0].order {
			break
		}
		found, err := r.targets(ctx, n.replacement, offered(n.service, secure))
		if err == nil {
			list = append(list, found...)
		}
		if len(list) > maxPlaces {
			return list[:maxPlaces], nil
		}
	}
	return list, nil
}

// offered is the transport of a NAPTR service (RFC 3263 §4.1, RFC 7118 §10.4): a sips URI goes by secure
// ones alone.
func offered(service string, secure bool) sip.Transport {
	switch {
	case service == "SIPS+D2T":
		return sip.TLS
	case service == "SIPS+D2W":
		return sip.WSS
	case secure:
	case service == "SIP+D2U":
		return sip.UDP
	case service == "SIP+D2T":
		return sip.TCP
	case service == "SIP+D2W":
		return sip.WS
	}
	return sip.UnknownTransport
}

// services gives the places of a domain's SRV records for a transport (RFC 3263 §4.2). refused: the domain
// says that it has no such service.
func (r *Resolver) services(ctx context.Context, host string, t sip.Transport) (list []place, refused bool, err error) {
	prefix := ""
	switch t {
	case sip.UDP:
		prefix = "_sip._udp."
	case sip.TCP:
		prefix = "_sip._tcp."
	case sip.TLS:
		prefix = "_sips._tcp."
	default:
		return nil, false, nil // RFC 7118 §5.3 names no SRV of its own
	}
	list, err = r.targets(ctx, prefix+host, t)
	return list, errors.Is(err, ErrRefused), err
}

// targets gives the places of the SRV records at a name, in an order drawn for this time.
func (r *Resolver) targets(ctx context.Context, name string, t sip.Transport) ([]place, error) {
	a, err := r.get(ctx, question{name, typeSRV})
	if err != nil {
		return nil, err
	}
	var list []place
	for _, s := range draw(a.srv, r.cfg.Random) {
		if s.target != "" {
			list = append(list, place{t, s.target, s.port})
		}
	}
	if len(list) == 0 && len(a.srv) > 0 {
		return nil, ErrRefused
	}
	return list, nil
}

// draw orders SRV records by priority, and those of one priority by chance: each has the chance of its
// weight among those that are left, and those without weight nearly none (RFC 2782).
func draw(records []srv, random *id.Source) []srv {
	list := slices.Clone(records)
	slices.SortStableFunc(list, func(a, b srv) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1)))
	})
	for i := range list {
		sum, end := uint64(0), i
		for end < len(list) && list[end].priority == list[i].priority {
			sum += uint64(list[end].weight)
			end++
		}
		if sum == 0 || end-i == 1 {
			continue
		}
		mark := random.Uint64() % (sum + 1)
		for j, running := i, uint64(0); j < end; j++ {
			if running += uint64(list[j].weight); running >= mark {
				won := list[j]
				copy(list[i+1:j+1], list[i:j]) // the others keep their order
				list[i] = won
				break
			}
		}
	}
	return list
}
