package rest

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/base/doc"
	"santral/service/revision"
	"santral/tenant"
)

const (
	yamlType     = "text/yaml"
	yamlType2    = "application/yaml"
	bodyTime     = 30 * time.Second // in which a body is read
	documentTime = 2 * time.Minute  // in which a document is
	exportPath   = "/api/v1/export"
	planPath     = "/api/v1/plan"
	applyPath    = "/api/v1/apply"
	batchPath    = "/api/v1/batch"
	maxEdits     = 20_000 // of one batch
)

// isDocument tells of requests whose bodies may be as large as documents.
func isDocument(r *http.Request) bool {
	p := r.URL.Path
	return r.Method == http.MethodPost && (p == planPath || p == applyPath || p == batchPath) ||
		r.Method == http.MethodPut && len(p) > len("/document") && p[len(p)-len("/document"):] == "/document"
}

// documentAnswer is a document, byte for byte.
type documentAnswer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	ETag        string `header:"ETag"`
	Revision    string `header:"Revision" doc:"that gave it this text"`
	Body        []byte
}

// DocumentText is a document in whole, or several behind lines of ---.
type DocumentText struct {
	File string `json:"file,omitempty" maxLength:"300" doc:"what problems call it" example:"sample.yaml"`
	Text string `json:"text" doc:"YAML"`
}

// Edit is one change of an entry of a list, or of the own keys of a document.
type Edit struct {
	Tenant string          `json:"tenant" maxLength:"40" doc:"whose document; operator for the operator's" example:"sample"`
	List   string          `json:"list,omitempty" maxLength:"40" doc:"which list; left out for the own keys of the document" example:"extensions"`
	Key    string          `json:"key,omitempty" maxLength:"100" doc:"what names the entry" example:"101"`
	Do     string          `json:"do" enum:"put,add,patch,delete" doc:"put: exactly this, made where it is not there; add: only where it is not there; patch: what is not named stays; delete"`
	Value  json.RawMessage `json:"value,omitempty" doc:"the entry; of a patch only what changes"`
}

// Changes is what somebody wants of configuration as JSON: all of it happens, or nothing does.
type Changes struct {
	Documents []DocumentText    `json:"documents,omitempty" maxItems:"1000" doc:"documents in whole, before edits"`
	Edits     []Edit            `json:"edits,omitempty" maxItems:"20000" doc:"in this order"`
	Remove    []string          `json:"remove,omitempty" maxItems:"1000" doc:"ids of tenants to take away"`
	If        map[string]uint64 `json:"if,omitempty" doc:"tenant → the revision of its document that you have seen: 412 where it is another by now"`
}

// Changed is a document that a revision changes.
type Changed = revision.Changed

// Revision is one change of configuration that happened.
type Revision struct {
	Revision  uint64    `json:"revision" doc:"its number"`
	At        time.Time `json:"at"`
	Who       string    `json:"who,omitempty" doc:"a user, a token, or what made it"`
	Via       string    `json:"via,omitempty" doc:"api, folder, sample, csv, order"`
	Why       string    `json:"why,omitempty" doc:"as the author says it"`
	Undoes    uint64    `json:"undoes,omitempty" doc:"the revision whose change it took back"`
	Documents []Changed `json:"documents" doc:"which documents it changed, and in how many entries"`
	Diffs     []Diff    `json:"diffs,omitempty" doc:"of one revision alone: what changed, secrets sealed"`
}

// Diff is what changed in a document.
type Diff struct {
	Tenant string `json:"tenant"`
	Text   string `json:"text" doc:"a unified diff"`
}

// Plan is what a change would do.
type Plan = revision.Plan

func revisionOf(r *revision.Revision, who api.Identity) Revision {
	shown := Revision{Revision: r.Number, At: r.At, Who: r.Author.Who, Via: r.Author.Via, Why: r.Author.Why, Undoes: r.Undoes, Documents: []Changed{}}
	for _, d := range r.Documents {
		if who.In(d.Tenant) {
			shown.Documents = append(shown.Documents, d)
		}
	}
	return shown
}

// revised is the answer to a change of documents.
type revised struct {
	Revision string `header:"Revision" doc:"number of the revision that this change is"`
	Body     Revision
}

func (c Config) revised(ctx context.Context, r *revision.Revision) *revised {
	return &revised{strconv.FormatUint(r.Number, 10), revisionOf(r, api.From(ctx))}
}

