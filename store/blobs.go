package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ErrBlobName is what a name gives that no blob may have.
var ErrBlobName = errors.New("not a name of a blob")

// Limits of blobs.
const (
	MaxBlobName = 400     // octets of a name
	MaxBlobPart = 120     // octets of one of its parts
	MaxBlob     = 1 << 40 // octets of one, 1 TiB
	MaxBlobList = 1000    // rows of one List
)

// BlobInfo is what is known of a blob without its octets.
type BlobInfo struct {
	Name     string
	Size     int64     // octets
	Modified time.Time // when it was put, to the second at least
}

// Blobs keeps files under names such as "sample/2026-03-21/x.wav". All of it waits for a disk or a server, within its
// context. It is safe for concurrent use. What is not there is ErrNotFound, a name that can't be is ErrBlobName.
type Blobs interface {
	// Put keeps size octets of r, whole or not at all; what had the name is replaced. When it returns nil neither
	// an end of this process nor a loss of power can lose the blob. An r that gives less or more is an error.
	Put(ctx context.Context, name string, r io.Reader, size int64) error
	// Open gives length octets from an offset on, fewer where the blob ends before; a length below 0 is all the rest. Whoever
	// opens closes.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Stat tells of one.
	Stat(ctx context.Context, name string) (BlobInfo, error)
	// Delete removes one; one that is not there is removed already.
	Delete(ctx context.Context, name string) error
	// List gives those whose names begin with prefix and come after a name, in the order of their octets, limit at most
	// (and MaxBlobList).
	List(ctx context.Context, prefix, after string, limit int) ([]BlobInfo, error)
}

// CheckBlobName reports why a name is none: ErrBlobName with the reason. A name is parts of letters, digits, "-", "_"
// and "." with a "/" between them; no part begins with ".", so that none leads out of a folder or hides in it.
func CheckBlobName(name string) error {
	if len(name) > MaxBlobName {
		return fmt.Errorf("%w: longer than %d octets", ErrBlobName, MaxBlobName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if !BlobPart(part) {
			return fmt.Errorf("%w: %q", ErrBlobName, name)
		}
	}
	return nil
}

// BlobPart reports whether s may be a part of a blob's name.
func BlobPart(s string) bool {
	if s == "" || len(s) > MaxBlobPart || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
