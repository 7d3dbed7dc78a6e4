package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"santral/tenant"
)

// backups serves archives of everything.
func (c Config) backups(api huma.API) {
	huma.Register(api, answering(op("get-backup", http.MethodGet, "/api/v1/backup", "An archive of everything that the exchange must keep", writes("backup", tenant.RoleOperator)), map[string]*huma.Response{
		"200": {Description: "A tar file under gzip; its last entry is SHA256SUMS, without which it is not whole. It holds keys: keep it as you keep those.", Content: map[string]*huma.MediaType{"application/gzip": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}},
	}), func(_ context.Context, in *struct {
		Recordings bool `query:"recordings" doc:"filed recordings too"`
	}) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			ctx.SetHeader("Content-Type", "application/gzip")
			ctx.SetHeader("Content-Disposition", `attachment; filename="santral-`+time.Now().UTC().Format("20060102-150405")+`.tar.gz"`)
			r, w := humago.Unwrap(ctx)
			deadline := http.NewResponseController(w)
			_ = deadline.SetReadDeadline(time.Time{}) // else the request's context ends with the time for reading requests
			if err := c.Backup(r.Context(), &slow{w, deadline}, in.Recordings); err != nil {
				if c.Log != nil {
					c.Log.Error("a backup has failed", "error", err)
				}
				panic(http.ErrAbortHandler) // who reads must not take it for whole
			}
		}}, nil
	})
}
