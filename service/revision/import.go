package revision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"

	"santral/base/doc"
)

// Import takes files as they lie somewhere else: each whose octets differ from those that were taken last becomes part of one
// revision. Others leave the book's own as it is, whatever changed it since. Files that were taken once and are not there any
// more are told; what they brought stays, but of a sample, whose documents go with it. Weak secrets are warned of alone.
func (b *Book) Import(ctx context.Context, files []Text, by Author) (r Revision, missing []string, err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	known, err := b.cfg.Store.Imported(ctx)
	if err != nil {
		return Revision{}, nil, err
	}
	c := &Change{Author: by, Force: true}
	h := how{imported: map[string]string{}}
	there, taken := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		name := by.Via + ":" + filepath.Base(f.File)
		sum := sha256.Sum256(f.Text)
		hash := hex.EncodeToString(sum[:])
		there[name] = true
		if was, id, _ := strings.Cut(known[name], " "); was == hash {
			taken[id] = true
			continue
		}
		id := ""
		var own doc.Problems
		if d := doc.Open(f.File, string(f.Text), doc.Reading{}, &own); d != nil {
			id = idOf(d)
		}
		taken[id] = true
		c.Texts = append(c.Texts, f)
		h.imported[name] = hash + " " + id
	}
	for name, was := range known {
		file, ours := strings.CutPrefix(name, by.Via+":")
		hash, id, _ := strings.Cut(was, " ")
		if !ours || there[name] || hash == "" {
			continue
		}
		missing = append(missing, file)
		if by.Via == "sample" {
			h.imported[name] = ""
			if b.state.Load().documents[id] != nil && !taken[id] {
				c.Remove = append(c.Remove, id)
			}
		}
	}
	slices.Sort(missing)
	if len(h.imported) == 0 {
		last := b.state.Load().last
		last.Documents = nil
		return last, missing, nil
	}
	r, err = b.applyLocked(ctx, c, h)
	return r, missing, err
}
