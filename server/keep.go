package server

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"santral/api/rest"
	"santral/service/alarm"
	"santral/service/cdr"
	"santral/service/feed"
	"santral/service/mail"
	"santral/service/report"
	"santral/store"
	"santral/tenant"
)

// keeping is what is done with records besides making them: old ones are archived, reports mailed, others told, and every night it is proved that
// they are what the ledger says.
type keeping struct {
	blobs   store.Blobs
	nats    *feed.Publisher
	proving sync.Mutex

	mu    sync.Mutex // a leaf
	proof *cdr.Proof
}

// keepRecords begins all of it.
func (s *server) keepRecords() error {
	blobs, err := s.blobs(filepath.Join(s.boot.Data, "archives"), &s.boot.Recordings.S3)
	if err != nil {
		return fmt.Errorf("open the archives of records: %w", err)
	}
	s.keeping.blobs = blobs
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	archivist := &cdr.Archivist{Tables: s.records.db, Blobs: blobs, Keep: s.retention, Log: s.log}
	all.Go(func() { archivist.Run(ctx) })
	mailer := report.NewMailer(report.MailerConfig{Orders: s.reportOrders, Records: s.records, Sent: s.records.db, Post: s.postReport, Log: s.log})
	all.Go(func() { mailer.Run(ctx) })
	all.Go(func() { s.proveNightly(ctx) })
	if n := s.boot.NATS; n.URL != "" {
		s.keeping.nats = feed.NewPublisher(feed.NATS{URL: n.URL, Subject: n.Subject, Stream: n.Stream, User: n.User, Password: n.Password, Token: n.Token, Credentials: n.Credentials, Authority: n.Authority})
		all.Go(func() {
			feed.Run(ctx, feed.Config{Feeds: s.records.db, Log: s.log, State: s.feedState}, feed.Target{Name: "nats", Send: s.keeping.nats.Send})
		})
	}
	s.later(func() {
		stop()
		all.Wait()
		if s.keeping.nats != nil {
			s.keeping.nats.Close()
		}
	})
	return nil
}

// feedState tells of a NATS server that does not take records.
func (s *server) feedState(target string, err error) {
	if err != nil {
		s.alarms.Raise(alarm.FeedBehind, tenant.OperatorID, target, err.Error())
		return
	}
	s.alarms.Clear(alarm.FeedBehind, tenant.OperatorID, target)
}

// retention is how long each tenant's records stay in the tables. Who says nothing keeps them as long as the operator.
func (s *server) retention() []cdr.Keep {
	now := s.current.Load()
	days := 0
	if o := now.Operator(); o != nil {
		days = o.Retention.Records
	}
	list := []cdr.Keep{{Tenant: tenant.OperatorID, Days: days}}
	for _, t := range now.Tenants {
		k := cdr.Keep{Tenant: t.ID, Days: t.Retention.Records}
		if k.Days == 0 {
			k.Days = days
		}
		list = append(list, k)
	}
	return list
}

// reportOrders are the reports that tenants want by mail.
func (s *server) reportOrders() []report.Order {
	var list []report.Order
	for _, t := range s.current.Load().Tenants {
		for _, r := range t.Reports {
			o := report.Order{
				Tenant: t.ID, ID: r.ID, Name: r.Name, Kind: r.Kind, Every: r.Every, To: r.To, Format: r.Format, Language: r.Language, Zone: s.siteZone(t.ID, r.Site),
				Filter: store.CDRFilter{Site: r.Site}, From: s.brandMail(t),
			}
			if at, err := time.Parse("15:04", r.At); err == nil {
				o.At = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
			}
			if o.Language == "" {
				o.Language = t.Language
			}
			o.Jalali = o.Language == "fa"
			if r.Department != "" {
				o.Filter.Departments = s.departments(t.ID, r.Department)
			}
			list = append(list, o)
		}
	}
	return list
}

// brandMail is what a tenant's mails come from; "" for the exchange's own.
func (s *server) brandMail(t *tenant.Tenant) string {
	if o := s.current.Load().Operator(); o != nil {
		for _, b := range o.Brands {
			if b.ID == t.Brand {
				return b.Mail
			}
		}
	}
	return ""
}

