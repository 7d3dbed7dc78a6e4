package sipleg

import (
	"strings"

	"santral/sip"
	"santral/sip/invite"
)

// An emergency call by a trunk says that it is one, and where its caller is: the site's address as a PIDF-LO beside the
// description (RFC 6442 §3, RFC 4119). A carrier that can't read it may ignore it.

// placed is an emergency's location on its way into an INVITE.
type placed struct {
	location string // the document; "" for none
	id       string // of its part, as Content-ID and cid URL have it (RFC 2392)
}

const (
	pidfType    = "application/pidf+xml"
	pidfHandled = "by-reference;handling=optional" // RFC 5621 §9: the header field refers to it
)

// put writes the header fields of an emergency.
func (p *placed) put(req *sip.Message) {
	req.Set(sip.Priority, "emergency") // RFC 3261 §20.26
	if p.location == "" {
		return
	}
	req.Set(sip.Geolocation, "<cid:"+p.id+">") // RFC 6442 §4.1
	req.Set(sip.GeolocationRouting, "yes")     // RFC 6442 §4.2: which centre answers may hang on it
}

// carry puts the location beside the description. What is tried again carries it already.
func (p *placed) carry(req *sip.Message) {
	if p.location == "" || req.MediaType() != invite.ContentType {
		return
	}
	mark := "place" + strings.ReplaceAll(p.id, "@", "")
	mark = mark[:min(len(mark), 60)] // RFC 2046 §5.1.1: at most 70
	var b strings.Builder
	part := func(kind, more, content string) {
		b.WriteString("--" + mark + "\r\nContent-Type: " + kind + "\r\n" + more + "\r\n" + content)
		if !strings.HasSuffix(content, "\r\n") {
			b.WriteString("\r\n")
		}
	}
	part(invite.ContentType, "", req.Body)
	part(pidfType, "Content-ID: <"+p.id+">\r\nContent-Disposition: "+pidfHandled+"\r\n", p.location)
	b.WriteString("--" + mark + "--\r\n")
	req.SetBody("multipart/mixed;boundary="+mark, b.String())
}
