package invite

import (
	"santral/sip"
	"santral/sip/dialog"
	"santral/sip/digest"
	"santral/sip/endpoint"
)

// Account is who we are to a peer that challenges our requests: a telephone's own account. An
// exchange has none towards the phones that it rings, so that nobody can ask it for a digest.
type Account struct {
	User     string
	Password string
	HA1      map[string]string // in the place of the password, as digest.ClientState has it; nil for none
	Realm    string            // challenges of another realm are not answered; "" for any
}

// maxChallenges bounds the challenges that one request answers: the first, a stale nonce, and one
// more hop that asks for itself.
const maxChallenges = 3

// authState is what a session remembers of the challenges that it answered.
type authState struct {
	digest digest.ClientState
	count  int      // challenges that the present request has met
	kind   sip.Kind // the field that carried our answer, UnknownKind for none
	value  string   // its value
}

// authorize gives req, of the dialog d or, with nil, of none yet, anew with an answer to the challenge in
// res (RFC 3261 §22.2), or nil when res is no challenge or we cannot answer it.
func (s *Session) authorize(d *dialog.Dialog, req, res *sip.Message) *sip.Message {
	if res == nil || s.cfg.Account == nil || s.auth.count >= maxChallenges {
		return nil
	}
	ask, give := sip.WWWAuthenticate, sip.Authorization
	switch res.Status {
	case 401:
	case 407:
		ask, give = sip.ProxyAuthenticate, sip.ProxyAuthorization
	default:
		return nil
	}
	var challenges []string
	stale := false
	for v := range res.Values(ask) {
		if s.cfg.Account.Realm != "" && digest.RealmOf(v) != s.cfg.Account.Realm {
			continue // whoever asks, it is not whom this account is for
		}
		challenges = append(challenges, v)
		stale = stale || digest.IsStale(v)
	}
	if s.auth.count > 0 && s.auth.kind == give && !stale {
		return nil // our answer was wrong (RFC 3261 §22.2)
	}
	s.auth.digest.Random, s.auth.digest.HA1 = s.shard.Random(), s.cfg.Account.HA1
	value, err := digest.Answer(challenges, s.cfg.Account.User, s.cfg.Account.Password, string(req.Method), req.RequestURI, &s.auth.digest)
	if err != nil {
		return nil
	}
	s.auth.count++
	s.auth.kind, s.auth.value = give, value
	again := renew(d, req)
	again.Set(give, value)
	return again
}

// renew gives a request that can be sent once more, with the next number of d, or, where there is no
// dialog yet, one more than it had.
func renew(d *dialog.Dialog, req *sip.Message) *sip.Message {
	again := req.Clone()
	again.Del(sip.ViaKind)
	seq, _ := req.CSeq()
	seq.Seq++
	if d != nil {
		d.LocalSeq++
		seq.Seq = d.LocalSeq
	}
	again.Set(sip.CSeqKind, seq.String())
	return again
}

// repeat gives the ACK to a 2xx the credentials of its INVITE (RFC 3261 §22.1).
func (a *authState) repeat(ack *sip.Message) {
	if a.kind != sip.UnknownKind {
		ack.Set(a.kind, a.value)
	}
}

// sign prepares a request that has not been challenged yet. Once a challenge was answered, what follows
// carries credentials before it is asked (RFC 7616 §3.6).
func (s *Session) sign(req *sip.Message) {
	if s.cfg.UserAgent != "" {
		req.Set(sip.UserAgent, s.cfg.UserAgent)
	}
	s.auth.count = 0
	if s.auth.kind == sip.UnknownKind {
		return
	}
	if value, ok := s.auth.digest.Again(s.cfg.Account.User, s.cfg.Account.Password, string(req.Method), req.RequestURI); ok {
		req.Set(s.auth.kind, value)
		s.auth.value = value
	}
}

// send sends a request within d, answering a challenge to it. done is told of the responses. When nothing
// answers and the peer is elsewhere by then, the request is sent there.
func (s *Session) send(d *dialog.Dialog, req *sip.Message, to endpoint.Next, done func(endpoint.ClientEvent)) {
	s.sign(req)
	if s.cfg.Moved != nil {
		told := done
		done = func(ev endpoint.ClientEvent) {
			if ev.Err == nil || d != s.dialog || !s.moved() {
				told(ev)
				return
			}
			s.shard.Request(renew(d, req), s.next(), told)
		}
	}
	if s.cfg.Account == nil {
		s.shard.Request(req, to, done)
		return
	}
	s.challenge(d, req, to, done)
}

func (s *Session) challenge(d *dialog.Dialog, req *sip.Message, to endpoint.Next, done func(endpoint.ClientEvent)) {
	s.shard.Request(req, to, func(ev endpoint.ClientEvent) {
		if again := s.authorize(d, req, ev.Response); again != nil {
			s.challenge(d, again, to, done)
			return
		}
		done(ev)
	})
}
