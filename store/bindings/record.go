package bindings

import (
	"encoding/binary"
	"errors"
	"time"

	"santral/store"
)

// A record is a kind, the fields of the key, and for a binding the rest. Texts have their length before
// them. Kinds and fields never change; a new field comes with a new kind. The key of a flow has two
// fields more than the three of a plain binding: instance and reg-id.
const (
	kindPut        = 1
	kindDelete     = 2
	kindPutFlow    = 3 // as kindPut, with a flow's key, and Refreshed before Flow
	kindDeleteFlow = 4
)

func put(kind byte) bool    { return kind == kindPut || kind == kindPutFlow }
func ofFlow(kind byte) bool { return kind == kindPutFlow || kind == kindDeleteFlow }

// maxPath is how many Path values a binding may have.
const maxPath = 64

var errRecord = errors.New("not a binding's record")

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendKey appends a kind, that of a flow where the key is one's, and the key.
func appendKey(b []byte, kind byte, k store.BindingKey) []byte {
	if k.RegID != 0 {
		kind += kindPutFlow - kindPut
	}
	b = append(b, kind)
	b = appendText(b, k.Tenant)
	b = appendText(b, k.Account)
	b = appendText(b, k.Contact)
	if k.RegID != 0 {
		b = appendText(b, k.Instance)
		b = binary.AppendUvarint(b, uint64(k.RegID))
	}
	return b
}

func appendBinding(b []byte, v *store.Binding) []byte {
	b = appendKey(b, kindPut, v.Key())
	b = binary.AppendVarint(b, v.Expires.UnixMicro())
	b = binary.AppendVarint(b, v.Registered.UnixMicro())
	b = binary.AppendUvarint(b, uint64(v.CSeq))
	b = binary.AppendVarint(b, int64(v.Q))
	if v.RegID != 0 {
		b = binary.AppendVarint(b, v.Refreshed.UnixMicro())
	}
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
	if len(rec) == 0 || rec[0] < kindPut || rec[0] > kindDeleteFlow {
		return 0, nil, 0, errRecord
	}
	f := fields{rest: rec[1:]}
	for range 3 {
		f.octets()
	}
	if ofFlow(rec[0]) {
		f.octets()
		f.uint()
	}
	key = rec[1 : len(rec)-len(f.rest)]
	if put(rec[0]) {
		expires = f.int()
	}
	if f.bad {
		return 0, nil, 0, errRecord
	}
	return rec[0], key, expires, nil
}

// decode reads a binding. Its strings share one piece of memory of their own.
func decode(rec []byte) (store.Binding, error) {
	if len(rec) == 0 || !put(rec[0]) {
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
	flow, instance := ofFlow(rec[0]), ""
	if flow {
		instance, b.RegID = text(), uint32(f.uint())
		f.bad = f.bad || b.RegID == 0
	}
	b.Expires = time.UnixMicro(f.int()).UTC()
	b.Registered = time.UnixMicro(f.int()).UTC()
	b.CSeq = uint32(f.uint())
	b.Q = int(f.int())
	if flow {
		b.Refreshed = time.UnixMicro(f.int()).UTC()
	}
	b.Flow, b.CallID, b.InstanceID, b.UserAgent = text(), text(), text(), text()
	n := f.uint()
	if n > maxPath {
		f.bad = true
	}
	for i := uint64(0); i < n && !f.bad; i++ {
		b.Path = append(b.Path, text())
	}
	if f.bad || len(f.rest) != 0 || flow && b.InstanceID != instance {
		return store.Binding{}, errRecord
	}
	return b, nil
}
