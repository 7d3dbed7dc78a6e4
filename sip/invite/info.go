package invite

import (
	"strings"

	"santral/sip"
	"santral/sip/endpoint"
)

// Packages sets which INFO packages the peer is told that it may send, as Recv-Info lists them; "" for none.
// What we send from now on says so. An INVITE of ours says it by its own Recv-Info.
func (s *Session) Packages(list string) { s.packages = list }

// serveInfo takes the peer's INFO. One of a package that nobody here takes is refused (RFC 6086 §4.2.2); one
// without a package is of the old kind.
func (s *Session) serveInfo(tx *endpoint.ServerTx) {
	req := tx.Request()
	if req.Has(sip.InfoPackage) && !lists(s.packages, req.Get(sip.InfoPackage)) {
		tx.Refuse(469, "", sip.Header{Kind: sip.RecvInfo, Value: s.packages})
		return
	}
	ok(tx)
	if !s.leave {
		s.tell(Informed, req, nil)
	}
}

// lists reports whether a list of packages has that of an Info-Package value.
func lists(list, value string) bool {
	name := PackageName(value)
	for p := range strings.SplitSeq(list, ",") {
		if name != "" && strings.EqualFold(PackageName(p), name) {
			return true
		}
	}
	return false
}

// PackageName gives the name of an INFO package without its parameters.
func PackageName(value string) string {
	name, _, _ := strings.Cut(value, ";")
	return strings.TrimSpace(name)
}

// Inform sends an INFO within the dialog: of a package, which the peer must have listed, or with "" of the
// old kind (RFC 6086 §4.2.1). A peer that does not serve it does not matter; one that no longer
// knows the dialog is Gone.
func (s *Session) Inform(pkg, contentType, content string) {
	if s.leave || s.state != Established && s.state != Answered {
		return
	}
	req := s.dialog.Request(sip.INFO)
	if pkg != "" {
		req.Set(sip.InfoPackage, pkg)
	}
	if contentType != "" {
		req.Set(sip.ContentType, contentType)
		req.Body = content
		if pkg != "" {
			req.Set(sip.ContentDisposition, "Info-Package") // RFC 6086 §4.2.1
		}
	}
	known := s.state == Established // before the ACK the peer may not have our 2xx
	s.send(s.dialog, req, s.next(), func(ev endpoint.ClientEvent) {
		if res := ev.Response; res != nil && res.Status == 481 && known {
			s.lost(res, nil)
		}
	})
}