// postReport hands a report to the queue of mails, which takes one of a name once.
func (s *server) postReport(key string, m report.Mail) error {
	_, err := s.mails.Send(mail.Message{From: m.From, To: m.To, Subject: m.Subject, Text: m.Text, Key: key, Attachments: []mail.Attachment{{Name: m.File, Type: m.Type, Data: m.Data}}})
	return err
}

// siteZone is the time zone of a site, or of its tenant.
func (s *server) siteZone(tenantID, site string) *time.Location {
	if t := s.current.Load().Tenant(tenantID); t != nil && site != "" {
		for i := range t.Sites {
			if t.Sites[i].ID == site && t.Sites[i].Zone != "" {
				if zone, err := time.LoadLocation(t.Sites[i].Zone); err == nil {
					return zone
				}
			}
		}
	}
	return s.zone(tenantID)
}

// departments gives a department and all of its parts.
func (s *server) departments(tenantID, id string) []string {
	list := []string{id}
	t := s.current.Load().Tenant(tenantID)
	if t == nil {
		return list
	}
	for i := 0; i < len(list); i++ {
		for _, d := range t.Departments {
			if d.Parent == list[i] && !slices.Contains(list, d.ID) {
				list = append(list, d.ID)
			}
		}
	}
	return list
}

// prove makes a proof, one at a time.
func (s *server) prove(ctx context.Context) (*cdr.Proof, error) {
	if !s.keeping.proving.TryLock() {
		return nil, store.ErrFull
	}
	defer s.keeping.proving.Unlock()
	p := cdr.Prover{Log: s.records.ledger, Tables: s.records.db, Settle: s.records.fold.SyncSums, Verify: s.verifyLedger}
	proof, err := p.Prove(ctx)
	if err != nil {
		return nil, err
	}
	s.keeping.mu.Lock()
	s.keeping.proof = proof
	s.keeping.mu.Unlock()
	if proof.Good() {
		s.log.Info("records are what the ledger says", "records", proof.Records, "archived", proof.Archived, "sums", proof.Sums, "took", proof.Ended.Sub(proof.Began))
		s.alarms.Clear(alarm.ProofDiffers, tenant.OperatorID, "records")
	} else {
		s.log.Error("records are not what the ledger says", "differences", proof.Count, "chain", proof.Chain, "first", strings.Join(proof.Differences[:min(3, len(proof.Differences))], "; "))
		s.alarms.Raise(alarm.ProofDiffers, tenant.OperatorID, "records", strings.Join(proof.Differences[:min(1, len(proof.Differences))], ""))
	}
	return proof, nil
}

// verifyLedger checks the ledger's sums and its chain.
func (s *server) verifyLedger() (string, error) {
	r, err := s.records.ledger.Verify()
	if err != nil || len(r.Damage) == 0 {
		return "", err
	}
	return r.Damage[0].Error(), nil
}

// lastProof is the last one.
func (s *server) lastProof() *cdr.Proof {
	s.keeping.mu.Lock()
	defer s.keeping.mu.Unlock()
	return s.keeping.proof
}

// proofHour is when the nightly proof is made, where the exchange stands.
const proofHour = 3

func (s *server) proveNightly(ctx context.Context) {
	for {
		now := time.Now()
		y, m, d := now.Date()
		next := time.Date(y, m, d, proofHour, 17, 0, 0, now.Location())
		if !next.After(now) {
			next = time.Date(y, m, d+1, proofHour, 17, 0, 0, now.Location())
		}
		t := time.NewTimer(next.Sub(now))
		select {
		case <-t.C:
			if _, err := s.prove(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("the nightly proof of records could not be made", "error", err)
			}
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

// recordsAPI is what the API does with records.
func (s *server) recordsAPI() rest.Records {
	return rest.Records{
		Read: s.records, Filters: s.records.db, Sent: s.records.db, Archives: s.records.db, Zone: s.siteZone, Departments: s.departments, Prove: s.prove, Proof: s.lastProof,
		Open: func(ctx context.Context, name string) (io.ReadCloser, error) {
			return s.keeping.blobs.Open(ctx, name, 0, -1)
		},
		Language: func(id string) string {
			if t := s.current.Load().Tenant(id); t != nil {
				return t.Language
			}
			return ""
		},
	}
}
