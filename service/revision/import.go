package revision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// Import takes files as they lie somewhere else: each whose octets differ from those that were taken last becomes part of one
// revision. Others leave the book's own as it is, whatever changed it since. Files that were taken once and are not there any
// more are told; what they brought stays.
func (b *Book) Import(ctx context.Context, files []Text, by Author) (r Revision, missing []string, err error) {
	b.writing.Lock()
	defer b.writing.Unlock()
	known, err := b.cfg.Store.Imported(ctx)
	if err != nil {
		return Revision{}, nil, err
	}
	c := &Change{Author: by, Force: true}
	h := how{imported: map[string]string{}}
	for _, f := range files {
		name := by.Via + ":" + f.File
		sum := sha256.Sum256(f.Text)
		if hash := hex.EncodeToString(sum[:]); known[name] != hash {
			c.Texts = append(c.Texts, f)
			h.imported[name] = hash
		}
	}
	for name := range known {
		if file, ok := cutVia(name, by.Via); ok && !slices.ContainsFunc(files, func(t Text) bool { return t.File == file }) {
			missing = append(missing, file)
		}
	}
	slices.Sort(missing)
	if len(c.Texts) == 0 {
		last := b.state.Load().last
		last.Documents = nil
		return last, missing, nil
	}
	r, err = b.applyLocked(ctx, c, h)
	return r, missing, err
}

func cutVia(name, via string) (string, bool) {
	if len(name) > len(via) && name[:len(via)] == via && name[len(via)] == ':' {
		return name[len(via)+1:], true
	}
	return "", false
}
