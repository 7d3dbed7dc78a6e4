package sipleg

import (
	"strings"

	"santral/media/sdp"
	"santral/sip"
	"santral/sip/invite"
)

// heard is the last description that was read, so that the same text in 183 and 200 is parsed once.
type heard struct {
	text string
	desc *sdp.Description
}

// read gives the description in a message that is no request to us, nil when there is none that can
// be understood.
func (l *Leg) read(m *sip.Message) *sdp.Description {
	text, _ := sessionPart(m)
	if text == "" {
		return nil
	}
	if text == l.heard.text {
		return l.heard.desc
	}
	d, err := sdp.Parse(text)
	if err != nil {
		return nil
	}
	l.media.Restrict(d)
	l.heard = heard{text, d}
	return d
}

// refused is why a request's body cannot be served.
type refused struct {
	status  int
	phrase  string
	headers []sip.Header
}

var (
	acceptSDP      = sip.Header{Kind: sip.Accept, Value: invite.ContentType}
	acceptPlain    = sip.Header{Kind: sip.AcceptEncoding, Value: "identity"}
	refuseType     = &refused{415, "", []sip.Header{acceptSDP}}
	refuseEncoding = &refused{415, "", []sip.Header{acceptPlain}}
	refuseAccept   = &refused{406, "", nil}
	refuseText     = &refused{400, "Bad Session Description", nil}
)

// Unfit tells whether an INVITE wants what no call here can give, whoever sends it: a body of another
// kind, or an answer that may hold no description. status is 0 for one that is fit.
func Unfit(req *sip.Message) (status int, headers []sip.Header) {
	bad := refuseAccept
	if acceptsSDP(req) {
		if _, bad = sessionPart(req); bad == nil {
			return 0, nil
		}
	}
	return bad.status, bad.headers
}

// readOffer gives the description in an INVITE, nil for none, or why it must be refused (RFC 3261 §8.2.3).
func readOffer(req *sip.Message) (*sdp.Description, *refused) {
	if !acceptsSDP(req) {
		return nil, refuseAccept
	}
	text, bad := sessionPart(req)
	if bad != nil || text == "" {
		return nil, bad
	}
	d, err := sdp.Parse(text)
	if err != nil {
		return nil, refuseText
	}
	return d, nil
}

// acceptsSDP reports whether our answer may carry a description (RFC 3261 §20.1). A message without
// Accept takes one.
func acceptsSDP(req *sip.Message) bool {
	if !req.Has(sip.Accept) {
		return true
	}
	any := false
	for v := range req.Values(sip.Accept) {
		any = true
		v, _, _ = strings.Cut(v, ";")
		switch strings.ToLower(strings.TrimSpace(v)) {
		case invite.ContentType, "application/*", "*/*":
			return true
		}
	}
	return !any
}

// sessionPart gives the session description in a message's body: the whole body, or the part of a
// multipart/mixed or multipart/alternative (RFC 5621 §3.1). A body that may be ignored counts as none. bad is
// why a request with it must be refused: an answer can't be, and what it describes counts.
func sessionPart(m *sip.Message) (text string, bad *refused) {
	if m.Body == "" {
		return "", nil
	}
	if enc := m.Get(sip.ContentEncoding); enc != "" && !strings.EqualFold(enc, "identity") {
		return "", refuseEncoding
	}
	kind := m.MediaType()
	switch {
	case kind == invite.ContentType:
		if disposition := m.Get(sip.ContentDisposition); disposition != "" && handling(disposition, "required") && !isSession(disposition) {
			return m.Body, refuseType
		}
		return m.Body, nil
	case strings.HasPrefix(kind, "multipart/"):
		_, params, _ := strings.Cut(m.Get(sip.ContentType), ";")
		boundary, _ := sip.Params(";" + params).Get("boundary")
		text, demands := findPart(m.Body, boundary)
		switch {
		case demands:
			return text, refuseType
		case text != "":
			return text, nil
		}
	}
	if handling(m.Get(sip.ContentDisposition), "optional") {
		return "", nil
	}
	return "", refuseType
}

// handling reports whether a Content-Disposition says how its body is to be handled, and in this way (RFC 3261
// §20.11). One that says nothing demands by the letter, which phones and carriers do not mean.
func handling(disposition, way string) bool {
	_, params, _ := strings.Cut(disposition, ";")
	said, _ := sip.Params(";" + params).Get("handling")
	return strings.EqualFold(strings.Trim(said, `"`), way)
}

// isSession reports whether a Content-Disposition is that of a session description.
func isSession(disposition string) bool {
	kind, _, _ := strings.Cut(disposition, ";")
	return strings.EqualFold(strings.TrimSpace(kind), "session")
}

// maxParts bounds the parts of a multipart body that are looked at.
const maxParts = 16

// findPart gives the first part of a multipart body that is a session description (RFC 2046 §5.1). demands
// says that another part must be understood, which none is (RFC 5621 §8.3).
func findPart(body, boundary string) (text string, demands bool) {
	if boundary == "" {
		return "", false
	}
	_, rest, found := strings.Cut("\r\n"+body, "\r\n--"+boundary)
	for n := 0; found && n < maxParts && !strings.HasPrefix(rest, "--"); n++ {
		var part string
		part, rest, found = strings.Cut(rest, "\r\n--"+boundary)
		if !found {
			break
		}
		_, part, _ = strings.Cut(part, "\r\n") // the rest of the boundary's line
		head, content, ok := strings.Cut("\r\n"+part, "\r\n\r\n")
		switch {
		case !ok:
		case text == "" && partType(head) == invite.ContentType:
			text = content + "\r\n"
		case handling(partField(head, sip.ContentDisposition), "required"):
			demands = true
		}
	}
	return text, demands
}

// partType gives the media type of a part's header lines; without one it is text/plain.
func partType(head string) string {
	value, _, _ := strings.Cut(partField(head, sip.ContentType), ";")
	if value == "" {
		return "text/plain"
	}
	return strings.ToLower(strings.TrimSpace(value))
}

// partField gives a field of a part's header lines, "" for none.
func partField(head string, kind sip.Kind) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if ok && sip.KindOf(strings.TrimSpace(name)) == kind {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
