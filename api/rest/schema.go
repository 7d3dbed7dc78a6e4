package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

type reflectField = reflect.StructField

// article is a noun in the middle of a sentence.
func article(noun string) string {
	if strings.ContainsRune("aeio", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

// told is an answer with a document of a schema.
func told(what string, schema *huma.Schema) *huma.Response {
	return &huma.Response{Description: what, Content: map[string]*huma.MediaType{jsonType: {Schema: schema}}}
}

func okay(schema *huma.Schema) map[string]*huma.Response {
	return map[string]*huma.Response{"200": told("OK", schema)}
}

// accept says what an operation's body is, which reached it unread.
func accept(a huma.API, path, method string, schema *huma.Schema, types ...string) {
	o := operation(a, path, method)
	o.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, t := range types {
		o.RequestBody.Content[t] = &huma.MediaType{Schema: schema}
	}
}

// operation finds one that was registered.
func operation(a huma.API, path, method string) *huma.Operation {
	item := a.OpenAPI().Paths[path]
	switch method {
	case "GET":
		return item.Get
	case "POST":
		return item.Post
	case "PUT":
		return item.Put
	case "PATCH":
		return item.Patch
	}
	return item.Delete
}

// pageSchema is the schema of a page of entries.
func pageSchema(registry huma.Registry, t reflect.Type, item *huma.Schema) *huma.Schema {
	name := t.Name() + "Page"
	if registry.Map()[name] == nil {
		registry.Map()[name] = &huma.Schema{
			Type: huma.TypeObject, Description: "One page of a list.", Required: []string{"items"}, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{
				"items": {Type: huma.TypeArray, Items: item},
				"next":  {Type: huma.TypeString, Description: "pass as ?cursor= for the next page; absent on the last"},
			},
		}
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

// patchSchema is the schema of a merge patch of a type: all of its keys, none of which must be there.
func patchSchema(registry huma.Registry, t reflect.Type) *huma.Schema {
	name := t.Name() + "Patch"
	if registry.Map()[name] == nil {
		whole := registry.SchemaFromRef(registry.Schema(t, true, "").Ref)
		patch := *whole
		patch.Required = nil
		patch.Description = "What is to change: what is not named stays, null takes a key away (RFC 7396)."
		patch.Properties = map[string]*huma.Schema{}
		for key, p := range whole.Properties {
			if p.Ref == "" {
				nullable := *p
				nullable.Nullable = true
				p = &nullable
			}
			patch.Properties[key] = p
		}
		registry.Map()[name] = &patch
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// strictly decodes a JSON document whose keys must all be known.
func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && string(bytes.TrimSpace(text)) == "null" {
		err = errors.New("it must be an object")
	}
	if err == nil && d.More() {
		err = errors.New("there is more behind the document")
	}
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return huma.Error422UnprocessableEntity("the body can't be taken: see errors", &huma.ErrorDetail{Message: "must be " + kindOf(wrong.Type) + ", not " + wrong.Value, Location: "/" + strings.ReplaceAll(wrong.Field, ".", "/")})
	}
	return huma.Error400BadRequest("the body can't be taken: "+strings.TrimPrefix(err.Error(), "json: "), &huma.ErrorDetail{Message: strings.TrimPrefix(err.Error(), "json: "), Location: "body"})
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}
