package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/service/revision"
	"santral/tenant"
)

// Reasoned is what every change of configuration takes besides what it is. It is exported because huma reads only
// exported fields, of an embedded struct too.
type Reasoned struct {
	Why     string `query:"why" maxLength:"300" doc:"why, for whoever reads the revisions; or the header Why"`
	Because string `header:"Why" maxLength:"300" hidden:"true"` // the same; generators would have two of one name
	Force   bool   `query:"force" doc:"also where phones that are registered or calls that go on lose their account"`
}

func (r *Reasoned) why() string {
	if r.Why != "" {
		return r.Why
	}
	return r.Because
}

// Seen is what who asks has already (RFC 9110 §13.1.2).
type Seen struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000" doc:"ETags that you have: 304 where it is still one of them"`
}

// Unless is the conditions of a change (RFC 9110 §13.1).
type Unless struct {
	IfMatch     string `header:"If-Match" maxLength:"1000" doc:"the ETag that you have seen: 412 where it is another by now; * where it must be there"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000" doc:"*: 412 where it is there already"`
}

// met says whether a change may be made of what has a tag now, "" for nothing there.
func (u *Unless) met(tag string) error {
	if u.IfMatch != "" && !tagged(u.IfMatch, tag) {
		return huma.Error412PreconditionFailed("it is not as you have seen it: GET it again, and say the change anew with its ETag")
	}
	if u.IfNoneMatch != "" && tagged(u.IfNoneMatch, tag) {
		return huma.Error412PreconditionFailed("it is there already: leave If-None-Match out to change it")
	}
	return nil
}

// same tells that who asks for something has it already.
func (u *Seen) same(tag string) bool {
	return u.IfNoneMatch != "" && tagged(strings.ReplaceAll(u.IfNoneMatch, "W/", ""), tag)
}

// asks reports whether there is any condition.
func (u *Unless) asks() bool { return u.IfMatch != "" || u.IfNoneMatch != "" }

// tagged looks for a tag in a header's list of them; of what is not there, even * is none.
func tagged(list, tag string) bool {
	if tag == "" {
		return false
	}
	if strings.TrimSpace(list) == "*" {
		return true
	}
	for one := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(one) == tag {
			return true
		}
	}
	return false
}

// tag makes an ETag of what is shown, with its secrets as they are sealed.
func tag(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// answer is one thing of configuration, in the octets that it is told in.
type answer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag" doc:"of what is told; send it as If-Match with a change"`
	Revision    string `header:"Revision" doc:"number of the revision that this change is"`
	Location    string `header:"Location" doc:"where what was made is"`
	Body        []byte
}

const jsonType = "application/json"

// unchanged is the answer to who has it already (RFC 9110 §15.4.5).
func unchanged(tag string) *answer { return &answer{Status: http.StatusNotModified, ETag: tag} }

// done is the answer to a change that leaves nothing to show.
func done(r *revision.Revision) *answer {
	return &answer{Status: http.StatusNoContent, Revision: strconv.FormatUint(r.Number, 10)}
}

// author is who changes configuration by the API.
func author(ctx context.Context, why string) revision.Author {
	who := api.From(ctx)
	return revision.Author{Who: who.Name, Via: "api", Why: why, Tenant: who.Tenant}
}

// things are the words in which it is told what is not there.
type things struct {
	what  string          // "line 02122000001"
	list  string          // path of the list that has others
	edits []revision.Edit // what was changed
	many  bool            // they came as a batch
}

// refusedChange puts into HTTP why configuration was not changed, or not read.
func (c Config) refusedChange(err error, of things) error {
	var no *revision.Refused
	var judged huma.StatusError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &judged): // of a judge of ours
		return judged
	case errors.As(err, &no):
		return refusal(no, of)
	case errors.Is(err, revision.ErrNotFound):
		return huma.Error404NotFound("there is no " + of.what + "; GET " + of.list + " lists what there is")
	case errors.Is(err, revision.ErrExists):
		return huma.Error409Conflict("there is " + article(of.what) + " already: change it with PUT or PATCH, or give another key")
	case errors.Is(err, revision.ErrChanged):
		return huma.Error412PreconditionFailed("the document was changed meanwhile: read it again, and say the change anew")
	case errors.Is(err, revision.ErrConflict), errors.Is(err, revision.ErrInUse):
		text := err.Error()
		if errors.Is(err, revision.ErrInUse) {
			text += " (?force=true)"
		}
		return huma.Error409Conflict(text)
	}
	return c.failed("the configuration can't be changed or read", err)
}

// maxMistakes is how many problems of a document one answer tells.
const maxMistakes = 100

func refusal(no *revision.Refused, of things) error {
	var list []error
	for i, p := range no.Problems {
		if i == maxMistakes {
			list = append(list, &huma.ErrorDetail{Message: fmt.Sprintf("and %d more", len(no.Problems)-i)})
			break
		}
		list = append(list, &huma.ErrorDetail{Message: p.Text, Location: of.place(&p)})
	}
	detail := "nothing was changed: see errors"
	if len(no.Problems) == 1 {
		detail = "nothing was changed: " + no.Problems[0].Text
	}
	return huma.Error422UnprocessableEntity(detail, list...)
}

// place says where a problem is: as a JSON pointer of the body, or, where it is not of what was sent, as file, line and
// column of a document.
func (of things) place(p *revision.PlacedProblem) string {
	for i := range of.edits {
		if e := &of.edits[i]; p.Tenant == e.Tenant && p.List == e.List && (p.Key == e.Key || p.List == "") {
			if of.many {
				return "/edits/" + strconv.Itoa(i) + "/value" + p.Pointer
			}
			return p.Pointer
		}
	}
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// theTenant gives a tenant's id where who asks may know of it, and the error to answer with otherwise.
func (c Config) theTenant(ctx context.Context, id string) (string, error) {
	if id == tenant.OperatorID || !api.From(ctx).In(id) || c.Book.Current().Tenant(id) == nil {
		return "", huma.Error404NotFound("there is no tenant " + strconv.Quote(id) + "; GET /api/v1/tenants lists those that you may see")
	}
	return id, nil
}
