package client

import (
	"context"
	"io"
	"strconv"
)

// Backup writes an archive of everything that the exchange must keep to w; recordings says whether filed recordings are in it.
// It takes as long as it takes, and what it wrote when it fails is no whole archive.
func (c *Client) Backup(ctx context.Context, w io.Writer, recordings bool) error {
	return c.file(ctx, "/api/v1/backup?recordings="+strconv.FormatBool(recordings), w)
}
