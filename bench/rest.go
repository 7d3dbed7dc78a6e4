//go:build linux

package main

import (
	"fmt"
	"time"

	"santral/test/load"
)

// memory measures what a call with media and what a registration add to the process's resident
// memory, collector's slack included. Each time with new processes.
func (b *bench) memory() error {
	const calls = 1000
	var ours, peers series
	for range b.rounds {
		x, err := b.santral(accounts, ourPorts)
		if err != nil {
			return err
		}
		err = x.enrol(accounts / 2)
		var s streamed
		if err == nil {
			s, err = b.stream(x, calls, 2*time.Second)
		}
		x.stop()
		if err != nil {
			return err
		}
		ours.add(float64(s.during-s.before) / calls / 1024)
		peer, err := b.rtpengine()
		if err != nil {
			return err
		}
		if peer == nil {
			continue
		}
		s, err = b.streamPeer(peer, calls, 2*time.Second)
		peer.stop()
		if err != nil {
			return err
		}
		peers.add(float64(s.during-s.before) / calls / 1024)
	}
	b.table.add(against(fmt.Sprintf("memory of a call with media, %d calls", calls), &ours, "%.1f", "KB", 40, "rtpengine", &peers, 0))
	return b.registrations()
}

func (b *bench) registrations() error {
	users := 80_000
	if b.short {
		users = 20_000
	}
	var ours, peers series
	for range b.rounds {
		x, err := b.santral(users, ourPorts)
		if err != nil {
			return err
		}
		if err := b.grow(x, users, &ours); err != nil {
			return err
		}
		peer, err := b.kamailio(users)
		if err != nil {
			return err
		}
		if peer == nil {
			continue
		}
		if err := b.grow(peer, users, &peers); err != nil {
			return err
		}
	}
	b.table.add(against(fmt.Sprintf("memory of a registration, %d of them", users), &ours, "%.2f", "KB", 1, "Kamailio", &peers, 0))
	return nil
}

// grow registers everybody, tells how much memory that took, and stops the exchange.
func (b *bench) grow(x *exchange, users int, s *series) error {
	defer x.stop()
	// The machinery of registering has its memory before the first measured one.
	if err := x.enrol(500); err != nil {
		return err
	}
	before, err := x.memory()
	if err != nil {
		return err
	}
	r, err := load.Registers{Server: x.sip, Users: numbers(0, users), Password: password, Contact: x.answer, Rate: 5000, Count: users}.Run()
	if err != nil {
		return err
	}
	after, err := x.memory()
	if err != nil {
		return err
	}
	s.add(float64(after-before) / float64(users-500) / 1024)
	spoiled(s, r)
	b.say("%s: %d registrations: %.2f KB each, %d MB before, %d MB after", x.name, users, float64(after-before)/float64(users-500)/1024, before>>20, after>>20)
	return nil
}

// start measures the time from a process's start to its first answer.
func (b *bench) start() error {
	var ours, peers series
	for range max(3, 2*b.rounds) {
		began := time.Now()
		x, out, err := b.open(10, ourPorts)
		if err != nil {
			return err
		}
		drain(out)
		at, err := options(x.sip, began.Add(patience))
		if err != nil {
			return x.failed(err)
		}
		x.stop()
		ours.add(float64(at.Sub(began)) / 1e6)
		b.say("%s: %.0f ms", x.name, float64(at.Sub(began))/1e6)
		began = time.Now()
		peer, err := b.kamailio(10)
		if err != nil {
			return err
		}
		if peer != nil {
			peers.add(float64(peer.served.Sub(began)) / 1e6)
			peer.stop()
		}
	}
	b.table.add(against("start to the first answered OPTIONS", &ours, "%.0f", "ms", 100, "Kamailio", &peers, 0))
	return nil
}
