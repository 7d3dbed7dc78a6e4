package bindings

import (
	"encoding/binary"
	"errors"
	"time"

	"santral/store"
)

// A record is a kind, the three fields of the key, and for a binding the rest. Texts have their length
// before them. Kinds and fields never change; a new field would come with a new kind.
const (
	kindPut    = 1
	kindDelete = 2
)

// maxPath is how many Path values a binding may have.
const maxPath = 64

var errRecord = errors.New("not a binding's record")

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendKey(b []byte, kind byte, k store.BindingKey) []byte {
	b = append(b, kind)
	b = appendText(b, k.Tenant)
	b = appendText(b, k.Account)
	return appendText(b, k.Contact)
}

func appendBinding(b []byte, v *store.Binding) []byte {
	b = appendKey(b, kindPut, v.Key())
	b = binary.AppendVarint(b, v.Expires.UnixMicro())
	b = binary.AppendVarint(b, v.Registered.UnixMicro())
	b = binary.AppendUvarint(b, uint64(v.CSeq))
	b = binary.AppendVarint(b, int64(v.Q))
	b = appendText(b, v.Flow)
	b = appendText(b, v.CallID)
	b = appendText(b, v.InstanceID)
	b = appendText(b, v.UserAgent)
	path := v.Path[:min(len(v.Path), maxPath)]
	b = binary.AppendUvarint(b, uint64(len(path)))
	for _, p := range path {
		b = appendText(b, p)
	}
	return b
}

// fields reads a record from front to back.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) uint() uint64 {
	n, w := binary.Uvarint(f.rest)
	if w <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[w:]
	return n
}

func (f *fields) int() int64 {
	n, w := binary.Varint(f.rest)
	if w <= 0 {
		f.bad = true
		return 0
	}
	f.rest = f.rest[w:]
	return n
}

func (f *fields) octets() []byte {
	n := f.uint()
	if f.bad || n > uint64(len(f.rest)) {
		f.bad = true
		return nil
	}
	text := f.rest[:n]
	f.rest = f.rest[n:]
	return text
}

// split gives a record's kind, the octets of its key, and when it expires.
func split(rec []byte) (kind byte, key []byte, expires int64, err error) {
	if len(rec) == 0 || rec[0] != kindPut && rec[0] != kindDelete {
		return 0, nil, 0, errRecord
	}
	f := fields{rest: rec[1:]}
	for range 3 {
		f.octets()
	}
	key = rec[1 : len(rec)-len(f.rest)]
	if rec[0] == kindPut {
		expires = f.int()
	}
	if f.bad {
		return 0, nil, 0, errRecord
	}
	return rec[0], key, expires, nil
}

// decode reads a binding. Its strings share one piece of memory of their own.
func decode(rec []byte) (store.Binding, error) {
	if len(rec) == 0 || rec[0] != kindPut {
		return store.Binding{}, errRecord
	}
	whole := string(rec)
	f := fields{rest: rec[1:]}
	text := func() string {
		n := len(f.octets())
		end := len(rec) - len(f.rest)
		return whole[end-n : end]
	}
	var b store.Binding
	b.Tenant, b.Account, b.Contact = text(), text(), text()
	b.Expires = time.UnixMicro(f.int()).UTC()
	b.Registered = time.UnixMicro(f.int()).UTC()
	b.CSeq = uint32(f.uint())
	b.Q = int(f.int())
	b.Flow, b.CallID, b.InstanceID, b.UserAgent = text(), text(), text(), text()
	n := f.uint()
	if n > maxPath {
		f.bad = true
	}
	for i := uint64(0); i < n && !f.bad; i++ {
		b.Path = append(b.Path, text())
	}
	if f.bad || len(f.rest) != 0 {
		return store.Binding{}, errRecord
	}
	return b, nil
}
