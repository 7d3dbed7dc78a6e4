package server

import (
	"net"
	"net/netip"
	"net/url"

	"santral/api/order"
)

// office carries out orders.
func (s *server) office() *order.Office {
	return order.New(order.Config{Book: s.book, Links: s.records.db, Access: s.phoneAccess})
}

// phoneAccess is how a phone of a tenant reaches us that knows nothing of us yet: over TLS where a public authority vouches for
// us, since a phone trusts no authority of our own before it is told to. Where we listen at every address it is told the tenant's first domain.
func (s *server) phoneAccess(tenantID string) (a order.Access) {
	if t := s.current.Load().Tenant(tenantID); t != nil && len(t.Domains) > 0 {
		a.Domain, a.Realm = t.Domains[0], t.Realm
	}
	var told Ready
	s.tell(&told)
	first := s.boot.Listen[0]
	a.Proxy, a.Transport, a.Web = reachable(first.Address.String(), a.Domain), first.Transport, told.HTTP
	if vouched := told.Authority == ""; vouched && told.TLS != "" {
		a.Proxy, a.Transport = told.TLS, "tls"
	}
	if u, err := url.Parse(told.HTTP); err == nil {
		at, _ := netip.ParseAddrPort(u.Host)
		if told.HTTPS != "" && (told.Authority == "" || at.Addr().IsLoopback() && !first.Address.Addr().IsLoopback()) {
			a.Web = told.HTTPS
		} else {
			u.Host = reachable(u.Host, a.Domain)
			a.Web = u.String()
		}
	}
	return a
}

// reachable is an address of ours as others reach it: by name, where it stands for every address of this machine.
func reachable(address, name string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsUnspecified() || name == "" {
		return address
	}
	_, port, _ := net.SplitHostPort(address)
	return net.JoinHostPort(name, port)
}
