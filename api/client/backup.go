package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Backup writes an archive of everything that the exchange must keep to w; recordings says whether filed recordings are in it.
// It takes as long as it takes, and what it wrote when it fails is no whole archive.
func (c *Client) Backup(ctx context.Context, w io.Writer, recordings bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/api/v1/backup", nil)
	if err != nil {
		return fmt.Errorf("ask the exchange: %w", err)
	}
	if recordings {
		req.URL.RawQuery = "recordings=true"
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the exchange does not answer at %s; does it run? %w", c.URL, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		return problem(res, said)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("the archive is not whole: %w", err)
	}
	return nil
}
