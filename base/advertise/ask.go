package advertise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"santral/base/id"
	"santral/base/vnet"
)

const (
	stunRTO   = 500 * time.Millisecond // first retransmission, then doubled (RFC 8489 §6.2.1)
	stunTries = 7
	stunLast  = 16 * stunRTO // the wait after the last try
)

// Ask learns from a STUN server how the world sees a socket of ours at bound (a wildcard for any
// address). The server's name is resolved to an address of bound's family.
func Ask(ctx context.Context, network vnet.Net, bound netip.Addr, server string, random *id.Source) (netip.AddrPort, error) {
	to, err := find(ctx, network, bound, server)
	if err != nil {
		return netip.AddrPort{}, err
	}
	s, err := network.ListenUDP(netip.AddrPortFrom(bound, 0), vnet.Options{})
	if err != nil {
		return netip.AddrPort{}, err
	}
	var tx txid
	random.Bytes(tx[:])
	answers := make(chan netip.AddrPort, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		listen(s, tx, answers)
	}()
	defer func() {
		s.Close()
		<-done
	}()

	request := appendRequest(nil, tx)
	wait := stunRTO
	for try := 1; try <= stunTries; try++ {
		if err := s.WriteTo(request, to); err != nil && !errors.Is(err, vnet.ErrFull) {
			return netip.AddrPort{}, err
		}
		if try == stunTries {
			wait = stunLast
		}
		t := time.NewTimer(wait)
		select {
		case a := <-answers:
			t.Stop()
			return a, nil
		case <-ctx.Done():
			t.Stop()
			return netip.AddrPort{}, ctx.Err()
		case <-t.C:
		}
		wait *= 2
	}
	return netip.AddrPort{}, errors.New("no answer")
}

// listen reads until the socket is closed and passes on the answer to tx. An answer from anywhere
// is good: only who saw the request knows its number.
func listen(s vnet.UDP, tx txid, answers chan<- netip.AddrPort) {
	d := []vnet.Datagram{{B: make([]byte, 1500)}}
	for {
		if _, err := s.ReadBatch(d); err != nil {
			return
		}
		m, err := parseSTUN(d[0].B[:d[0].N])
		if err != nil || m.kind != bindingAnswer || m.tx != tx || !usable(m.mapped.Addr()) {
			continue
		}
		select {
		case answers <- m.mapped:
		default:
		}
	}
}

func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback()
}

func find(ctx context.Context, network vnet.Net, bound netip.Addr, server string) (netip.AddrPort, error) {
	host, text, err := net.SplitHostPort(server)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 {
		return netip.AddrPort{}, fmt.Errorf("port %q: want a number", text)
	}
	list, err := network.LookupIP(ctx, host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, a := range list {
		if a.Is4() == bound.Is4() {
			return netip.AddrPortFrom(a, uint16(port)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%s has no address of the family of %s", host, bound)
}
