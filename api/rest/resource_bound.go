package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/service/revision"
	"santral/tenant"
)

// everybodys are the lists that whoever is bound to a part of a tenant reads whole: what is chosen among.
var everybodys = []string{"classes", "schedules", "calendars", "lists", "music"}

// ownKeys are the settings of an account that whose it is may change.
var ownKeys = []string{"language", "music", "password", "withhold"}

// place is what an entry says of where it is.
type place struct {
	Site       string   `json:"site"`
	Department string   `json:"department"`
	Parent     string   `json:"parent"`
	Building   string   `json:"building"`
	Accounts   []string `json:"accounts"`
	Members    []string `json:"members"`
}

// placeOf reads it; what is written otherwise than it must be is nowhere, and is refused by whoever reads documents.
func placeOf(value json.RawMessage) (p place) {
	var v map[string]json.RawMessage
	if json.Unmarshal(value, &v) != nil {
		return p
	}
	p.Site, p.Department, p.Building = scalar(v["site"]), scalar(v["department"]), scalar(v["building"])
	p.Parent = scalar(v["parent"])
	p.Accounts, p.Members = scalars(v["accounts"]), scalars(v["members"])
	return p
}

// scalar gives a value as the text that documents take it for, "" for what is none.
func scalar(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	if len(v) == 0 || v[0] == '{' || v[0] == '[' || string(v) == "null" {
		return ""
	}
	return string(v)
}

func scalars(v json.RawMessage) (list []string) {
	var items []json.RawMessage
	if json.Unmarshal(v, &items) != nil {
		return nil
	}
	for _, item := range items {
		list = append(list, scalar(item))
	}
	return list
}

// visible tells whether who asks may see an entry.
func (r resource) visible(ctx context.Context, id string, e *revision.Entry) bool {
	if !partly(ctx) || r.operator {
		return true
	}
	who := api.From(ctx)
	if who.Role < tenant.RoleReporter {
		return (r.Name == "extensions" || r.Name == "lines") && who.Account != "" && e.Key == who.Account
	}
	return slices.Contains(everybodys, r.Name) || r.inside(ctx, id, e.Key, e.Value)
}

// inside tells whether an entry, as its value says it, is within the site and the department that who asks is bound to.
func (r resource) inside(ctx context.Context, id, key string, value json.RawMessage) bool {
	who := api.From(ctx)
	t := r.Book.Current().Tenant(id)
	if t == nil {
		return false
	}
	p := placeOf(value)
	within := func(site, department string) bool {
		return (who.Site == "" || site == who.Site) && (who.Department == "" || partOf(t, department, who.Department))
	}
	theirs := func(accounts []string) bool {
		return len(accounts) > 0 && !slices.ContainsFunc(accounts, func(number string) bool { return !r.reaches(who, id, number) })
	}
	switch r.Name {
	case "extensions", "lines":
		if p.Site == "" && len(t.Sites) > 0 {
			p.Site = t.Sites[0].ID
		}
		return within(p.Site, p.Department)
	case "devices":
		if p.Site == "" && p.Department == "" {
			return theirs(p.Accounts)
		}
		return (who.Site == "" || p.Site == who.Site || p.Site == "" && theirs(p.Accounts)) &&
			(who.Department == "" || partOf(t, p.Department, who.Department)) && (len(p.Accounts) == 0 || theirs(p.Accounts))
	case "groups":
		return theirs(p.Members)
	case "units":
		return len(p.Accounts) > 0 && theirs(p.Accounts) || len(p.Accounts) == 0 && who.Department == "" && siteOf(t, p.Building) == who.Site
	case "sites":
		return who.Site == "" || key == who.Site
	case "departments":
		return who.Department == "" && (p.Site == "" || p.Site == who.Site) || who.Department != "" && (key == who.Department || partOf(t, p.Parent, who.Department))
	case "buildings":
		return who.Site == "" || siteOf(t, key) == who.Site
	}
	return false
}

// partOf tells whether a department is another, or a part of it.
func partOf(t *tenant.Tenant, department, whole string) bool {
	for range len(t.Departments) + 1 {
		if department == whole {
			return true
		}
		i := slices.IndexFunc(t.Departments, func(d tenant.Department) bool { return d.ID == department })
		if i < 0 {
			return false
		}
		department = t.Departments[i].Parent
	}
	return false
}

func siteOf(t *tenant.Tenant, building string) string {
	for i := range t.Buildings {
		if b := &t.Buildings[i]; b.ID == building && b.Site != "" {
			return b.Site
		}
	}
	if len(t.Sites) > 0 {
		return t.Sites[0].ID
	}
	return ""
}

// allowed judges a change by who asks for it: a person's own account in what is a person's own, a manager's in the bounds
// that the entry is in now and would be in then.
func (r resource) allowed(ctx context.Context, id string, e *revision.Entry, there bool, edit *revision.Edit) error {
	who := api.From(ctx)
	if who.Role < r.write {
		return r.ownOnly(who, edit)
	}
	if !partly(ctx) || r.operator {
		return nil
	}
	after := edit.Value
	switch edit.Do {
	case revision.Patch:
		after = merged(e.Value, edit.Value)
	case revision.Delete:
		after = e.Value
	}
	if there && !r.inside(ctx, id, edit.Key, e.Value) || !r.inside(ctx, id, edit.Key, after) {
		return huma.Error403Forbidden("you may change only what is in " + bounds(who) + ", and leave it there: ask an administrator of the tenant")
	}
	return nil
}

func bounds(who api.Identity) string {
	switch {
	case who.Department == "":
		return "site " + who.Site
	case who.Site == "":
		return "department " + who.Department
	}
	return "department " + who.Department + " at site " + who.Site
}

func (r resource) ownOnly(who api.Identity, edit *revision.Edit) error {
	if who.Role != tenant.RoleUser || who.Account == "" || who.Account != edit.Key || edit.Do != revision.Patch {
		return huma.NewError(http.StatusForbidden, "this needs the role "+r.write.String()+", and yours is "+who.Role.String()+": ask an administrator")
	}
	var v map[string]json.RawMessage
	_ = json.Unmarshal(edit.Value, &v) // it was one before
	for key := range v {
		if key != r.Key && !slices.Contains(ownKeys, key) {
			return huma.Error403Forbidden("of your own account you may change language, music, password and withhold: ask an administrator for " + key)
		}
	}
	return nil
}

// merged applies a merge patch to an object (RFC 7396 §2).
func merged(target, patch json.RawMessage) json.RawMessage {
	var changes map[string]json.RawMessage
	if json.Unmarshal(patch, &changes) != nil || changes == nil {
		return patch
	}
	var now map[string]json.RawMessage
	if json.Unmarshal(target, &now) != nil || now == nil {
		now = map[string]json.RawMessage{}
	}
	for key, value := range changes {
		if string(value) == "null" {
			delete(now, key)
			continue
		}
		now[key] = merged(now[key], value)
	}
	text, err := json.Marshal(now)
	if err != nil {
		return target
	}
	return text
}
