package live

import (
	"context"
	"slices"
	"time"

	"santral/api"
	"santral/tenant"
)

// Listener gets the events that it asked for and may know of. One goroutine may read it.
type Listener struct {
	bus  *Bus
	key  string
	bell chan struct{} // has room for one

	// under the bus's lock
	who    api.Identity
	types  []string // nil for all
	none   bool     // nothing is wanted for now
	tenant string   // "" for all that it may know of
	queue  []*entry
	tapped bool
	err    error
}

// Listen begins to listen. With ask.Resume, what happened after ask.After comes first, as far as it is still there; an event
// "gap" says where it is not.
func (b *Bus) Listen(who api.Identity, ask api.Listening) (*Listener, error) {
	b.rouse()
	l := &Listener{bus: b, key: who.Kind + "\x00" + who.Tenant + "\x00" + who.Name, bell: make(chan struct{}, 1), who: who, types: ask.Types, tenant: ask.Tenant}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return nil, ErrClosed
	case len(b.listeners) >= mostOfAll || b.of[l.key] >= mostOfOne:
		return nil, ErrMany
	}
	b.awake.Store(true) // the bus may have begun to doze meanwhile
	if b.sleep != nil {
		b.sleep.Stop()
		b.sleep = nil
	}
	b.listeners[l] = struct{}{}
	b.of[l.key]++
	if ask.Resume {
		b.replayLocked(l, ask.After)
	}
	return l, nil
}

// replayLocked gives a listener what it has missed. What is more than waits for one listener is read by it from the ring's
// end: the gap says so.
func (b *Bus) replayLocked(l *Listener, after uint64) {
	if after >= b.next { // of another exchange, or made up
		l.queue = append(l.queue, gapOf(b.base, after, b.next))
		return
	}
	from := 0
	if after >= b.base {
		from, _ = slices.BinarySearchFunc(b.ring, after+1, func(e *entry, id uint64) int {
			switch {
			case e.ID < id:
				return -1
			case e.ID > id:
				return 1
			}
			return 0
		})
	}
	var missed []*entry
	for _, e := range b.ring[from:] {
		if l.wants(&e.Event) {
			missed = append(missed, e)
		}
	}
	cut := max(0, len(missed)-mostWaiting/2)
	if after < b.base || cut > 0 {
		first := b.base + 1
		if cut > 0 {
			first = missed[cut].ID
		}
		l.queue = append(l.queue, gapOf(first-1, after, first))
	}
	l.queue = append(l.queue, missed[cut:]...)
	if len(l.queue) > 0 {
		l.bell <- struct{}{}
	}
}

// wants reports whether a listener asked for an event and may know of it.
func (l *Listener) wants(e *api.Event) bool {
	if l.none || l.tenant != "" && l.tenant != e.Tenant || !api.Wanted(l.types, e.Type) {
		return false
	}
	return Sees(l.who, e)
}

// Sees reports whether an identity may know of an event: by its rights, and by where it happened.
func Sees(who api.Identity, e *api.Event) bool {
	least := tenant.RoleUser
	switch e.Type {
	case api.TrunkUp, api.TrunkDown, api.TrunkNearlyFull, api.RevisionApplied, api.AlarmRaised, api.AlarmCleared:
		least = tenant.RoleReporter
	}
	return who.May(api.EventResource(e.Type), false, least) && who.Within(e.Tenant, e.Places)
}

func (b *Bus) giveLocked(l *Listener, e *entry) {
	if len(l.queue) >= mostWaiting {
		b.dropped++
		b.endLocked(l, ErrSlow)
		return
	}
	l.queue = append(l.queue, e)
	l.ring()
}

func (l *Listener) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// endLocked takes a listener out; what waits for it is forgotten.
func (b *Bus) endLocked(l *Listener, why error) {
	if _, there := b.listeners[l]; !there {
		return
	}
	delete(b.listeners, l)
	if b.of[l.key]--; b.of[l.key] == 0 {
		delete(b.of, l.key)
	}
	l.err, l.queue = why, nil
	l.ring()
	if len(b.listeners) == 0 && !b.closed {
		b.sleep = time.AfterFunc(sleepy, b.doze)
	}
}

// Close ends listening.
func (l *Listener) Close() {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	l.bus.endLocked(l, ErrClosed)
}

// next waits for events until ctx ends or a time has passed; none and no error is that nothing has happened.
func (l *Listener) next(ctx context.Context, wait <-chan time.Time) ([]*entry, error) {
	for {
		l.bus.mu.Lock()
		list, err, tapped := l.queue, l.err, l.tapped
		l.queue, l.tapped = nil, false
		l.bus.mu.Unlock()
		if len(list) > 0 || err != nil || tapped {
			return list, err
		}
		select {
		case <-l.bell:
		case <-wait:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// tap has next return.
func (l *Listener) tap() {
	l.bus.mu.Lock()
	l.tapped = true
	l.bus.mu.Unlock()
	l.ring()
}

// judge has what a listener may know be by what it is now.
func (l *Listener) judge(who api.Identity) {
	l.bus.mu.Lock()
	l.who = who
	l.bus.mu.Unlock()
}

// mostTypes bounds the types and patterns that one listener asks for.
const mostTypes = 64

// add has a listener get more types; where it got all because it had named none, it gets these alone.
func (l *Listener) add(types []string, tenantID string) (now []string, ok bool) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	list := slices.Clone(l.types)
	for _, t := range types {
		if !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	if len(list) > mostTypes {
		return l.types, false
	}
	if l.none && len(types) == 0 {
		list = nil
	}
	l.types, l.none, l.tenant = list, false, tenantID
	return list, true
}

// remove has a listener no longer get types; none named are all.
func (l *Listener) remove(types []string) (now []string) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(l.types), func(t string) bool { return slices.Contains(types, t) })
	if len(types) == 0 {
		list = nil
	}
	l.types, l.none = list, len(list) == 0
	return list
}

// Waiting gives the events that wait for the listener now, and takes them.
func (l *Listener) Waiting() (list []api.Event) {
	l.bus.mu.Lock()
	defer l.bus.mu.Unlock()
	for _, e := range l.queue {
		list = append(list, e.Event)
	}
	l.queue = nil
	return list
}
