package sip

import (
	"errors"
	"strings"
)

// Replaces is the value of a Replaces header field (RFC 3891 §6.1): the dialog that an INVITE is to take the
// place of, as whoever the INVITE is for knows it.
type Replaces struct {
	CallID  string
	ToTag   string // local tag of whom the INVITE is for
	FromTag string // the other side's
	Early   bool   // only while the dialog is early
}

// TargetDialog is the value of a Target-Dialog header field (RFC 4538 §7): a dialog that the request's
// sender has with whom the request is for.
type TargetDialog struct {
	CallID string
	Local  string // tag of the sender of the request
	Remote string // tag of whom it is for
}

var (
	errReplaces     = errors.New("bad Replaces")
	errTargetDialog = errors.New("bad Target-Dialog")
)

// ParseReplaces reads a Replaces value. Both tags must be there, once each.
func ParseReplaces(s string) (Replaces, error) {
	id, p, ok := dialogName(s)
	if !ok {
		return Replaces{}, errReplaces
	}
	r := Replaces{CallID: id}
	r.ToTag, _ = p.raw("to-tag")
	r.FromTag, _ = p.raw("from-tag")
	r.Early = p.Has("early-only")
	if !isToken(r.ToTag) || !isToken(r.FromTag) || p.Without("to-tag").count() != p.count()-1 || p.Without("from-tag").count() != p.count()-1 {
		return Replaces{}, errReplaces
	}
	return r, nil
}

// ParseTargetDialog reads a Target-Dialog value. Both tags must be there, once each.
func ParseTargetDialog(s string) (TargetDialog, error) {
	id, p, ok := dialogName(s)
	if !ok {
		return TargetDialog{}, errTargetDialog
	}
	d := TargetDialog{CallID: id}
	d.Local, _ = p.raw("local-tag")
	d.Remote, _ = p.raw("remote-tag")
	if !isToken(d.Local) || !isToken(d.Remote) || p.Without("local-tag").count() != p.count()-1 || p.Without("remote-tag").count() != p.count()-1 {
		return TargetDialog{}, errTargetDialog
	}
	return d, nil
}

// dialogName splits a Call-ID from the parameters behind it.
func dialogName(s string) (callID string, p Params, ok bool) {
	s = trim(s)
	semi := strings.IndexByte(s, ';')
	if semi <= 0 {
		return "", "", false
	}
	callID, p = trim(s[:semi]), Params(s[semi:])
	if callID == "" || !p.wellFormed() {
		return "", "", false
	}
	for i := 0; i < len(callID); i++ { // RFC 3261 §25.1: word
		if c := callID[i]; c <= ' ' || c >= 0x7F || c == ',' {
			return "", "", false
		}
	}
	return callID, p, true
}

// count tells how many parameters there are.
func (p Params) count() (n int) {
	for range p.All() {
		n++
	}
	return n
}

// String prints the value.
func (r Replaces) String() string {
	s := clean(r.CallID) + ";to-tag=" + clean(r.ToTag) + ";from-tag=" + clean(r.FromTag)
	if r.Early {
		s += ";early-only"
	}
	return s
}

// String prints the value.
func (d TargetDialog) String() string {
	return clean(d.CallID) + ";local-tag=" + clean(d.Local) + ";remote-tag=" + clean(d.Remote)
}
