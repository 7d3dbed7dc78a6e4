package presence

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"santral/sip/event"
)

const pidfXML = "application/pidf+xml"

// Bounds of what a phone may publish of itself.
const (
	MaxDocument = 16 << 10 // octets
	maxDepth    = 16       // elements within one another
	maxElements = 256
	maxTuples   = 8
	maxNotes    = 4
	maxText     = 256 // octets of a note or a contact
)

// errDocument is what is not a presence document that we take.
var errDocument = errors.New("presence: not a presence document within bounds")

// document is what of a presence document is told on (RFC 3863 §4, RFC 4479 §4, RFC 4480 §3.2): everything
// else that a phone writes stays with us, so that nobody is sent what a stranger's parser may trip over.
type document struct {
	tuples     []tuple
	activities []string // words of RFC 4480 §3.2
	notes      []string // of the person
}

type tuple struct {
	id       string
	open     bool
	contact  string
	priority string
	notes    []string
}

// activities are the words of RFC 4480 §3.2 that may be told.
var activities = []string{
	"appointment", "away", "breakfast", "busy", "dinner", "holiday", "in-transit", "looking-for-work", "lunch", "meal", "meeting",
	"on-the-phone", "other", "performance", "permanent-absence", "playing", "presentation", "shopping", "sleeping",
	"spectator", "steering", "travel", "tv", "unknown", "vacation", "working", "worship",
}

// parsePIDF reads a presence document. A document type, and with it every entity of the sender's making,
// is refused, as is what is too large, too deep or too much.
func parsePIDF(body string) (document, error) {
	var doc document
	if len(body) > MaxDocument {
		return doc, errDocument
	}
	d := xml.NewDecoder(strings.NewReader(body))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errDocument } // UTF-8 alone
	var path []string
	var chars strings.Builder
	elements, now := 0, tuple{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return doc, errDocument
		}
		switch e := token.(type) {
		case xml.Directive:
			return doc, errDocument
		case xml.StartElement:
			name := e.Name.Local
			if elements++; elements > maxElements || len(path) >= maxDepth || len(path) == 0 && (name != "presence" || elements > 1) {
				return doc, errDocument
			}
			path = append(path, name)
			chars.Reset()
			switch {
			case len(path) == 2 && name == "tuple":
				now = tuple{id: attribute(e, "id")}
			case len(path) == 3 && name == "contact":
				now.priority = priority(attribute(e, "priority"))
			case len(path) >= 2 && path[len(path)-2] == "activities" && slices.Contains(activities, name) && !slices.Contains(doc.activities, name):
				doc.activities = append(doc.activities, name)
			}
		case xml.CharData:
			if chars.Len()+len(e) <= MaxDocument {
				chars.Write(e)
			}
		case xml.EndElement:
			doc.end(path, &now, strings.TrimSpace(chars.String()))
			chars.Reset()
			path = path[:len(path)-1]
		}
	}
	if elements == 0 || len(path) > 0 || len(doc.tuples) > maxTuples {
		return document{}, errDocument
	}
	return doc, nil
}

// end takes what an element held, when it ends.
func (doc *document) end(path []string, now *tuple, chars string) {
	switch strings.Join(path[1:], "/") {
	case "tuple/status/basic":
		now.open = strings.EqualFold(chars, "open")
	case "tuple/contact":
		if len(chars) <= maxText {
			now.contact = chars
		}
	case "tuple/note":
		now.notes = note(now.notes, chars)
	case "tuple":
		doc.tuples = append(doc.tuples, *now)
	case "note", "person/note", "person/activities/note":
		doc.notes = note(doc.notes, chars)
	}
}

func note(list []string, s string) []string {
	if s == "" || len(s) > maxText || len(list) >= maxNotes || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// priority is a contact's priority as it may be told (RFC 3863 §4.1.5): 0 to 1 with three digits.
func priority(s string) string {
	if v, err := strconv.ParseFloat(s, 64); err == nil && v >= 0 && v <= 1 {
		return strconv.FormatFloat(v, 'f', -1, 32)
	}
	return ""
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" && len(a.Value) <= maxText {
			return a.Value
		}
	}
	return ""
}

// pidfOf composes what is known of an account (RFC 3863 §4): what its phones publish, a tuple each, and what
// the house knows: whether it can be reached at all, and whether it is on the phone. Offline is closed, and
// says so; idle is open. mu is held.
func (r *resource) pidfOf(host string, registered bool, now time.Time) event.Body {
	own := text(uriOf(r.account, host))
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="` + own + "\">\n")
	var words, notes []string
	for i, p := range r.docs {
		for j, t := range p.doc.tuples {
			t.id = "p" + strconv.Itoa(i) + "t" + strconv.Itoa(j)
			t.write(&b)
		}
		for _, w := range p.doc.activities {
			if !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
		for _, n := range p.doc.notes {
			notes = note(notes, n)
		}
	}
	house := tuple{id: "house", open: registered, contact: uriOf(r.account, host)}
	switch {
	case len(r.calls) > 0:
		if !slices.Contains(words, "on-the-phone") {
			words = append(words, "on-the-phone")
		}
		house.notes = []string{"On the phone"}
	case !registered:
		house.notes = []string{"Offline"}
	}
	house.write(&b)
	if len(words)+len(notes) > 0 {
		b.WriteString(` <dm:person id="person">`)
		if len(words) > 0 {
			b.WriteString("<rpid:activities>")
			for _, w := range words {
				b.WriteString("<rpid:" + w + "/>")
			}
			b.WriteString("</rpid:activities>")
		}
		for _, n := range notes {
			b.WriteString("<dm:note>" + text(n) + "</dm:note>")
		}
		b.WriteString("</dm:person>\n")
	}
	b.WriteString("</presence>\n")
	return event.Body{Type: pidfXML, Head: b.String()}
}

// write prints a tuple.
func (t *tuple) write(b *strings.Builder) {
	basic := "closed"
	if t.open {
		basic = "open"
	}
	b.WriteString(` <tuple id="` + text(t.id) + `"><status><basic>` + basic + "</basic></status>")
	if t.contact != "" {
		b.WriteString("<contact")
		if t.priority != "" {
			b.WriteString(` priority="` + t.priority + `"`)
		}
		b.WriteString(">" + text(t.contact) + "</contact>")
	}
	for _, n := range t.notes {
		b.WriteString("<note>" + text(n) + "</note>")
	}
	b.WriteString("</tuple>\n")
}
