package login

import (
	"context"
	"time"

	"santral/api"
	"santral/store"
	"santral/tenant"
)

// ChangePassword gives who is signed in another password. All other sessions of that user are over.
func (s *Service) ChangePassword(ctx context.Context, who api.Identity, old, fresh string) *api.Denial {
	l, no := s.self(ctx, who, old)
	if no != nil {
		return no
	}
	u, ok := s.config.User(l.Tenant, l.User)
	if !ok {
		return missing("that user is gone")
	}
	if bad := weak(fresh, &u, l.Tenant); bad != "" {
		return wrong(bad)
	}
	if fresh == old {
		return wrong("that is the password that you have: take another")
	}
	if no := s.setPassword(ctx, l.Tenant, l.User, fresh, false); no != nil {
		return no
	}
	if no := s.end(ctx, s.sessionsOf(func(x *session) bool { return x.Tenant == l.Tenant && x.User == l.User && x.ID != who.ID })); no != nil {
		return no
	}
	return s.unlimit(ctx, who.ID)
}

// unlimit lets a session do everything once its user has a password of its own choice.
func (s *Service) unlimit(ctx context.Context, id string) *api.Denial {
	var at store.Session
	s.mu.Lock()
	for _, x := range s.sessions {
		if x.ID == id {
			x.Limited = false
			at = x.Session
		}
	}
	s.mu.Unlock()
	if at.ID == "" {
		return nil
	}
	if err := s.config.Store.PutSession(ctx, at); err != nil {
		return s.away(err)
	}
	return nil
}

// SetPassword gives a user a password, by somebody who may; "" has one made, which is given back. must has the user
// change it at the next sign-in. All sessions of the user are over.
func (s *Service) SetPassword(ctx context.Context, who api.Identity, tenantID, user, password string, must bool) (string, *api.Denial) {
	u, no := s.subject(who, tenantID, user)
	if no != nil {
		return "", no
	}
	made := ""
	if password == "" {
		made = generated()
		password = made
	} else if bad := weak(password, &u, tenantID); bad != "" {
		return "", wrong(bad)
	}
	if no := s.setPassword(ctx, tenantID, user, password, must); no != nil {
		return "", no
	}
	return made, s.end(ctx, s.sessionsOf(func(x *session) bool { return x.Tenant == tenantID && x.User == user }))
}

// ResetFactor takes a user's second factor away, by somebody who may: the authenticator was lost.
func (s *Service) ResetFactor(ctx context.Context, who api.Identity, tenantID, user string) *api.Denial {
	if _, no := s.subject(who, tenantID, user); no != nil {
		return no
	}
	if no := s.dropFactor(ctx, tenantID, user); no != nil {
		return no
	}
	return s.end(ctx, s.sessionsOf(func(x *session) bool { return x.Tenant == tenantID && x.User == user }))
}

// Stands tells how a user proves itself: oneself, or to somebody who may know.
func (s *Service) Stands(ctx context.Context, who api.Identity, tenantID, user string) (st api.Standing, no *api.Denial) {
	if who.Kind != "session" || who.Home() != tenantID || who.Name != user {
		if _, no := s.subject(who, tenantID, user); no != nil {
			return st, no
		}
	}
	l, err := s.config.Store.Login(ctx, tenantID, user)
	if err != nil && !isNotFound(err) {
		return st, s.away(err)
	}
	return api.Standing{Has: l.Hash != "", Changed: l.Changed, Must: l.Must, Proved: l.Proved, Codes: len(l.Codes)}, nil
}

// subject gives a user that who asks may change: of its tenant, and of no higher role.
func (s *Service) subject(who api.Identity, tenantID, user string) (tenant.User, *api.Denial) {
	u, ok := s.config.User(tenantID, user)
	if !ok || !who.In(tenantID) || who.Site != "" && u.Site != who.Site || who.Department != "" && u.Department != who.Department {
		return u, missing("there is no such user: users stand in the tenant's document, or in the operator's")
	}
	if u.Role > who.Role {
		return u, forbidden("that user has a higher role than you")
	}
	return u, nil
}

func (s *Service) setPassword(ctx context.Context, tenantID, user, password string, must bool) *api.Denial {
	kept, no := s.kept(ctx, password)
	if no != nil {
		return no
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	l, err := s.config.Store.Login(ctx, tenantID, user)
	if err != nil && !isNotFound(err) {
		return s.away(err)
	}
	l.Tenant, l.User, l.Hash, l.Must, l.Changed = tenantID, user, kept, must, time.Now().UTC().Truncate(time.Millisecond)
	if err := s.config.Store.PutLogin(ctx, l); err != nil {
		return s.away(err)
	}
	s.slow.passed(userKey(tenantID, user), codeKey(tenantID, user))
	return nil
}