// RevisionPath names a revision.
type RevisionPath struct {
	Number uint64 `path:"number" minimum:"1" doc:"the revision's number"`
}

// configuration serves everything that can be configured.
func (c Config) configuration(a huma.API) {
	g := huma.NewGroup(a)
	g.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		if c.Book == nil {
			_ = huma.WriteErr(a, ctx, http.StatusServiceUnavailable, "this exchange has no book of configuration open: try again in a moment")
			return
		}
		next(ctx)
	})
	c.tenants(g)
	c.resources(g)
	c.documents(g)
	c.whatIf(g)
}

func (c Config) documents(a huma.API) {
	yaml := map[string]*huma.Response{"200": {Description: "The document, byte for byte", Content: map[string]*huma.MediaType{yamlType: {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	large := func(o huma.Operation) huma.Operation {
		o.Tags, o.MaxBodyBytes, o.BodyReadTimeout, o.SkipValidateBody = []string{"Revisions"}, doc.MaxSize, documentTime, true
		o.Middlewares = huma.Middlewares{patient}
		return o
	}
	text := &huma.Schema{Type: huma.TypeString, Description: "a document, or several behind lines of ---"}
	for path, who := range map[string]tenant.Role{tenantPath: tenant.RoleAdmin, operatorPath: tenant.RoleOperator} {
		id, what := "tenant-document", "a tenant's document"
		if who == tenant.RoleOperator {
			id, what = "operator-document", "the operator's document"
		}
		get := large(op("get-"+id, http.MethodGet, path+"/document", "Show "+what+", byte for byte, its secrets sealed", reads("documents", who)))
		get.Responses = yaml
		put := large(op("put-"+id, http.MethodPut, path+"/document", "Have "+what+" be exactly this", writes("documents", who)))
		if who == tenant.RoleOperator {
			huma.Register(a, get, func(ctx context.Context, in *struct {
				Seen
				AsOf
			}) (*documentAnswer, error) {
				if err := c.theOperator(ctx); err != nil {
					return nil, err
				}
				return c.document(tenant.OperatorID, in.Revision, &in.Seen)
			})
			huma.Register(a, put, func(ctx context.Context, in *struct {
				Reasoned
				Unless
				RawBody []byte `contentType:"text/yaml"`
			}) (*revised, error) {
				if err := c.theOperator(ctx); err != nil {
					return nil, err
				}
				return c.putDocument(ctx, tenant.OperatorID, &in.Reasoned, &in.Unless, in.RawBody)
			})
		} else {
			huma.Register(a, get, func(ctx context.Context, in *struct {
				TenantPath
				Seen
				AsOf
			}) (*documentAnswer, error) {
				if _, err := c.theTenant(ctx, in.Tenant); err != nil {
					return nil, err
				}
				if partly(ctx) {
					return nil, errPartly
				}
				return c.document(in.Tenant, in.Revision, &in.Seen)
			})
			huma.Register(a, put, func(ctx context.Context, in *struct {
				TenantPath
				Reasoned
				Unless
				RawBody []byte `contentType:"text/yaml"`
			}) (*revised, error) {
				if !api.From(ctx).In(in.Tenant) {
					_, err := c.theTenant(ctx, in.Tenant)
					return nil, err
				}
				return c.putDocument(ctx, in.Tenant, &in.Reasoned, &in.Unless, in.RawBody)
			})
		}
		accept(a, path+"/document", http.MethodPut, text, yamlType, yamlType2)
	}
	export := large(op("export", http.MethodGet, exportPath, "All documents as one stream that apply takes, each byte for byte, secrets sealed", reads("documents", tenant.RoleAdmin)))
	export.Responses = yaml
	huma.Register(a, export, func(ctx context.Context, in *struct {
		Tenant string `query:"tenant" maxLength:"40" doc:"only this tenant's document; all when left out"`
	}) (*documentAnswer, error) {
		id, err := tenantOf(ctx, in.Tenant)
		if err != nil {
			return nil, err
		}
		if partly(ctx) {
			return nil, errPartly
		}
		stream, err := c.Book.Export(id)
		if err != nil {
			return nil, c.refusedChange(err, c.tenantThings(id))
		}
		return &documentAnswer{Status: http.StatusOK, ContentType: yamlType + "; charset=utf-8", Body: []byte(stream)}, nil
	})
	changes := a.OpenAPI().Components.Schemas.Schema(typeOf[Changes](), true, "")
	either := func(path string, yaml bool) {
		accept(a, path, http.MethodPost, changes, jsonType)
		if yaml {
			for _, t := range []string{yamlType, yamlType2} {
				operation(a, path, http.MethodPost).RequestBody.Content[t] = &huma.MediaType{Schema: text}
			}
		}
	}
	huma.Register(a, large(op("plan", http.MethodPost, planPath, "Say what a change would do, and which numbers would lead elsewhere; nothing is changed", writes("documents", tenant.RoleAdmin))),
		func(ctx context.Context, in *changeInput) (*body[Plan], error) {
			change, err := c.change(ctx, in, true)
			if err != nil {
				return nil, err
			}
			plan, err := c.Book.Plan(ctx, change)
			if err != nil {
				return nil, c.refusedChange(err, things{what: "such entry", list: tenantsPath, edits: change.Edits, many: true})
			}
			return &body[Plan]{plan}, nil
		})
	either(planPath, true)
	apply := func(yaml bool) func(ctx context.Context, in *changeInput) (*revised, error) {
		return func(ctx context.Context, in *changeInput) (*revised, error) {
			change, err := c.change(ctx, in, yaml)
			if err != nil {
				return nil, err
			}
			rev, err := c.Book.Apply(ctx, change)
			if err != nil {
				return nil, c.refusedChange(err, things{what: "such entry", list: tenantsPath, edits: change.Edits, many: true})
			}
			return c.revised(ctx, &rev), nil
		}
	}
	huma.Register(a, large(op("apply", http.MethodPost, applyPath, "Change configuration by documents in whole, or by edits: all of it or nothing", writes("documents", tenant.RoleAdmin))), apply(true))
	either(applyPath, true)
	huma.Register(a, large(op("batch", http.MethodPost, batchPath, "Change many entries as one revision: all of them or none", writes("documents", tenant.RoleAdmin))), apply(false))
	either(batchPath, false)
	c.revisions(a)
}

// AsOf is when a document is asked for.
type AsOf struct {
	Revision uint64 `query:"revision" minimum:"1" doc:"as it stood after this revision; as it stands when left out"`
}

var errPartly = huma.Error403Forbidden("documents are for who sees the whole tenant: you are bound to a part of it, and see its entries one by one")

func (c Config) tenantThings(id string) things {
	return things{what: "document of " + strconv.Quote(id), list: tenantsPath}
}

func (c Config) document(id string, at uint64, unless *Seen) (*documentAnswer, error) {
	var d revision.Document
	var err error
	switch {
	case at > c.Book.Current().Revision:
		err = revision.ErrNotFound
	case at > 0:
		d, err = c.Book.At(context.Background(), at, id)
	default:
		d, err = c.Book.Document(id)
	}
	if err != nil {
		return nil, c.refusedChange(err, c.tenantThings(id))
	}
	now := tag([]byte(d.Text))
	if unless.same(now) {
		return &documentAnswer{Status: http.StatusNotModified, ETag: now}, nil
	}
	return &documentAnswer{Status: http.StatusOK, ContentType: yamlType + "; charset=utf-8", ETag: now, Revision: strconv.FormatUint(d.Revision, 10), Body: []byte(d.Text)}, nil
}

// putDocument has a document be a text. It must be that document's, and no other's.
func (c Config) putDocument(ctx context.Context, id string, why *Reasoned, unless *Unless, text []byte) (*revised, error) {
	if partly(ctx) {
		return nil, errPartly
	}
	bound := judge(ctx)
	change := revision.Change{
		Author: author(ctx, why.why()), Force: why.Force, Texts: []revision.Text{{File: id, Text: slices.Clone(text)}},
		Judge: func(was, is *tenant.Snapshot, changed []string) error {
			for _, other := range changed {
				if other != id {
					return huma.Error422UnprocessableEntity("nothing was changed: this is the document of "+strconv.Quote(other)+", and the path names "+strconv.Quote(id),
						&huma.ErrorDetail{Message: "write tenant: " + id, Location: id + ":1:1"})
				}
			}
			if bound != nil {
				return bound(was, is, changed)
			}
			return nil
		},
	}
	d, err := c.Book.Document(id)
	if err != nil && !errors.Is(err, revision.ErrNotFound) {
		return nil, c.refusedChange(err, c.tenantThings(id))
	}
	now := ""
	if err == nil {
		now = tag([]byte(d.Text))
	}
	if err := unless.met(now); err != nil {
		return nil, err
	}
	if unless.asks() {
		change.If = map[string]uint64{id: d.Revision}
	}
	rev, err := c.Book.Apply(ctx, change)
	if err != nil {
		return nil, c.refusedChange(err, c.tenantThings(id))
	}
	return c.revised(ctx, &rev), nil
}

// changeInput is a change: a stream of documents, or JSON.
type changeInput struct {
	Reasoned
	ContentType string `header:"Content-Type"`
	File        string `query:"file" maxLength:"200" doc:"what problems call the stream; document when left out"`
	RawBody     []byte `contentType:"application/json"`
}

// change reads what somebody wants.
func (c Config) change(ctx context.Context, in *changeInput, yaml bool) (change revision.Change, err error) {
	if partly(ctx) {
		return change, errPartly
	}
	change = revision.Change{Author: author(ctx, in.why()), Force: in.Force, Judge: judge(ctx)}
	kind, _, _ := mime.ParseMediaType(in.ContentType)
	switch {
	case yaml && (kind == yamlType || kind == yamlType2 || kind == "application/x-yaml"):
		file := in.File
		if file == "" {
			file = "document"
		}
		change.Texts = []revision.Text{{File: file, Text: slices.Clone(in.RawBody)}}
		return change, nil
	case kind == jsonType || kind == "":
		return change, c.edits(ctx, in.RawBody, &change)
	}
	return change, huma.Error415UnsupportedMediaType("send Content-Type: text/yaml with documents, or application/json with edits")
}

// deeds are the words of what edits do.
var deeds = map[string]revision.Deed{"put": revision.Put, "add": revision.Add, "patch": revision.Patch, "delete": revision.Delete}

func (c Config) edits(ctx context.Context, text []byte, change *revision.Change) error {
	if err := shallow(text); err != nil {
		return err
	}
	var v Changes
	if err := strictly(text, &v); err != nil {
		return err
	}
	if len(v.Edits) > maxEdits {
		return huma.Error422UnprocessableEntity("a batch has at most 20000 edits: send several", &huma.ErrorDetail{Message: "too many", Location: "/edits"})
	}
	who := api.From(ctx)
	var wrong []error
	for i, e := range v.Edits {
		fail := func(key, message string) {
			wrong = append(wrong, &huma.ErrorDetail{Message: message, Location: "/edits/" + strconv.Itoa(i) + "/" + key})
		}
		do, known := deeds[e.Do]
		if !known {
			fail("do", "must be put, add, patch or delete")
		}
		if !who.In(e.Tenant) || e.Tenant != tenant.OperatorID && c.Book.Current().Tenant(e.Tenant) == nil && len(v.Documents) == 0 {
			fail("tenant", "there is no tenant "+strconv.Quote(e.Tenant))
		}
		if e.List != "" && !slices.ContainsFunc(tenant.Collections, func(c tenant.Collection) bool { return c.List == e.List }) {
			fail("list", "there is no list "+strconv.Quote(e.List))
		}
		if e.List != "" && e.Key == "" {
			fail("key", "names the entry, and is missing")
		}
		if _, err := object(e.Value); err != nil && do != revision.Delete {
			fail("value", "must be an object with the keys of the entry")
		}
		change.Edits = append(change.Edits, revision.Edit{Tenant: e.Tenant, List: e.List, Key: e.Key, Do: do, Value: e.Value})
	}
	if len(wrong) > maxMistakes {
		wrong = wrong[:maxMistakes]
	}
	if wrong != nil {
		return huma.Error422UnprocessableEntity("nothing was changed: see errors", wrong...)
	}
	for i, d := range v.Documents {
		if d.File == "" {
			d.File = "document " + strconv.Itoa(i+1)
		}
		change.Texts = append(change.Texts, revision.Text{File: d.File, Text: []byte(d.Text)})
	}
	change.Remove, change.If = v.Remove, v.If
	return nil
}

func (c Config) revisions(a huma.API) {
	const path = "/api/v1/revisions"
	tagged := func(o huma.Operation) huma.Operation {
		o.Tags = []string{"Revisions"}
		return o
	}
	huma.Register(a, tagged(op("list-revisions", http.MethodGet, path, "Changes of configuration, newest first: who, when, why, of what", reads("revisions", tenant.RoleReporter))),
		func(ctx context.Context, in *struct {
			Paging
			Tenant string `query:"tenant" maxLength:"40" doc:"only those that changed this tenant's document; operator for the operator's"`
		}) (*body[Page[Revision]], error) {
			id, err := tenantOf(ctx, in.Tenant)
			if err != nil {
				return nil, err
			}
			if partly(ctx) {
				return nil, errPartly
			}
			before := uint64(0)
			if in.Cursor != "" {
				if before, err = strconv.ParseUint(in.Cursor, 10, 63); err != nil || before == 0 {
					return nil, huma.Error400BadRequest("that cursor is none of this list's; leave it out for the first page")
				}
			}
			rows, err := c.Book.List(ctx, id, before, in.Limit+1)
			if err != nil {
				return nil, c.failed("the revisions can't be read", err)
			}
			page := Page[Revision]{Items: []Revision{}}
			for i := range rows {
				if i == in.Limit {
					page.Next = strconv.FormatUint(rows[i-1].Number, 10)
					break
				}
				page.Items = append(page.Items, revisionOf(&rows[i], api.From(ctx)))
			}
			return &body[Page[Revision]]{page}, nil
		})
	huma.Register(a, tagged(op("get-revision", http.MethodGet, path+"/{number}", "One change with its difference", reads("revisions", tenant.RoleAdmin))),
		func(ctx context.Context, in *RevisionPath) (*body[Revision], error) {
			rev, err := c.revision(ctx, in.Number, false)
			if err != nil {
				return nil, err
			}
			shown := revisionOf(&rev, api.From(ctx))
			for _, d := range shown.Documents {
				text, err := c.Book.Diff(ctx, in.Number, d.Tenant)
				if err != nil && !errors.Is(err, revision.ErrNotFound) { // a text that is kept no more has no difference
					return nil, c.failed("the revision can't be read", err)
				}
				shown.Diffs = append(shown.Diffs, Diff{d.Tenant, text})
			}
			return &body[Revision]{shown}, nil
		})
	undo := tagged(op("undo-revision", http.MethodPost, path+"/{number}/undo", "Take a change back, byte for byte, as a revision of its own", writes("revisions", tenant.RoleAdmin)))
	huma.Register(a, undo, func(ctx context.Context, in *struct {
		RevisionPath
		Reasoned
	}) (*revised, error) {
		if _, err := c.revision(ctx, in.Number, true); err != nil {
			return nil, err
		}
		rev, err := c.Book.Undo(ctx, in.Number, author(ctx, in.why()), in.Force)
		if err != nil {
			return nil, c.refusedChange(err, things{what: "revision " + strconv.FormatUint(in.Number, 10), list: path})
		}
		return c.revised(ctx, &rev), nil
	})
	huma.Register(a, tagged(op("plan-undo", http.MethodGet, path+"/{number}/undo", "Say what it would do to take a change back", reads("revisions", tenant.RoleAdmin))),
		func(ctx context.Context, in *RevisionPath) (*body[Plan], error) {
			if _, err := c.revision(ctx, in.Number, true); err != nil {
				return nil, err
			}
			plan, err := c.Book.PlanUndo(ctx, in.Number)
			if err != nil {
				return nil, c.refusedChange(err, things{what: "revision " + strconv.FormatUint(in.Number, 10), list: path})
			}
			for i := range plan.Problems {
				plan.Problems[i] = plan.Problems[i].For(api.From(ctx).Tenant)
			}
			return &body[Plan]{plan}, nil
		})
}

// revision gives one that who asks may know of, whole where all of its documents must be theirs.
func (c Config) revision(ctx context.Context, number uint64, whole bool) (revision.Revision, error) {
	missing := things{what: "revision " + strconv.FormatUint(number, 10), list: "/api/v1/revisions"}
	if partly(ctx) {
		return revision.Revision{}, errPartly
	}
	rev, err := c.Book.Get(ctx, number)
	if err != nil {
		return rev, c.refusedChange(err, missing)
	}
	who := api.From(ctx)
	mine := func(d Changed) bool { return who.In(d.Tenant) }
	others := slices.ContainsFunc(rev.Documents, func(d Changed) bool { return !mine(d) })
	switch {
	case who.Tenant != "" && !slices.ContainsFunc(rev.Documents, mine):
		return rev, c.refusedChange(revision.ErrNotFound, missing)
	case whole && others:
		return rev, huma.Error403Forbidden("that change is of more than your tenant: ask the operator to take it back")
	}
	return rev, nil
}
