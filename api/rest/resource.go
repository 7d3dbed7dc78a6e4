package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/noun"
	"santral/service/revision"
	"santral/tenant"
)

// mergePatch is the media type of a change that keeps what it does not name (RFC 7396 §4).
const mergePatch = "application/merge-patch+json"

// TenantPath names a tenant.
type TenantPath struct {
	Tenant string `path:"tenant" maxLength:"40" doc:"the tenant's id" example:"sample"`
}

// KeyPath names an entry of a list.
type KeyPath struct {
	Key string `path:"key" maxLength:"100" doc:"what names the entry in its list"`
}

// ListQuery is what a list of entries takes.
type ListQuery struct {
	Paging
	Seen
	Text  string `query:"q" maxLength:"100" doc:"only entries in which this stands, in any letters and any digits (۱۰۱ finds 101)"`
	Order string `query:"order" maxLength:"40" doc:"a key of the entries that they are ordered by, with - before it from the last to the first; by what names them when left out"`
}

// resource is a list of documents as the API serves it.
type resource struct {
	Config
	noun.List
	operator    bool
	read, write tenant.Role
}

// openTo says from which role on a list is read and changed. An operator's is the operator's alone.
func openTo(list string) (read, write tenant.Role) {
	switch list {
	case "extensions", "lines":
		return tenant.RoleUser, tenant.RoleManager // whose it is reads it, and changes what is a person's own
	case "devices", "groups", "units", "lists":
		return tenant.RoleReporter, tenant.RoleManager
	case "webhooks":
		return tenant.RoleAdmin, tenant.RoleAdmin
	}
	return tenant.RoleReporter, tenant.RoleAdmin
}

// resources serves every list of documents: of tenants, and of the operator.
func (c Config) resources(a huma.API) {
	for _, l := range noun.Lists {
		for _, col := range tenant.Collections {
			if col.List != l.Name {
				continue
			}
			r := resource{Config: c, List: l}
			r.read, r.write = openTo(l.Name)
			if col.Only != tenant.InOperator {
				r.serve(a, "/api/v1/tenants/{tenant}/"+l.Name, "tenant-")
			}
			if col.Only != tenant.InTenants {
				r.operator, r.read, r.write = true, tenant.RoleOperator, tenant.RoleOperator
				r.serve(a, "/api/v1/operator/"+l.Name, "operator-")
			}
		}
	}
}

// Owner names the tenant of a list's path; the operator's lists are at paths without one. It is described by hand.
type Owner struct {
	Tenant string `path:"tenant" maxLength:"40" required:"false" hidden:"true"`
}

func (o Owner) id() string {
	if o.Tenant == "" {
		return tenant.OperatorID
	}
	return o.Tenant
}

// ownerParam describes it.
var ownerParam = &huma.Param{Name: "tenant", In: "path", Required: true, Description: "the tenant's id", Example: "sample", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(40)}}

