package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Ban is a source that is not heard for a while, because it guessed passwords.
type Ban struct {
	Source string    `json:"source"`
	Until  time.Time `json:"until"`
}

func (c Config) bans(api huma.API) {
	huma.Register(api, huma.Operation{OperationID: "list-bans", Method: http.MethodGet, Path: "/api/v1/bans", Summary: "Sources that are not heard now"},
		func(_ context.Context, _ *struct{}) (*body[Page[Ban]], error) {
			page := Page[Ban]{Items: []Ban{}}
			for _, b := range c.Bans() {
				page.Items = append(page.Items, Ban{Source: b.Source.String(), Until: b.Until})
			}
			return &body[Page[Ban]]{page}, nil
		})
	huma.Register(api, huma.Operation{OperationID: "lift-ban", Method: http.MethodDelete, Path: "/api/v1/bans/{source}", Summary: "Hear a source again", DefaultStatus: http.StatusNoContent},
		func(_ context.Context, in *struct {
			Source string `path:"source" maxLength:"64"`
		}) (*struct{}, error) {
			if !c.Unban(in.Source) {
				return nil, huma.Error404NotFound("that source is not banned")
			}
			return nil, nil
		})
}
