package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"santral/access"
	"santral/api/rest"
	"santral/sip"
)

// allowFile is where the networks stand that were allowed while the exchange ran.
const allowFile = "allow.json"

// maxAllowed bounds them.
const maxAllowed = 1000

// allowed is the list of networks that are never banned: those of the boot file, and those that came by
// the API, which survive a restart.
type allowed struct {
	mu    sync.Mutex
	file  string
	boot  []netip.Prefix
	added []netip.Prefix
	guard *access.Guard
}

// openAllowed reads what was kept and tells the guard.
func (s *server) openAllowed() error {
	a := &allowed{file: filepath.Join(s.boot.Data, allowFile), boot: s.boot.Allow, guard: s.guard}
	text, err := os.ReadFile(a.file)
	if err == nil {
		err = json.Unmarshal(text, &a.added)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read the networks that are never banned: %w", err)
	}
	s.allowed = a
	a.applyLocked()
	return nil
}

func (a *allowed) applyLocked() { a.guard.Allow(append(slices.Clone(a.boot), a.added...)) }

// list gives all of them, those of the boot file first.
func (a *allowed) list() (list []rest.Allowed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.boot {
		list = append(list, rest.Allowed{Source: p.String(), Boot: true})
	}
	for _, p := range a.added {
		list = append(list, rest.Allowed{Source: p.String()})
	}
	return list
}

// add allows a network from now on.
func (a *allowed) add(p netip.Prefix) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p = p.Masked()
	switch {
	case slices.Contains(a.boot, p) || slices.Contains(a.added, p):
		return nil
	case len(a.added) >= maxAllowed:
		return rest.ErrTooMany
	}
	return a.keepLocked(append(slices.Clone(a.added), p))
}

// remove ends what add began; false when the API did not allow it.
func (a *allowed) remove(p netip.Prefix) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.added, p.Masked())
	if i < 0 {
		return false, nil
	}
	return true, a.keepLocked(slices.Delete(slices.Clone(a.added), i, i+1))
}

// keepLocked writes the list down before it counts.
func (a *allowed) keepLocked(list []netip.Prefix) error {
	text, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(a.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(a.file+".new", a.file)
	}
	if err != nil {
		return fmt.Errorf("keep the networks that are never banned: %w", err)
	}
	a.added = list
	a.applyLocked()
	return nil
}

// admit judges a new connection, and the HTTP request of a WebSocket, by its address (transport.Config.Gate).
// What a banned source sends on a connection that is open, and by datagrams, is thrown away by receive.
func (s *server) admit(src netip.Addr, _ sip.Transport, octets int) bool {
	if octets > 0 || s.guard.Admit(src, time.Now()) {
		return true
	}
	s.traffic.banned.Add(1)
	return false
}

// unban lifts the ban of an address with its port, or of an address's connections.
func (s *server) unban(source string) bool {
	if a, err := netip.ParseAddr(source); err == nil {
		return s.guard.Unban(netip.AddrPortFrom(a, 0))
	}
	from, err := netip.ParseAddrPort(source)
	return err == nil && s.guard.Unban(from)
}
