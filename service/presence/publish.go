package presence

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"santral/sip"
	"santral/sip/event"
)

// Bounds of publications.
const (
	MaxPublications = 10   // of one account at once
	publishExpires  = 3600 // seconds, where the phone names none
	publishMin      = 60   // seconds; less is refused with 423 (RFC 3903 §6)
	publishMax      = 7200 // seconds; more is shortened
	etagLength      = 13
)

// publication is what one phone says of itself (RFC 3903 §4.1), until it says otherwise or is silent too long.
type publication struct {
	etag  string
	doc   document
	timer *time.Timer
}

// Publish answers a PUBLISH of an authenticated account (RFC 3903 §6).
func (h *House) Publish(req *sip.Message, who event.Subscriber) *sip.Message {
	name, _, _ := strings.Cut(req.Get(sip.Event), ";")
	if !strings.EqualFold(strings.TrimSpace(name), "presence") {
		res := sip.NewResponse(req, 489, "")
		res.Set(sip.AllowEvents, "presence")
		return res
	}
	uri, err := req.URI()
	if err != nil {
		return sip.NewResponse(req, 400, "Bad Request-URI")
	}
	if t := h.cfg.Current().Domain(uri.Host); t == nil || t.ID != who.Tenant || uri.Username() != who.Account {
		return sip.NewResponse(req, 403, "") // RFC 3903 §14.1: nobody speaks for another
	}
	seconds, ok := req.Expires()
	switch {
	case !ok && req.Has(sip.Expires):
		return sip.NewResponse(req, 400, "Bad Expires")
	case !ok:
		seconds = publishExpires
	case seconds > 0 && seconds < publishMin:
		res := sip.NewResponse(req, 423, "")
		res.Set(sip.MinExpires, strconv.Itoa(publishMin))
		return res
	}
	seconds = min(seconds, publishMax)
	var doc *document
	if req.Body != "" {
		if req.MediaType() != pidfXML || req.Get(sip.ContentEncoding) != "" {
			res := sip.NewResponse(req, 415, "")
			res.Set(sip.Accept, pidfXML)
			return res
		}
		if len(req.Body) > MaxDocument {
			return sip.NewResponse(req, 413, "")
		}
		read, err := parsePIDF(req.Body)
		if err != nil {
			return sip.NewResponse(req, 400, "Bad Presence Document")
		}
		doc = &read
	}
	etag, err := h.publish(key{who.Tenant, who.Account}, req.Get(sip.SIPIfMatch), doc, seconds)
	switch {
	case errors.Is(err, errNoSuchTag):
		return sip.NewResponse(req, 412, "")
	case errors.Is(err, errNoBody):
		return sip.NewResponse(req, 400, "Missing Body")
	case err != nil:
		return sip.NewResponse(req, 403, "Too Many Publications")
	}
	res := sip.NewResponse(req, 200, "")
	res.Set(sip.SIPETag, etag)
	res.Set(sip.Expires, strconv.Itoa(seconds))
	return res
}

// Why a publication is not taken.
var (
	errNoSuchTag = errors.New("presence: no publication of that tag")
	errNoBody    = errors.New("presence: a first publication without a document")
	errTooMany   = errors.New("presence: too many publications")
)

// publish makes, refreshes, modifies or removes a publication (RFC 3903 §6, table 1), and gives its new tag.
func (h *House) publish(k key, match string, doc *document, seconds int) (etag string, err error) {
	r := h.of(k)
	etag = h.cfg.Random.Token(etagLength)
	changed := false
	r.mu.Lock()
	at := -1
	for i, p := range r.docs {
		if match != "" && p.etag == match {
			at = i
		}
	}
	switch {
	case match != "" && at < 0:
		err = errNoSuchTag
	case match == "" && doc == nil:
		err = errNoBody
	case seconds == 0:
		if at >= 0 {
			changed = true
			h.dropLocked(r, at)
		}
	case match == "" && len(r.docs) >= MaxPublications:
		err = errTooMany
	default:
		p := &publication{etag: etag}
		if at < 0 {
			r.docs = append(r.docs, p)
			h.published.Add(1)
		} else {
			old := r.docs[at]
			old.timer.Stop()
			p.doc = old.doc
			r.docs[at] = p
		}
		if doc != nil {
			p.doc = *doc
			changed = true
		}
		p.timer = time.AfterFunc(time.Duration(seconds)*time.Second, func() { h.expire(r, p) })
	}
	if changed {
		r.moved()
	}
	r.mu.Unlock()
	if changed {
		r.presence.Changed()
	}
	return etag, err
}

// dropLocked forgets a publication.
func (h *House) dropLocked(r *resource, at int) {
	r.docs[at].timer.Stop()
	r.docs = append(r.docs[:at:at], r.docs[at+1:]...)
	h.published.Add(-1)
}

// expire forgets a publication that was not said again in time (RFC 3903 §6).
func (h *House) expire(r *resource, p *publication) {
	r.mu.Lock()
	found := false
	for i := range r.docs {
		if r.docs[i] == p {
			h.dropLocked(r, i)
			r.moved()
			found = true
			break
		}
	}
	r.mu.Unlock()
	if found {
		r.presence.Changed()
	}
}

// Close stops what would still happen by itself.
func (h *House) Close() {
	h.mu.Lock()
	all := make([]*resource, 0, len(h.accounts))
	for _, r := range h.accounts {
		all = append(all, r)
	}
	h.mu.Unlock()
	for _, r := range all {
		r.mu.Lock()
		for _, p := range r.docs {
			p.timer.Stop()
		}
		r.mu.Unlock()
	}
}
