package rest

import (
	"bytes"
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/observe/trace"
	"santral/tenant"
)

// traced is a trace in the form that was asked for.
type traced struct {
	ContentType string `header:"Content-Type"`
	Body        any
}

func (c Config) trace(on huma.API) {
	page := huma.SchemaFromType(on.OpenAPI().Components.Schemas, reflect.TypeFor[Page[trace.Entry]]())
	huma.Register(on, answering(op("trace-call", http.MethodGet, "/api/v1/calls/{call}/trace",
		"SIP messages of a call and what was decided about it, live or ended, both legs joined", reads("traces", tenant.RoleManager)),
		map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"application/json":         {Schema: page},
			"text/plain":               {Schema: &huma.Schema{Type: "string"}},
			"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
		}}}), func(ctx context.Context, in *struct {
		Call   string `path:"call" maxLength:"64"`
		Format string `query:"format" enum:"json,text,pcapng" default:"json" doc:"json: entries; text: a ladder; pcapng: a capture for Wireshark"`
	}) (*traced, error) {
		entries, err := c.entries(ctx, in.Call)
		if err != nil {
			return nil, err
		}
		switch in.Format {
		case "text":
			return &traced{"text/plain; charset=utf-8", []byte(trace.Ladder(entries))}, nil
		case "pcapng":
			var b bytes.Buffer
			if err := trace.WritePcapng(&b, entries); err != nil {
				return nil, c.failed("the trace can't be exported", err)
			}
			return &traced{"application/octet-stream", b.Bytes()}, nil
		}
		return &traced{"application/json", Page[trace.Entry]{Items: entries}}, nil
	})
}

// entries gives the trace of a call: the messages of its legs, and its decisions, which stand under the
// call's own id. Of a call between two tenants each sees the messages of its own legs alone.
func (c Config) entries(ctx context.Context, call string) ([]trace.Entry, error) {
	var ids []string
	if legs := c.LegIDs(call); len(legs) > 0 {
		all := true
		for _, l := range legs {
			if c.sees(ctx, l.Tenant, l.Account) {
				ids = append(ids, l.SIPCallID)
			} else if !api.From(ctx).In(l.Tenant) {
				all = false
			}
		}
		if len(ids) == 0 {
			return nil, huma.Error404NotFound("there is no such call")
		}
		if all {
			ids = append(ids, call)
		}
	} else {
		var err error
		if ids, err = c.recordedCallIDs(ctx, call); err != nil {
			return nil, err
		}
	}
	entries, err := c.Trace(ctx, ids)
	if err != nil {
		return nil, c.failed("the trace can't be read", err)
	}
	if entries == nil {
		entries = []trace.Entry{}
	}
	return entries, nil
}
