package rest

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// plainProblems takes out of problems what was sent: it may be a secret, and its place tells enough. What is wrong is said
// in the detail too, so that a person needs nothing else.
func plainProblems(_ huma.Context, _ string, v any) (any, error) {
	p, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	told := *p
	told.Errors = nil
	var first string
	for _, e := range p.Errors {
		if e == nil {
			continue
		}
		told.Errors = append(told.Errors, &huma.ErrorDetail{Message: e.Message, Location: e.Location})
		if first == "" {
			first = strings.TrimPrefix(e.Location+": "+e.Message, ": ")
		}
	}
	if first != "" && (told.Detail == "validation failed" || told.Detail == "") {
		told.Detail = "the request is not as it must be: " + first
	}
	return &told, nil
}

// acceptable tells whether somebody who takes only certain types of answers takes one of an operation's. Problems are
// always told.
func acceptable(accept string, o *huma.Operation) bool {
	if accept == "" {
		return true
	}
	var offers []string
	for status, res := range o.Responses {
		if !strings.HasPrefix(status, "2") && status != "101" || res == nil {
			continue
		}
		if len(res.Content) == 0 {
			return true // nothing is given, so nothing need be taken
		}
		for kind := range res.Content {
			offers = append(offers, kind)
		}
	}
	if len(offers) == 0 {
		return true
	}
	for wish := range strings.SplitSeq(accept, ",") {
		kind, params, _ := strings.Cut(wish, ";")
		kind = strings.ToLower(strings.TrimSpace(kind))
		q := strings.ReplaceAll(params, " ", "")
		if strings.HasPrefix(q, "q=0") && strings.Trim(q[3:], ".0") == "" {
			continue
		}
		for _, offer := range offers {
			main, _, _ := strings.Cut(offer, "/")
			if kind == "*/*" || kind == "*" || kind == offer || kind == main+"/*" || kind == "application/problem+json" && offer == "application/json" || strings.HasSuffix(offer, "/*") && strings.HasPrefix(kind, main+"/") {
				return true
			}
		}
	}
	return false
}
