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
	for i := range u.contacts {
		uri, err := sip.ParseURI(u.contacts[i].contact)
		bnc := err == nil && uri.Params.Has("bnc")
		switch {
		case !bnc && !gin:
		case bnc && who.Trunk == "":
			return sip.NewResponse(req, 403, "Bulk Registration Is for Trunks")
		case !bnc || !gin || uri.User != "":
			return sip.NewResponse(req, 400, "Bad Bulk Registration")
		}
	}
	return nil
}
