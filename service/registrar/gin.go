package registrar

import (
	"santral/call"
	"santral/sip"
)

// bulk refuses a registration of many numbers at once that is none (RFC 6140 §5.2): its Contact has no
// user, since the number that is called stands there, it says that it needs us to know what it means, and
// it is a PBX that asks. A REGISTER that requires it brings no other contacts.
func (u *update) bulk(req *sip.Message, who call.Party) (refusal *sip.Message) {
	gin := req.HasToken(sip.Require, "gin")
	switch {
	case !gin && u.bulks == 0:
	case u.bulks > 0 && who.Trunk == "":
		return sip.NewResponse(req, 403, "Bulk Registration Is for Trunks")
	case !gin || u.bulks < len(u.contacts) || u.named:
		return sip.NewResponse(req, 400, "Bad Bulk Registration")
	}
	return nil
}
