package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"time"

	"santral/api"
	"santral/service/alarm"
	"santral/service/trunk"
	"santral/tenant"
)

// Times of what is looked at again and again.
const (
	trunksEach   = 2 * time.Second
	databaseEach = 10 * time.Second
	certEach     = time.Hour
	certSoon     = 14 * 24 * time.Hour
)

// startWatch begins to look once everything is open, and ends before anything is closed.
func (s *server) startWatch() {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.watch(ctx)
	}()
	s.later(func() {
		stop()
		<-done
	})
}

// watch looks at what tells of no change by itself: trunks, the database, certificates.
func (s *server) watch(ctx context.Context) {
	up, seen := map[accountKey]trunkSeen{}, s.current.Load()
	trunks, database, certs := time.NewTicker(trunksEach), time.NewTicker(databaseEach), time.NewTicker(certEach)
	defer trunks.Stop()
	defer database.Stop()
	defer certs.Stop()
	first := time.After(trunksEach)
	for {
		select {
		case <-ctx.Done():
			return
		case <-trunks.C:
			s.watchTrunks(up)
			if now := s.current.Load(); now != seen {
				seen = now
				s.bus.Look()
				s.hooks.Load().Look()
			}
		case <-database.C:
			s.watchDatabase(ctx)
		case <-first:
			s.watchCertificate()
		case <-certs.C:
			s.watchCertificate()
		}
	}
}

// trunkSeen is what was told of a trunk last.
type trunkSeen struct{ down, refused bool }

// begins reports a trunk that registers and has no answer yet: nothing is known of it.
func begins(state string) bool {
	return state == trunk.Registering.String() || state == trunk.NotRegistered.String()
}

// watchTrunks tells of trunks whose calls are no longer tried, and of those that are again.
func (s *server) watchTrunks(seen map[accountKey]trunkSeen) {
	there := map[accountKey]bool{}
	for _, k := range s.trunks.List() {
		owner := ownerOf(k.Noun)
		key := accountKey{owner, k.Noun.Name}
		there[key] = true
		was := seen[key]
		now := trunkSeen{down: !k.Up, refused: k.Registration.Fault == trunk.AuthFailed || k.Registration.Fault == trunk.Refused}
		if begins(k.State) && !k.Up { // it tries again: what it was told to be holds until it is known
			now = was
		}
		seen[key] = now
		why := k.State
		if k.Registration.Status != 0 {
			why = fmt.Sprintf("%s, %d %s", why, k.Registration.Status, k.Registration.Reason)
		}
		switch {
		case now.refused && !was.refused:
			s.alarms.Raise(alarm.TrunkRefused, owner, k.Noun.Name, why)
		case was.refused && !now.refused:
			s.alarms.Clear(alarm.TrunkRefused, owner, k.Noun.Name)
		}
		switch {
		case now.down && !was.down:
			s.alarms.Raise(alarm.TrunkDown, owner, k.Noun.Name, why)
			s.tellTenant(api.TrunkDown, owner, api.TrunkEvent{Trunk: k.Noun.Name, State: k.State, Reason: why})
		case was.down && !now.down:
			s.alarms.Clear(alarm.TrunkDown, owner, k.Noun.Name)
			s.tellTenant(api.TrunkUp, owner, api.TrunkEvent{Trunk: k.Noun.Name, State: k.State})
		}
	}
	for key := range seen {
		if !there[key] {
			delete(seen, key)
			s.alarms.Clear(alarm.TrunkDown, key.tenant, key.account)
			s.alarms.Clear(alarm.TrunkRefused, key.tenant, key.account)
			s.alarms.Clear(alarm.TrunkFull, key.tenant, key.account)
		}
	}
}

// watchDatabase asks whether the database answers.
func (s *server) watchDatabase(ctx context.Context) {
	ctx, stop := context.WithTimeout(ctx, databaseEach/2)
	defer stop()
	if err := s.records.db.Ping(ctx); err != nil {
		s.alarms.Raise(alarm.DatabaseAway, tenant.OperatorID, "", err.Error())
		return
	}
	s.alarms.Clear(alarm.DatabaseAway, tenant.OperatorID, "")
}

// watchCertificate looks how long our certificate holds.
func (s *server) watchCertificate() {
	if s.certs.keeper == nil {
		return
	}
	c, err := s.certs.keeper.Get(&tls.ClientHelloInfo{ServerName: s.certs.name})
	if err != nil || len(c.Certificate) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return
	}
	if left := time.Until(leaf.NotAfter); left < certSoon {
		s.alarms.Raise(alarm.Certificate, tenant.OperatorID, s.certs.name, leaf.NotAfter.UTC().Format("2006-01-02"))
		return
	}
	s.alarms.Clear(alarm.Certificate, tenant.OperatorID, s.certs.name)
}
