package rest

import (
	"bytes"
	"context"
	_ "embed" // the page
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"santral/api"
	"santral/api/order"
	"santral/service/letter"
)

//go:embed link.html
var linkPage string

var linkTemplate = template.Must(template.New("link").Parse(linkPage))

// links serves the addresses by which phones set themselves up: what they get hangs on what they are.
func (c Config) links(a huma.API) {
	text := &huma.Schema{Type: huma.TypeString}
	o := answering(op("follow-link", http.MethodGet, order.LinkPath+"{token}", "What a phone needs to set itself up: whoever has the link gets it", right{Open: true}), map[string]*huma.Response{"200": {
		Description: "XML for Linphone and its relatives, a page for people, or JSON, as Accept, User-Agent or format wants it",
		Content:     map[string]*huma.MediaType{"application/xml": {Schema: text}, "text/html": {Schema: text}, jsonType: {Schema: a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[order.Setup](), true, "")}},
	}})
	o.Tags = []string{"Orders"}
	huma.Register(a, o, func(ctx context.Context, in *struct {
		Token  string `path:"token" maxLength:"64" pattern:"^[A-Za-z0-9_-]+$"`
		Format string `query:"format" enum:"linphone,json,page" doc:"as Accept and User-Agent want it when left out"`
		Accept string `header:"Accept" maxLength:"1000"`
		Agent  string `header:"User-Agent" maxLength:"1000"`
	}) (*answer, error) {
		if c.Orders == nil {
			return nil, huma.Error503ServiceUnavailable("try again in a moment")
		}
		line, err := c.Orders.Follow(ctx, in.Token, in.Agent, api.From(ctx).Source.String())
		if errors.Is(err, order.ErrNoNoun) {
			return nil, huma.Error404NotFound("this link leads nowhere (any more): ask who gave it to you for another")
		}
		if err != nil {
			return nil, c.failed("the link can't be followed", err)
		}
		return c.followed(&line, formatOf(in.Format, in.Accept, in.Agent))
	})
}

// formatOf is what whoever follows a link wants of it.
func formatOf(said, accept, agent string) string {
	switch {
	case said != "":
		return said
	case strings.Contains(accept, "text/html"):
		return "page"
	case strings.Contains(accept, jsonType):
		return "json"
	}
	return "linphone"
}

func (c Config) followed(line *order.Setup, format string) (*answer, error) {
	var b bytes.Buffer
	switch format {
	case "json":
		if err := escaped.Marshal(&b, line); err != nil {
			return nil, c.failed("the link can't be followed", err)
		}
		return &answer{Status: http.StatusOK, ContentType: jsonType, Body: b.Bytes()}, nil
	case "page":
		picture, err := letter.QR(line.Link, 320)
		if err == nil {
			err = linkTemplate.Execute(&b, struct {
				*order.Setup
				QR               template.URL
				UntilFa, UntilEn string
			}{line, template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)), dateOf(line.Until, letter.Persian), dateOf(line.Until, letter.English)})
		}
		if err != nil {
			return nil, c.failed("the link can't be followed", err)
		}
		return &answer{Status: http.StatusOK, ContentType: "text/html; charset=utf-8", Body: b.Bytes()}, nil
	}
	text, err := order.Linphone(line)
	if err != nil {
		return nil, c.failed("the link can't be followed", err)
	}
	return &answer{Status: http.StatusOK, ContentType: "application/xml", Body: text}, nil
}
