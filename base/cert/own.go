package cert

import (
	"context"
	"crypto/tls"
	"net/netip"
	"sync/atomic"
	"time"
)

// own keeps a certificate of our own authority. It lives in memory: a restart makes another one, which
// whoever trusts the authority takes as well.
type own struct {
	authority *Authority
	names     []string
	addrs     []netip.Addr
	current   atomic.Pointer[tls.Certificate]
}

// Own keeps a certificate for names and addrs that the authority of folder signs. It is renewed when a
// third of its life is left.
func Own(a *Authority, names []string, addrs []netip.Addr) (Keeper, error) {
	o := &own{authority: a, names: names, addrs: addrs}
	return o, o.Reload()
}

// Get implements Keeper.
func (o *own) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return o.current.Load(), nil
}

// Reload implements Keeper: it signs a new one.
func (o *own) Reload() error {
	c, err := o.authority.Issue(o.names, o.addrs, leafLife)
	if err != nil {
		return err
	}
	o.current.Store(c)
	return nil
}

// renewRetry is how long a failed renewal is left alone.
const renewRetry = time.Hour

// Run implements Keeper.
func (o *own) Run(ctx context.Context, note func(string, error)) {
	for {
		wait := time.Until(o.current.Load().Leaf.NotAfter.Add(-leafLife / 3))
		t := time.NewTimer(max(wait, 0))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
		err := o.Reload()
		tell(note, "certificate renewed", err)
		if err == nil {
			continue
		}
		t.Reset(renewRetry)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}
