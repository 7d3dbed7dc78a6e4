package client

import (
	"context"
	"net/http"
	"strings"
)

// Ready tells whether the exchange takes new calls; the error says why it does not.
func (c *Client) Ready(ctx context.Context) error {
	var said []byte
	err := c.do(ctx, http.MethodGet, "/readyz", &said)
	if p, ok := err.(*Problem); ok && p.Detail == "" {
		p.Detail = strings.TrimSpace("the exchange takes no new calls: " + p.Title)
	}
	return err
}
