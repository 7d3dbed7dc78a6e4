package bindings

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"santral/store"
)

func FuzzDecode(f *testing.F) {
	b := store.Binding{Tenant: "t", Account: "101", Contact: "sip:101@192.0.2.1", Flow: "f", Path: []string{"p", "q"}, CallID: "c", CSeq: 5, Q: -1, Expires: time.UnixMicro(-5), UserAgent: "é\x00"}
	f.Add(appendBinding(nil, &b))
	f.Add(appendKey(nil, kindDelete, b.Key()))
	f.Add([]byte{kindPut, 0, 0, 0})
	b.InstanceID, b.RegID, b.Refreshed = "<urn:uuid:1>", 2, time.UnixMicro(7)
	f.Add(appendBinding(nil, &b))
	f.Add(appendKey(nil, kindDelete, b.Key()))
	f.Fuzz(func(t *testing.T, rec []byte) {
		_, key, expires, splitErr := split(rec)
		b, err := decode(rec)
		if err != nil {
			return
		}
		own := appendKey(nil, kindPut, b.Key())[1:]
		if splitErr != nil || expires != b.Expires.UnixMicro() || !bytes.Equal(key, own) && len(key) == len(own) {
			t.Fatalf("split and decode differ: %v %v %v", key, expires, splitErr)
		}
		again, err := decode(appendBinding(nil, &b))
		if err != nil || again.Key() != b.Key() || !again.Expires.Equal(b.Expires) || len(again.Path) != len(b.Path) || again.UserAgent != b.UserAgent || !again.Refreshed.Equal(b.Refreshed) {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
	})
}

// A journal of the program before there were flows is read: these are its octets.
func TestRecordsOfOld(t *testing.T) {
	old := []byte("\x01\x01t\x03101\x11sip:101@192.0.2.1\x00\x00\x05\xd0\x0f\x01f\x01c\x0c<urn:uuid:1>\x01u\x02\x01p\x01q")
	want := store.Binding{
		Tenant: "t", Account: "101", Contact: "sip:101@192.0.2.1", Flow: "f", Path: []string{"p", "q"}, CallID: "c", CSeq: 5,
		InstanceID: "<urn:uuid:1>", UserAgent: "u", Q: 1000, Expires: time.UnixMicro(0).UTC(), Registered: time.UnixMicro(0).UTC(),
	}
	b, err := decode(old)
	if err != nil || !reflect.DeepEqual(b, want) {
		t.Errorf("%+v, %v\nwant %+v", b, err, want)
	}
	if now := appendBinding(nil, &want); !bytes.Equal(now, old) {
		t.Errorf("written %q\nwant    %q", now, old)
	}
}

// Two flows of one instance at one contact are two bindings, each found by its own key.
func TestFlowsHaveTheirOwnKeys(t *testing.T) {
	seen := map[string]bool{}
	for id := range uint32(3) {
		b := store.Binding{Tenant: "t", Account: "101", Contact: "sip:101@192.0.2.1", InstanceID: "<urn:uuid:1>", RegID: id, Refreshed: time.UnixMicro(9).UTC()}
		_, key, _, err := split(appendBinding(nil, &b))
		_, gone, _, err2 := split(appendKey(nil, kindDelete, b.Key()))
		if err != nil || err2 != nil || !bytes.Equal(key, gone) {
			t.Errorf("reg-id %d: put %q, delete %q, %v %v", id, key, gone, err, err2)
		}
		back, err := decode(appendBinding(nil, &b))
		if err != nil || back.RegID != id || id != 0 && back.Refreshed != b.Refreshed {
			t.Errorf("reg-id %d became %+v, %v", id, back, err)
		}
		seen[string(key)] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d keys of three", len(seen))
	}
}
