package invite

import (
	"santral/sip"
	"santral/sip/endpoint"
)

// take judges a provisional answer to our INVITE. One that is sent reliably is acknowledged by a PRACK
// in its turn; a copy, and one that came before its turn, is nothing new (RFC 3262 §4). It reports
// whether the handler is to hear of it.
func (s *Session) take(b *branch, res *sip.Message) bool {
	rseq, ok := res.RSeq()
	if !ok || !res.HasToken(sip.Require, reliably) {
		return true
	}
	if b.rseq != 0 && rseq != b.rseq+1 {
		if rseq == b.rseq && b.failed {
			s.prack(b, b.answer)
		}
		return false
	}
	b.rseq, b.failed = rseq, false
	if res.Body != "" && !b.settled {
		b.theirs = sumOf(res.Body)
		if s.request.Body == "" {
			s.owed = append(s.owed, b) // an offer: the PRACK answers it (RFC 3262 §5)
			return true
		}
		b.settled = true
	}
	s.prack(b, "")
	return true
}

// prack acknowledges the last reliable answer of a branch.
func (s *Session) prack(b *branch, body string) {
	req := b.dialog.Request(sip.PRACK)
	req.Set(sip.RAckKind, sip.RAck{RSeq: b.rseq, Seq: s.number(), Method: sip.INVITE}.String())
	req.SetBody(ContentType, body)
	rseq := b.rseq
	b.failed, b.answer = false, body
	s.send(b.dialog, req, s.toward(b.dialog), func(ev endpoint.ClientEvent) {
		// One that another request overtook is in disorder for the peer (RFC 3261 §12.2.2): its next
		// copy of the answer is acknowledged anew.
		if b.rseq == rseq && (ev.Response == nil || ev.Response.Status >= 300) {
			b.failed = true
		}
	})
}
