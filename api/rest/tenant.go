package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/noun"
	"santral/service/revision"
	"santral/tenant"
)

const (
	tenantsPath  = "/api/v1/tenants"
	tenantPath   = tenantsPath + "/{tenant}"
	operatorPath = "/api/v1/operator"
)

// settings are the own keys of a document.
type settings struct {
	Config
	t    reflect.Type
	what string // "tenant", "operator"
}

// tenants serves tenants and the operator: their documents' own keys.
func (c Config) tenants(a huma.API) {
	registry := a.OpenAPI().Components.Schemas
	s := settings{c, reflect.TypeFor[noun.Tenant](), "tenant"}
	o := settings{c, reflect.TypeFor[noun.Operator](), "operator"}
	schema, own := registry.Schema(s.t, true, ""), registry.Schema(o.t, true, "")
	place := func(o huma.Operation) huma.Operation {
		o.Tags, o.MaxBodyBytes, o.BodyReadTimeout, o.SkipValidateBody = []string{"Tenants"}, maxBody, bodyTime, true
		return o
	}

	list := place(op("list-tenants", http.MethodGet, tenantsPath, "Tenants, each with the own keys of its document", reads("tenants", tenant.RoleReporter)))
	list.Responses = okay(pageSchema(registry, s.t, schema))
	huma.Register(a, list, func(ctx context.Context, in *struct {
		Paging
		Seen
		Text string `query:"q" maxLength:"100" doc:"only tenants in which this stands"`
	}) (*answer, error) {
		return s.list(ctx, &in.Paging, &in.Seen, in.Text)
	})
	get := place(op("get-tenant", http.MethodGet, tenantPath, "Show a tenant: the own keys of its document", reads("tenants", tenant.RoleReporter)))
	get.Responses = okay(schema)
	huma.Register(a, get, func(ctx context.Context, in *struct {
		TenantPath
		Seen
	}) (*answer, error) {
		if _, err := s.theTenant(ctx, in.Tenant); err != nil {
			return nil, err
		}
		return s.get(in.Tenant, &in.Seen)
	})
	add := place(op("create-tenant", http.MethodPost, tenantsPath, "Make a tenant: its document begins with these keys", writes("tenants", tenant.RoleOperator)))
	add.DefaultStatus, add.Responses = http.StatusCreated, map[string]*huma.Response{"201": told("Made; Location says where it is", schema)}
	huma.Register(a, add, func(ctx context.Context, in *struct {
		Reasoned
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		return s.create(ctx, &in.Reasoned, in.RawBody)
	})
	accept(a, tenantsPath, http.MethodPost, schema, jsonType)
	change := place(op("patch-tenant", http.MethodPatch, tenantPath, "Change a tenant's own keys: what is not named stays, null takes a key away", writes("tenants", tenant.RoleAdmin)))
	change.Description += " Its domains, type, brand and limits, and how long what is kept stays, are the operator's to change."
	change.Responses = okay(schema)
	huma.Register(a, change, func(ctx context.Context, in *struct {
		TenantPath
		Reasoned
		Unless
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		if _, err := s.theTenant(ctx, in.Tenant); err != nil {
			return nil, err
		}
		return s.patch(ctx, in.Tenant, &in.Reasoned, &in.Unless, in.RawBody)
	})
	accept(a, tenantPath, http.MethodPatch, patchSchema(registry, s.t), mergePatch, jsonType)
	huma.Register(a, place(empty(op("delete-tenant", http.MethodDelete, tenantPath, "Take a tenant away with everything that its document says; its records stay", writes("tenants", tenant.RoleOperator)))),
		func(ctx context.Context, in *struct {
			TenantPath
			Reasoned
			Unless
		}) (*answer, error) {
			if _, err := s.theTenant(ctx, in.Tenant); err != nil {
				return nil, err
			}
			return s.remove(ctx, in.Tenant, &in.Reasoned, &in.Unless)
		})

	get = place(op("get-operator", http.MethodGet, operatorPath, "Show the own keys of the operator's document", reads("operator", tenant.RoleOperator)))
	get.Responses = okay(own)
	huma.Register(a, get, func(ctx context.Context, in *struct{ Seen }) (*answer, error) {
		if err := c.theOperator(ctx); err != nil {
			return nil, err
		}
		return o.get(tenant.OperatorID, &in.Seen)
	})
	change = place(op("patch-operator", http.MethodPatch, operatorPath, "Change the own keys of the operator's document: what is not named stays, null takes a key away", writes("operator", tenant.RoleOperator)))
	change.Responses = okay(own)
	huma.Register(a, change, func(ctx context.Context, in *struct {
		Reasoned
		Unless
		RawBody []byte `contentType:"application/json"`
	}) (*answer, error) {
		if err := c.theOperator(ctx); err != nil {
			return nil, err
		}
		return o.patch(ctx, tenant.OperatorID, &in.Reasoned, &in.Unless, in.RawBody)
	})
	accept(a, operatorPath, http.MethodPatch, patchSchema(registry, o.t), mergePatch, jsonType)
}

// theOperator gives the error to answer with who is bound to a tenant and asks for what is the operator's.
func (c Config) theOperator(ctx context.Context) error {
	if !api.From(ctx).In(tenant.OperatorID) {
		return huma.Error404NotFound("what is the operator's is told to nobody who is bound to a tenant")
	}
	return nil
}

func (s settings) things(id string) things {
	if id == tenant.OperatorID {
		return things{what: "document of the operator's yet: PUT " + operatorPath + "/document, or PATCH " + operatorPath, list: operatorPath + "/document"}
	}
	return things{what: "tenant " + strconv.Quote(id), list: tenantsPath}
}

// values gives the own keys of a document with what stands there, its secrets sealed.
func (s settings) values(id string) (map[string]json.RawMessage, error) {
	values := map[string]json.RawMessage{}
	for _, f := range noun.Fields(s.t) {
		e, err := s.Book.Entry(id, "", noun.Key(f))
		switch {
		case errors.Is(err, revision.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			values[noun.Key(f)] = e.Value
		}
	}
	if len(values) == 0 {
		if _, err := s.Book.Document(id); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// shown gives the own keys as they are told, and their tag.
func (s settings) shown(id string) (text json.RawMessage, now string, err error) {
	values, err := s.values(id)
	if errors.Is(err, revision.ErrNotFound) && id == tenant.OperatorID {
		values, err = map[string]json.RawMessage{"operator": json.RawMessage(`""`)}, nil // nothing was said yet: everything is as it is without
	}
	if err != nil {
		return nil, "", s.refusedChange(err, s.things(id))
	}
	raw := noun.Ordered(s.t, values)
	if text, err = noun.Shape(s.t, raw); err != nil {
		return nil, "", s.failed("the "+s.what+" can't be shown", err)
	}
	return text, tag(raw), nil
}

func (s settings) get(id string, unless *Seen) (*answer, error) {
	text, now, err := s.shown(id)
	if err != nil {
		return nil, err
	}
	if unless.same(now) {
		return unchanged(now), nil
	}
	return &answer{Status: http.StatusOK, ContentType: jsonType, ETag: now, Body: text}, nil
}

func (s settings) list(ctx context.Context, paging *Paging, unless *Seen, want string) (*answer, error) {
	page := Page[json.RawMessage]{Items: []json.RawMessage{}}
	from, err := parseCursor(paging.Cursor, "")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range s.Book.Current().Tenants {
		if t.ID > from.Key && api.From(ctx).In(t.ID) {
			ids = append(ids, t.ID)
		}
	}
	slices.Sort(ids)
	want = folded(want)
	last := ""
	for _, id := range ids {
		text, _, err := s.shown(id)
		if err != nil {
			continue // taken away this moment
		}
		var v any
		if want != "" && (json.Unmarshal(text, &v) != nil || !holds(v, want)) {
			continue
		}
		if len(page.Items) == paging.Limit {
			page.Next = cursor{Key: last}.String()
			break
		}
		page.Items, last = append(page.Items, text), id
	}
	text, err := json.Marshal(page)
	if err != nil {
		return nil, s.failed("the tenants can't be shown", err)
	}
	now := tag(text)
	if unless.same(now) {
		return unchanged(now), nil
	}
	return &answer{Status: http.StatusOK, ContentType: jsonType, ETag: now, Body: text}, nil
}

func (s settings) create(ctx context.Context, why *Reasoned, body []byte) (*answer, error) {
	v, err := object(body)
	if err != nil {
		return nil, err
	}
	id := scalar(v["tenant"])
	if id == "" {
		return nil, huma.Error422UnprocessableEntity("nothing was changed: the key \"tenant\" names the tenant, and it is missing or no text", &huma.ErrorDetail{Message: "write a text of a–z, 0–9 and -", Location: "/tenant"})
	}
	if s.Book.Current().Tenant(id) != nil {
		return nil, s.refusedChange(revision.ErrExists, s.things(id))
	}
	rev, err := s.Book.Apply(ctx, revision.Change{
		Author: author(ctx, why.why()), Texts: []revision.Text{{File: id, Text: document(s.t, v)}},
		If: map[string]uint64{id: 0}, // who makes it first has made it
	})
	if errors.Is(err, revision.ErrChanged) {
		err = revision.ErrExists
	}
	if err != nil {
		return nil, s.refusedChange(err, s.things(id))
	}
	a, err := s.get(id, &Seen{})
	if err == nil {
		a.Status, a.Location, a.Revision = http.StatusCreated, tenantsPath+"/"+url.PathEscape(id), strconv.FormatUint(rev.Number, 10)
	}
	return a, err
}

// document writes the keys of an object as a document, a line each: JSON is YAML too.
func document(t reflect.Type, v map[string]json.RawMessage) []byte {
	var out bytes.Buffer
	for _, line := range noun.Lines(t, v) {
		out.WriteString(line)
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func (s settings) patch(ctx context.Context, id string, why *Reasoned, unless *Unless, body []byte) (*answer, error) {
	v, err := object(body)
	if err != nil {
		return nil, err
	}
	for _, l := range noun.Lists {
		if _, named := v[l.Name]; named {
			return nil, huma.Error422UnprocessableEntity("nothing was changed: "+l.Name+" is a list with a resource of its own", &huma.ErrorDetail{Message: "leave it out, and change its entries one by one or by POST /api/v1/batch", Location: "/" + l.Name})
		}
	}
	if named, there := v[s.what]; s.what == "tenant" && there && scalar(named) != id {
		return nil, huma.Error422UnprocessableEntity("nothing was changed: a tenant's id stands in every record and never changes", &huma.ErrorDetail{Message: "must be " + id + ", or left out", Location: "/tenant"})
	}
	of := s.things(id)
	for range attempts {
		d, err := s.Book.Document(id)
		if errors.Is(err, revision.ErrNotFound) && id == tenant.OperatorID {
			d, err = revision.Document{Tenant: id}, nil
		}
		if err != nil {
			return nil, s.refusedChange(err, of)
		}
		_, now, err := s.shown(id)
		if err != nil {
			return nil, err
		}
		if err := unless.met(now); err != nil {
			return nil, err
		}
		change := revision.Change{
			Author: author(ctx, why.why()), Force: why.Force, If: map[string]uint64{id: d.Revision}, Judge: judge(ctx),
			Edits: []revision.Edit{{Tenant: id, Do: revision.Patch, Value: body}},
		}
		if of.edits = change.Edits; d.Text == "" {
			change.Texts = []revision.Text{{File: id, Text: []byte(firstWords)}}
		}
		rev, err := s.Book.Apply(ctx, change)
		if errors.Is(err, revision.ErrChanged) {
			continue
		}
		if err != nil {
			return nil, s.refusedChange(err, of)
		}
		a, err := s.get(id, &Seen{})
		if err == nil {
			a.Revision = strconv.FormatUint(rev.Number, 10)
		}
		return a, err
	}
	return nil, errBusy
}

func (s settings) remove(ctx context.Context, id string, why *Reasoned, unless *Unless) (*answer, error) {
	change := revision.Change{Author: author(ctx, why.why()), Force: why.Force, Remove: []string{id}}
	if unless.asks() {
		d, err := s.Book.Document(id)
		if err != nil {
			return nil, s.refusedChange(err, s.things(id))
		}
		_, now, err := s.shown(id)
		if err != nil {
			return nil, err
		}
		if err := unless.met(now); err != nil {
			return nil, err
		}
		change.If = map[string]uint64{id: d.Revision}
	}
	rev, err := s.Book.Apply(ctx, change)
	if err != nil {
		return nil, s.refusedChange(err, s.things(id))
	}
	return done(&rev), nil
}

// errBusy is said where a change that rests on what was seen finds it changed time and again.
var errBusy = huma.Error409Conflict("others change this document all the time: try again, or send many changes as one by POST /api/v1/batch")

// judge gives what a change of whole documents is judged by: who is bound to a tenant changes its document alone, and in
// that nothing of what the operator has sold. nil for who may everything.
func judge(ctx context.Context) func(was, is *tenant.Snapshot, changed []string) error {
	who := api.From(ctx)
	if who.Tenant == "" && who.Role >= tenant.RoleOperator {
		return nil
	}
	return func(was, is *tenant.Snapshot, changed []string) error {
		for _, id := range changed {
			if !who.In(id) || id == tenant.OperatorID {
				return huma.Error404NotFound("there is no tenant " + strconv.Quote(id) + " that you may change")
			}
			a, b := was.Tenant(id), is.Tenant(id)
			if a == nil || b == nil {
				return huma.Error403Forbidden("tenants are made and taken away by the operator")
			}
			if who.Role >= tenant.RoleOperator {
				continue
			}
			if kept := sold(a, b); kept != "" {
				return huma.Error403Forbidden(kept + " of a tenant is the operator's to change: ask there")
			}
		}
		return nil
	}
}

// sold says what of a tenant differs that its operator decides; "" for nothing.
func sold(a, b *tenant.Tenant) string {
	var list []string
	differs := func(what string, x, y any) {
		if !reflect.DeepEqual(x, y) {
			list = append(list, what)
		}
	}
	differs("limits", a.Limits, b.Limits)
	differs("domains", a.Domains, b.Domains)
	differs("default", a.Default, b.Default)
	differs("type", a.Type, b.Type)
	differs("brand", a.Brand, b.Brand)
	differs("retention", a.Retention, b.Retention)
	grows := func(what string, of func(*tenant.Tenant) map[string]bool) {
		had := of(a)
		for one := range of(b) {
			if !had[one] {
				list = append(list, what+" ("+one+")")
				return
			}
		}
	}
	grows("public numbers", publicNumbers)
	grows("sources and channels of trunks", trunkSources)
	grows("files of music", musicFiles)
	grows("private targets of webhooks", privateTargets)
	return strings.Join(list, ", ")
}

// publicNumbers are those that a tenant has: with one more it would be called by it, and present it.
func publicNumbers(t *tenant.Tenant) map[string]bool {
	m := map[string]bool{}
	for i := range t.Accounts {
		if a := &t.Accounts[i]; a.Kind == tenant.Line {
			m[a.Number] = true
		}
	}
	for i := range t.Numbers {
		m[t.Numbers[i].Numbers.String()] = true
	}
	for i := range t.Trunks {
		for j := range t.Trunks[i].Numbers {
			m[t.Trunks[i].Numbers[j].String()] = true
		}
	}
	return m
}

// trunkSources are what trunks are known by without a password, whose calls would be taken for the tenant's, and how many
// calls they may have.
func trunkSources(t *tenant.Tenant) map[string]bool {
	m := map[string]bool{}
	for i := range t.Trunks {
		k := &t.Trunks[i]
		for _, p := range k.Addresses {
			m[p.String()] = true
		}
		for _, d := range k.Certificates {
			m[d] = true
		}
		if k.PBX {
			m[k.Name+": "+strconv.Itoa(k.Channels)] = true
		}
	}
	return m
}

// musicFiles are those of the exchange's own disk that a tenant plays.
func musicFiles(t *tenant.Tenant) map[string]bool {
	m := map[string]bool{}
	for i := range t.Music {
		if p := t.Music[i].Play; p != tenant.MusicBuiltin && p != tenant.MusicNone {
			m[p] = true
		}
	}
	return m
}

// privateTargets are addresses of the house's own network that webhooks may reach.
func privateTargets(t *tenant.Tenant) map[string]bool {
	m := map[string]bool{}
	for i := range t.Webhooks {
		for _, h := range t.Webhooks[i].Hosts {
			m[h] = true
		}
	}
	return m
}
