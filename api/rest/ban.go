package rest

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"santral/tenant"
)

// Ban is a source that is not heard for a while, because it guessed passwords.
type Ban struct {
	Source string    `json:"source" doc:"address and port; or an address alone, or an IPv6 /64, that may open no connection"`
	Until  time.Time `json:"until"`
}

// Allowed is a network that is never banned.
type Allowed struct {
	Source string `json:"source" doc:"a network, such as 192.0.2.0/24"`
	Boot   bool   `json:"boot" doc:"it stands in the boot file, and only there it can be taken out"`
}

// ErrTooMany is for a list that takes no more.
var ErrTooMany = errors.New("too many")

// network reads a network, or an address for itself alone.
func network(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, huma.Error422UnprocessableEntity("write a network such as 192.0.2.0/24, or an address")
	}
	return p.Masked(), nil
}

func (c Config) bans(api huma.API) {
	huma.Register(api, op("list-bans", http.MethodGet, "/api/v1/bans", "Sources that are not heard now", reads("bans", tenant.RoleOperator)),
		func(_ context.Context, _ *struct{}) (*body[Page[Ban]], error) {
			page := Page[Ban]{Items: []Ban{}}
			for _, b := range c.Bans() {
				source := b.Source.String()
				if b.Source.Port() == 0 {
					source = b.Source.Addr().String()
				}
				page.Items = append(page.Items, Ban{Source: source, Until: b.Until})
			}
			return &body[Page[Ban]]{page}, nil
		})
	huma.Register(api, empty(op("lift-ban", http.MethodDelete, "/api/v1/bans/{source}", "Hear a source again", writes("bans", tenant.RoleOperator))),
		func(_ context.Context, in *struct {
			Source string `path:"source" maxLength:"64"`
		}) (*struct{}, error) {
			if !c.Unban(in.Source) {
				return nil, huma.Error404NotFound("that source is not banned")
			}
			return nil, nil
		})
	huma.Register(api, op("list-allowed", http.MethodGet, "/api/v1/allow", "Networks that are never banned", reads("bans", tenant.RoleOperator)),
		func(_ context.Context, _ *struct{}) (*body[Page[Allowed]], error) {
			return &body[Page[Allowed]]{Page[Allowed]{Items: append([]Allowed{}, c.Allowed()...)}}, nil
		})
	huma.Register(api, empty(op("allow", http.MethodPost, "/api/v1/allow", "Never ban a network; a ban that it has is over at once", writes("bans", tenant.RoleOperator))),
		func(_ context.Context, in *struct {
			Body struct {
				Source string `json:"source" maxLength:"64" doc:"a network, or an address"`
			}
		}) (*struct{}, error) {
			p, err := network(in.Body.Source)
			if err != nil {
				return nil, err
			}
			switch err := c.Allow(p); {
			case errors.Is(err, ErrTooMany):
				return nil, huma.Error422UnprocessableEntity("so many networks are allowed that no more are kept")
			case err != nil:
				return nil, c.failed("the list can't be kept", err)
			}
			return nil, nil
		})
	huma.Register(api, empty(op("forbid", http.MethodDelete, "/api/v1/allow/{source}", "Let a network be banned again", writes("bans", tenant.RoleOperator))),
		func(_ context.Context, in *struct {
			Source string `path:"source" maxLength:"64"`
		}) (*struct{}, error) {
			p, err := network(in.Source)
			if err != nil {
				return nil, err
			}
			switch found, err := c.Forbid(p); {
			case err != nil:
				return nil, c.failed("the list can't be kept", err)
			case !found:
				return nil, huma.Error404NotFound("that network is not on the list; what stands in the boot file is taken out there")
			}
			return nil, nil
		})
}
