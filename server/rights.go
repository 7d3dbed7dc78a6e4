package server

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"santral/api/login"
	"santral/api/rest"
	"santral/observe/metric"
	"santral/service/audit"
	"santral/tenant"
)

// rights are who may do what, and who did it.
type rights struct {
	logins *login.Service
	audit  *audit.Log
}

// openRights reads who may do what.
func (s *server) openRights() error {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	var err error
	s.rights.logins, err = login.Open(ctx, login.Config{
		Store: s.records.db, User: s.user, Tenant: func(id string) bool { return s.current.Load().Tenant(id) != nil },
		Box: s.key.Box("second factors"), Log: s.log,
	})
	if err != nil {
		return fmt.Errorf("read who may use the API: %w", err)
	}
	s.later(s.rights.logins.Close)
	s.rights.audit = audit.New(audit.Config{Store: s.records.db, Days: s.auditDays, Logger: s.log})
	s.later(s.rights.audit.Close)
	s.forgetAnswers()
	return nil
}

// answerSweep is how often answers are forgotten whose time is over.
const answerSweep = time.Hour

// forgetAnswers takes out of the database what requests with a key were answered with, when its time is over.
func (s *server) forgetAnswers() {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(answerSweep)
		defer tick.Stop()
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if err := s.records.db.DropAnswers(ctx, time.Now().Add(-rest.AnswerLife)); err != nil {
				s.log.Warn("old answers can't be taken out of the database yet", "error", err)
			}
			cancel()
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	}()
	s.later(func() {
		close(stop)
		<-done
	})
}

// user gives a user of a document as it stands now.
func (s *server) user(tenantID, id string) (tenant.User, bool) {
	now := s.current.Load()
	var list []tenant.User
	if tenantID == tenant.OperatorID {
		if o := now.Operator(); o != nil {
			list = o.Users
		}
	} else if t := now.Tenant(tenantID); t != nil {
		list = t.Users
	}
	for _, u := range list {
		if u.ID == id {
			return u, true
		}
	}
	return tenant.User{}, false
}

// home is whose document has a user who says no tenant: the operator's, else the default tenant's.
func (s *server) home(user string) string {
	if _, ok := s.user(tenant.OperatorID, user); ok {
		return tenant.OperatorID
	}
	if t := s.current.Load().Default(); t != nil {
		return t.ID
	}
	return tenant.OperatorID
}

// auditDays is how long lines of the audit stay.
func (s *server) auditDays(tenantID string) int {
	now := s.current.Load()
	if t := now.Tenant(tenantID); t != nil && t.Retention.Audit > 0 {
		return t.Retention.Audit
	}
	if o := now.Operator(); o != nil {
		return o.Retention.Audit
	}
	return 0
}

// addresses are from where a tenant's people and programs may use the API; the operator's of "".
func (s *server) addresses(tenantID string) []netip.Prefix {
	now := s.current.Load()
	if tenantID == "" {
		if o := now.Operator(); o != nil {
			return o.API.Addresses
		}
		return nil
	}
	if t := now.Tenant(tenantID); t != nil {
		return t.API.Addresses
	}
	return nil
}

// guarded adds to the API who may do what.
func (s *server) guarded(c rest.Config) rest.Config {
	c.Logins, c.Home, c.Audits = s.rights.logins, s.home, s.rights.audit
	c.Answers = rest.Answers{Store: s.records.db, Box: s.key.Box("answers")}
	c.Edge = rest.Edge{Addresses: s.addresses, Proxies: s.boot.Proxies, Plain: s.boot.Plain, Secure: s.secureAddress(), Open: s.boot.Metrics == "open"}
	return c
}

// secureAddress is our address over TLS; "" for none.
func (s *server) secureAddress() string {
	var r Ready
	s.tell(&r)
	return r.HTTPS
}

// rightMetrics adds the figures of who asks.
func (s *server) rightMetrics(r *metric.Registry) {
	r.Counter("santral_audit_lines_total", "Lines of who did what.", s.rights.audit.Total)
	r.Gauge("santral_sessions", "People who are signed in.", func() float64 { return float64(s.rights.logins.Signed()) })
}

// mostDepartments bounds how deep departments are parts of each other, should a document ever make a ring of them.
const mostDepartments = 32

// place tells where an account stands in its tenant: what rights that are bounded to a part are judged by.
func (s *server) place(tenantID, number string) (at rest.Place, ok bool) {
	now := s.current.Load()
	t, a := now.Tenant(tenantID), now.Account(tenantID, number)
	if t == nil || a == nil {
		return at, false
	}
	if at.Site = a.Site; at.Site == "" && len(t.Sites) > 0 {
		at.Site = t.Sites[0].ID
	}
	for id := a.Department; id != "" && len(at.Departments) < mostDepartments; {
		at.Departments = append(at.Departments, id)
		parent := ""
		for i := range t.Departments {
			if t.Departments[i].ID == id {
				parent = t.Departments[i].Parent
			}
		}
		id = parent
	}
	return at, true
}
