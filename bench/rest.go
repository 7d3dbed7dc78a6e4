//go:build linux

package main

import (
	"fmt"
	"time"

	"santral/media/srtp"
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
			s, err = b.stream(x, calls, 2*time.Second, srtp.UnknownSuite)
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

// Registrations are measured under way: the same traffic goes on before and behind the first
// measurement, first of a few phones that refresh and then of phones that are new. So transactions
// and the collector's slack weigh the same in both, and what is between them is the bindings.
const (
	growRate  = 4000
	plateau   = 34 * time.Second // a little more than a transaction is remembered (64·T1)
	refreshed = 500              // phones that refresh
)

func (b *bench) registrations() error {
	if b.short {
		return nil // the level is reached only after half a minute
	}
	const users = 60_000
	var ours, peers series
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
	if peer != nil {
		if err := b.grow(peer, users, &peers); err != nil {
			return err
		}
	}
	b.table.add(against(fmt.Sprintf("memory of a registration, %d of them", users-refreshed), &ours, "%.2f", "KB", 1, "Kamailio", &peers, 0))
	return nil
}

// grow registers everybody, tells how much memory that took, and stops the exchange.
func (b *bench) grow(x *exchange, users int, s *series) error {
	defer x.stop()
	register := func(names []string, n int) (int, error) {
		r, err := load.Registers{Server: x.sip, Users: names, Password: password, Contact: x.answer, Rate: growRate, Count: n}.Run()
		if err != nil {
			return 0, err
		}
		spoiled(s, r)
		return x.memory()
	}
	before, err := register(numbers(0, refreshed), growRate*int(plateau/time.Second))
	if err != nil {
		return err
	}
	after, err := register(numbers(refreshed, users-refreshed), users-refreshed)
	if err != nil {
		return err
	}
	each := float64(after-before) / float64(users-refreshed) / 1024
	s.add(each)
	b.say("%s: %d registrations: %.2f KB each, %d MB before, %d MB after", x.name, users-refreshed, each, before>>20, after>>20)
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
