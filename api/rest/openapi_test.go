package rest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

var inPath = regexp.MustCompile(`\{([^}]+)\}`)

// The description says everything of every operation: what stands in its path, how it is refused, in which group it is.
func TestDescription(t *testing.T) {
	_, a := build((&exchange{}).config())
	o := a.OpenAPI()
	if _, err := json.Marshal(o); err != nil {
		t.Fatal(err)
	}
	for path, item := range o.Paths {
		for method, op := range methods(item) {
			declared := map[string]bool{}
			for _, p := range op.Parameters {
				if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
					p = o.Components.Parameters[name]
				}
				if p.In == "path" {
					declared[p.Name] = true
				}
			}
			for _, m := range inPath.FindAllStringSubmatch(path, -1) {
				if !declared[m[1]] {
					t.Errorf("%s %s does not declare {%s}: is it in an embedded type that is not exported?", method, path, m[1])
				}
			}
			if op.Summary == "" || len(op.Tags) == 0 || op.OperationID == "" || op.Responses["500"] == nil {
				t.Errorf("%s %s has no summary, group, id or refusals: %+v", method, path, op)
			}
		}
	}
	for name := range o.Components.Schemas.Map() {
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("a type is called %q", name)
		}
	}
	if len(o.Webhooks) != len(happenings) {
		t.Errorf("%d events", len(o.Webhooks))
	}
	if id := o.Components.Schemas.Map()["Line"]; id == nil || id.Properties["$schema"] != nil || !id.Properties["password"].WriteOnly {
		t.Errorf("a line is %+v", id)
	}
}

// What was sent is not told back whole.
func TestProblemsAreShort(t *testing.T) {
	problem := &huma.ErrorModel{Detail: strings.Repeat("é", 5000), Errors: []*huma.ErrorDetail{{Location: "body.a[2].b", Message: strings.Repeat("x", 5000), Value: "secret"}, {Location: "body", Value: "secret"}, {Location: "query.limit", Value: 1}}}
	v, err := pointed(nil, "422", problem)
	p := v.(*huma.ErrorModel)
	if err != nil || len(p.Detail) > 2010 || len(p.Errors[0].Message) > 510 || p.Errors[0].Location != "/a/2/b" || p.Errors[0].Value != nil || p.Errors[1].Value != nil || p.Errors[2].Location != "query.limit" {
		t.Errorf("%+v %v", p, err)
	}
}
