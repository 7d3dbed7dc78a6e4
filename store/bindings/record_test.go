package bindings

import (
	"bytes"
	"testing"
	"time"

	"santral/store"
)

func FuzzDecode(f *testing.F) {
	b := store.Binding{Tenant: "t", Account: "101", Contact: "sip:101@192.0.2.1", Flow: "f", Path: []string{"p", "q"}, CallID: "c", CSeq: 5, Q: -1, Expires: time.UnixMicro(-5), UserAgent: "é\x00"}
	f.Add(appendBinding(nil, &b))
	f.Add(appendKey(nil, kindDelete, b.Key()))
	f.Add([]byte{kindPut, 0, 0, 0})
	f.Fuzz(func(t *testing.T, rec []byte) {
		_, key, expires, splitErr := split(rec)
		b, err := decode(rec)
		if err != nil {
			return
		}
		if splitErr != nil || expires != b.Expires.UnixMicro() || !bytes.Equal(key, appendKey(nil, kindPut, b.Key())[1:]) && len(key) == len(appendKey(nil, kindPut, b.Key()))-1 {
			t.Fatalf("split and decode differ: %v %v %v", key, expires, splitErr)
		}
		again, err := decode(appendBinding(nil, &b))
		if err != nil || again.Key() != b.Key() || !again.Expires.Equal(b.Expires) || len(again.Path) != len(b.Path) || again.UserAgent != b.UserAgent {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
	})
}