// serve registers the operations of a list at a path; before stands before the ids of operations.
func (r resource) serve(a huma.API, path, before string) {
	registry := a.OpenAPI().Components.Schemas
	schema := registry.Schema(r.Type, true, "")
	patch := patchSchema(registry, r.Type)
	reads, writes := reads(r.Name, r.read), writes(r.Name, r.write)
	if r.read == tenant.RoleUser {
		writes = right{Resource: r.Name, Write: true, Role: tenant.RoleUser} // what a person may change is judged where it is known
	}
	one, whose := article(r.One), ""
	if r.operator {
		whose = " of the operator"
	}
	at := path + "/{key}"
	tagged := func(o huma.Operation, what string) huma.Operation {
		o.Description = what + " " + o.Description
		o.Tags, o.MaxBodyBytes, o.BodyReadTimeout = []string{r.Tag}, maxBody, 30*time.Second
		if !r.operator {
			o.Parameters = []*huma.Param{ownerParam}
		}
		o.SkipValidateBody = true // what may stand in an entry is judged by the reader of documents alone
		return o
	}

	list := tagged(op("list-"+before+r.Name, http.MethodGet, path, "List "+r.Name+whose, reads), r.Many+".")
	list.Responses = okay(pageSchema(registry, r.Type, schema))
	huma.Register(a, list, func(ctx context.Context, in *struct {
		Owner
		ListQuery
	}) (*answer, error) {
		return r.list(ctx, in.id(), &in.ListQuery)
	})
	get := tagged(op("get-"+before+r.One, http.MethodGet, at, "Show "+one+whose, reads), r.Many+".")
	get.Responses = okay(schema)
	huma.Register(a, get, func(ctx context.Context, in *struct {
		Owner
		KeyPath
		Seen
	}) (*answer, error) {
		return r.get(ctx, in.id(), in.Key, &in.Seen)
	})
	add := tagged(op("create-"+before+r.One, http.MethodPost, path, "Add "+one+whose, writes), r.Many+". Where there is one of that key already it is 409.")
	add.DefaultStatus, add.Responses = http.StatusCreated, map[string]*huma.Response{"201": told("Made; Location says where it is", schema)}
	huma.Register(a, add, func(ctx context.Context, in *struct {
		Owner
		Reasoned
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		return r.add(ctx, in.id(), path, &in.Reasoned, in.RawBody)
	})
	accept(a, path, http.MethodPost, schema, jsonType)
	put := tagged(op("put-"+before+r.One, http.MethodPut, at, "Replace "+one+whose+", or make it", writes), "It is exactly this afterwards, but for secrets that are left out: those stay.")
	put.Responses = okay(schema)
	put.Responses["201"] = told("Made", schema)
	huma.Register(a, put, func(ctx context.Context, in *struct {
		Owner
		KeyPath
		Reasoned
		Unless
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		return r.put(ctx, in.id(), in.Key, &in.Reasoned, &in.Unless, in.RawBody)
	})
	accept(a, at, http.MethodPut, schema, jsonType)
	change := tagged(op("patch-"+before+r.One, http.MethodPatch, at, "Change "+one+whose, writes), "What is not named stays, null takes a key away.")
	change.Responses = okay(schema)
	huma.Register(a, change, func(ctx context.Context, in *struct {
		Owner
		KeyPath
		Reasoned
		Unless
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		return r.patch(ctx, in.id(), in.Key, &in.Reasoned, &in.Unless, in.RawBody)
	})
	accept(a, at, http.MethodPatch, patch, mergePatch, jsonType)
	remove := tagged(empty(op("delete-"+before+r.One, http.MethodDelete, at, "Delete "+one+whose, writes)), "Where others of the document speak of it, it is 422.")
	huma.Register(a, remove, func(ctx context.Context, in *struct {
		Owner
		KeyPath
		Reasoned
		Unless
	}) (*answer, error) {
		return r.remove(ctx, in.id(), in.Key, &in.Reasoned, &in.Unless)
	})
}

// document gives the revision of a document that who asks may know of.
func (r resource) document(ctx context.Context, id string) (revision.Document, error) {
	if !r.operator {
		if _, err := r.theTenant(ctx, id); err != nil {
			return revision.Document{}, err
		}
	} else if !api.From(ctx).In(id) {
		return revision.Document{}, huma.Error404NotFound("there is no such list")
	}
	d, err := r.Book.Document(id)
	if errors.Is(err, revision.ErrNotFound) && r.operator {
		return revision.Document{Tenant: id}, nil // nothing was said of the operator yet
	}
	if err != nil {
		return d, r.refusedChange(err, r.things(id, ""))
	}
	return d, nil
}

func (r resource) things(id, key string) things {
	where := "/api/v1/tenants/" + id + "/" + r.Name
	if r.operator {
		where = "/api/v1/operator/" + r.Name
	}
	return things{what: r.One + " " + key, list: where}
}

// entry gives an entry that who asks may see; its tag is "" where there is none.
func (r resource) entry(ctx context.Context, id, key string) (e revision.Entry, tagOf string, err error) {
	if key != "" {
		e, err = r.Book.Entry(id, r.Name, key)
	} else {
		err = revision.ErrNotFound
	}
	switch {
	case errors.Is(err, revision.ErrNotFound):
		return revision.Entry{}, "", nil
	case err != nil:
		return e, "", r.refusedChange(err, r.things(id, key))
	case !r.visible(ctx, id, &e):
		return revision.Entry{}, "", r.refusedChange(revision.ErrNotFound, r.things(id, key)) // even to who would make it
	}
	return e, tag(e.Value), nil
}

func (r resource) show(e *revision.Entry) (json.RawMessage, error) {
	text, err := noun.Shape(r.Type, e.Value)
	if err != nil {
		return nil, r.failed("the "+r.One+" can't be shown", err)
	}
	return text, nil
}

func (r resource) get(ctx context.Context, id, key string, unless *Seen) (*answer, error) {
	if _, err := r.document(ctx, id); err != nil {
		return nil, err
	}
	e, now, err := r.entry(ctx, id, key)
	switch {
	case err != nil:
		return nil, err
	case now == "":
		return nil, r.refusedChange(revision.ErrNotFound, r.things(id, key))
	case unless.same(now):
		return unchanged(now), nil
	}
	text, err := r.show(&e)
	if err != nil {
		return nil, err
	}
	return &answer{Status: http.StatusOK, ContentType: jsonType, ETag: now, Body: text}, nil
}

// object reads a body that must be one JSON object.
func object(text []byte) (map[string]json.RawMessage, error) {
	var v map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&v); err != nil || v == nil {
		detail := "send one JSON object with the keys of the entry"
		if err != nil && len(text) > 0 {
			detail += ": " + err.Error()
		}
		return nil, huma.Error400BadRequest(detail, &huma.ErrorDetail{Message: detail, Location: "body"})
	}
	if d.More() {
		return nil, huma.Error400BadRequest("send one JSON object, and nothing behind it", &huma.ErrorDetail{Message: "there is more behind the object", Location: "body"})
	}
	if err := shallow(text); err != nil {
		return nil, err
	}
	return v, nil
}

// maxDepth is how deep objects and lists of a body may lie in one another.
const maxDepth = 32

func shallow(text []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return huma.Error400BadRequest("the body is too deep: nothing here has more than 32 levels", &huma.ErrorDetail{Message: "too deep", Location: "body"})
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

func (r resource) add(ctx context.Context, id, path string, why *Reasoned, body []byte) (*answer, error) {
	v, err := object(body)
	if err != nil {
		return nil, err
	}
	key := scalar(v[r.Key])
	if key == "" && r.Name == "routes" {
		key = scalar(v["prefix"])
	}
	if key == "" {
		return nil, huma.Error422UnprocessableEntity("nothing was changed: the key "+strconv.Quote(r.Key)+" names the "+r.One+", and it is missing or no text",
			&huma.ErrorDetail{Message: "write a text", Location: "/" + r.Key})
	}
	a, err := r.write1(ctx, id, key, why, &Unless{}, func(_ *revision.Entry, there bool) (revision.Edit, error) {
		return revision.Edit{Do: revision.Add, Value: body}, nil
	})
	if err == nil && a.Status == http.StatusOK {
		a.Status = http.StatusCreated
		where := "/api/v1/operator/" + r.Name
		if !r.operator {
			where = "/api/v1/tenants/" + url.PathEscape(id) + "/" + r.Name
		}
		a.Location = where + "/" + url.PathEscape(key)
	}
	return a, err
}

func (r resource) put(ctx context.Context, id, key string, why *Reasoned, unless *Unless, body []byte) (*answer, error) {
	v, err := object(body)
	if err != nil {
		return nil, err
	}
	if named := v[r.Key]; named == nil {
		name, _ := json.Marshal(key)
		v[r.Key] = name
	} else if got := scalar(named); got != key {
		return nil, huma.Error422UnprocessableEntity("nothing was changed: the body names another "+r.One+" than the path; a new name is a new entry: POST it, then DELETE the old one",
			&huma.ErrorDetail{Message: "must be " + key, Location: "/" + r.Key})
	}
	made := false
	a, err := r.write1(ctx, id, key, why, unless, func(e *revision.Entry, there bool) (revision.Edit, error) {
		made = !there
		whole := v
		if there {
			whole = keepSecrets(r.Type, v, e.Value)
		}
		return revision.Edit{Do: revision.Put, Value: noun.Ordered(r.Type, whole)}, nil
	})
	if err == nil && made {
		a.Status = http.StatusCreated
	}
	return a, err
}

func (r resource) patch(ctx context.Context, id, key string, why *Reasoned, unless *Unless, body []byte) (*answer, error) {
	v, err := object(body)
	if err != nil {
		return nil, err
	}
	if named, there := v[r.Key]; there && scalar(named) != key {
		return nil, huma.Error422UnprocessableEntity("nothing was changed: what names the "+r.One+" can't be changed; a new name is a new entry: POST it, then DELETE the old one",
			&huma.ErrorDetail{Message: "must be " + key + ", or left out", Location: "/" + r.Key})
	}
	return r.write1(ctx, id, key, why, unless, func(_ *revision.Entry, there bool) (revision.Edit, error) {
		if !there {
			return revision.Edit{}, revision.ErrNotFound
		}
		return revision.Edit{Do: revision.Patch, Value: body}, nil
	})
}

func (r resource) remove(ctx context.Context, id, key string, why *Reasoned, unless *Unless) (*answer, error) {
	return r.write1(ctx, id, key, why, unless, func(_ *revision.Entry, there bool) (revision.Edit, error) {
		if !there {
			return revision.Edit{}, revision.ErrNotFound
		}
		return revision.Edit{Do: revision.Delete}, nil
	})
}

// firstWords are the operator's document where nothing was said of the operator yet.
const firstWords = "operator: Operator\n"

// attempts is how often a change that says what it has seen is tried where others change the same document.
const attempts = 50

// write1 changes an entry: make says how, from what is there now. Who is asked, and on what condition, is judged on what the
// change then is applied to.
func (r resource) write1(ctx context.Context, id, key string, why *Reasoned, unless *Unless, make func(e *revision.Entry, there bool) (revision.Edit, error)) (*answer, error) {
	of := r.things(id, key)
	for range attempts {
		d, err := r.document(ctx, id)
		if err != nil {
			return nil, err
		}
		e, now, err := r.entry(ctx, id, key)
		if err != nil {
			return nil, err
		}
		if err := unless.met(now); err != nil {
			return nil, err
		}
		edit, err := make(&e, now != "")
		if err != nil {
			return nil, r.refusedChange(err, of)
		}
		edit.Tenant, edit.List, edit.Key = id, r.Name, key
		if err := r.allowed(ctx, id, &e, now != "", &edit); err != nil {
			return nil, err
		}
		change := revision.Change{
			Author: author(ctx, why.why()), Edits: []revision.Edit{edit}, Force: why.Force,
			If:    map[string]uint64{id: d.Revision}, // what was judged is what is changed
			Judge: judge(ctx),
		}
		if of.edits = change.Edits; r.operator && d.Text == "" {
			change.Texts = []revision.Text{{File: id, Text: []byte(firstWords)}}
		}
		rev, err := r.Book.Apply(ctx, change)
		if errors.Is(err, revision.ErrChanged) {
			continue // another entry of the same document, as a rule: look again
		}
		if err != nil {
			return nil, r.refusedChange(err, of)
		}
		if edit.Do == revision.Delete {
			return done(&rev), nil
		}
		return r.changed(id, key, &rev)
	}
	return nil, errBusy
}

// changed answers with an entry as a change has left it.
func (r resource) changed(id, key string, rev *revision.Revision) (*answer, error) {
	a := &answer{Status: http.StatusOK, ContentType: jsonType, Revision: strconv.FormatUint(rev.Number, 10)}
	e, err := r.Book.Entry(id, r.Name, key)
	if err != nil { // gone again already
		return done(rev), nil
	}
	a.ETag = tag(e.Value)
	a.Body, err = r.show(&e)
	return a, err
}

// keepSecrets puts into what replaces an entry the secrets that it does not name: nobody can read them, so nobody can send
// them back. Who names one part of a credential names the whole.
func keepSecrets(t reflect.Type, v map[string]json.RawMessage, now json.RawMessage) map[string]json.RawMessage {
	var there map[string]json.RawMessage
	if json.Unmarshal(now, &there) != nil {
		return v
	}
	_, password := v["password"]
	_, ha1 := v["ha1"]
	whole := make(map[string]json.RawMessage, len(v)+2)
	for key, value := range v {
		whole[key] = value
	}
	for _, key := range noun.Secrets(t) {
		_, said := v[key]
		kept, has := there[key]
		if credential := key == "password" || key == "ha1"; said || !has || credential && (password || ha1) {
			continue
		}
		whole[key] = kept
	}
	for key, value := range whole { // null is how a key is taken away
		if string(value) == "null" {
			delete(whole, key)
		}
	}
	return whole
}
