package event

import (
	"santral/sip"
	"santral/sip/digest"
)

// Account is who a subscriber is to a notifier that challenges it. An exchange has none towards its phones.
type Account struct {
	User     string
	Password string
}

// maxChallenges bounds the challenges that one request answers: the first, and a stale nonce.
const maxChallenges = 2

// auth is what a watch remembers of the challenges that it answered.
type auth struct {
	digest digest.ClientState
	count  int // challenges that the present request has met
}

// answer gives a request anew with an answer to the challenge in res (RFC 3261 §22.2), or nil when res is none
// or we cannot answer it. seq is the number of the last request, which it raises.
func (a *auth) answer(w *Watch, req, res *sip.Message, seq *uint32) *sip.Message {
	if res == nil || w.cfg.Account == nil || a.count >= maxChallenges || res.Status != 401 && res.Status != 407 {
		return nil
	}
	ask, give := sip.WWWAuthenticate, sip.Authorization
	if res.Status == 407 {
		ask, give = sip.ProxyAuthenticate, sip.ProxyAuthorization
	}
	var challenges []string
	stale := false
	for v := range res.Values(ask) {
		challenges = append(challenges, v)
		stale = stale || digest.IsStale(v)
	}
	if a.count > 0 && !stale {
		return nil // our answer was wrong (RFC 3261 §22.2)
	}
	a.digest.Random = w.shard.Random()
	value, err := digest.Answer(challenges, w.cfg.Account.User, w.cfg.Account.Password, string(req.Method), req.RequestURI, &a.digest)
	if err != nil {
		return nil
	}
	a.count++
	*seq++
	again := req.Clone()
	again.Del(sip.ViaKind)
	again.Set(give, value)
	cseq, _ := req.CSeq()
	cseq.Seq = *seq
	again.Set(sip.CSeqKind, cseq.String())
	return again
}
