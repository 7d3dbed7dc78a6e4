//go:build linux

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"santral/test/load"
)

const (
	secureLines = 20    // TLS connections of each side of the calls
	idleFlows   = 20000 // as many as the exchange takes
	spareFiles  = 200   // that are no connections
)

// trust is what a client checks the exchange's certificate by.
func (x *exchange) trust() (*tls.Config, error) {
	text, err := os.ReadFile(filepath.Join(x.data, "ca.pem"))
	if err != nil {
		return nil, fmt.Errorf("read the exchange's authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", ClientSessionCache: tls.NewLRUClientSessionCache(64)}, nil
}

// secure measures a call over TLS next to one over UDP, and the memory of idle TLS connections.
func (b *bench) secure() error {
	var udp, over series
	x, err := b.santral(accounts, allPorts)
	if err != nil {
		return err
	}
	defer func() { x.stop() }()
	if err := x.enrol(accounts / 2); err != nil {
		return err
	}
	trust, err := x.trust()
	if err != nil {
		return err
	}
	const rate = 500
	for range b.rounds {
		r, w, err := b.calls(x, rate)
		if err != nil {
			return err
		}
		plain := w.cpu.Seconds() * 1e6 / float64(max(1, r.Done))
		udp.add(plain)
		spoiled(&udp, r)
		// The callees have numbers of their own, so that each rings over TLS alone.
		run := load.Calls{
			Callers: numbers(0, accounts/4), Callees: numbers(accounts/4, accounts/4), Rate: rate, Count: rate * int(b.span/time.Second), Password: password,
			TLS: &load.TLS{Server: x.tls, Config: trust, Connections: secureLines},
		}
		var m meter
		run.Ready = func() { m = b.meter(x.process) }
		if r, err = run.Run(); err != nil {
			return err
		}
		w = m.read()
		secure := w.cpu.Seconds() * 1e6 / float64(max(1, r.Done))
		over.add(secure)
		spoiled(&over, r)
		b.say("TLS: %d calls/s: %.1f µs, UDP %.1f µs, core %.0f %%, others %.0f %%, %d failed (%s), set-up p50 %s p99 %s", rate, secure, plain,
			100*w.share(), 100*w.others, r.Failed, reasons(r), r.Percentile(50), r.Percentile(99))
	}
	r := against(fmt.Sprintf("call over TLS, the handshakes done, at %d/s: CPU", rate), &over, "%.0f", "µs", math.MaxInt32, "UDP", &udp, 1.5)
	r.must = "≤ 1.50 of UDP's"
	b.table.add(r)
	return b.idle()
}

// idle measures the memory of idle TLS connections.
func (b *bench) idle() error {
	count := idleFlows
	var files unix.Rlimit // ours, and the exchange's too
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
		return fmt.Errorf("open files: %w", err)
	}
	if most := int(files.Max) - spareFiles; most < count {
		b.say("only %d connections: this machine allows %d open files", most, files.Max)
		count = most
	}
	if b.short {
		count = 2000
	}
	var rss series
	for range min(b.rounds, 2) {
		x, err := b.santral(10, ourPorts)
		if err != nil {
			return err
		}
		trust, err := x.trust()
		var before, during int
		var opening time.Duration
		if err == nil {
			if before, err = x.memory(); err == nil {
				opening, err = load.Idle{
					TLS: load.TLS{Server: x.tls, Config: trust, Connections: count}, Sources: 100, Time: b.span,
					During: func() { during, _ = x.memory() },
				}.Run()
			}
		}
		x.stop()
		if err != nil {
			return err
		}
		rss.add(float64(during) / (1 << 20))
		b.say("%d idle TLS connections: %.0f MB, %.1f KB each above %.0f MB, opened in %s", count, float64(during)/(1<<20), float64(during-before)/float64(count)/1024, float64(before)/(1<<20), opening)
	}
	b.table.add(against(fmt.Sprintf("memory of the exchange with %d idle TLS connections", count), &rss, "%.0f", "MB", 400, "", nil, 0))
	return nil
}
