package db_test

import (
	"slices"
	"testing"

	"santral/store"
	"santral/store/storetest"
)

func TestMailboxes(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		a := store.Mailbox{Tenant: "sample", Account: "101", New: 2, Old: 8, UrgentNew: 1, UrgentOld: 2}
		b := store.Mailbox{Tenant: "other", Account: "101", New: 1}
		for _, box := range []store.Mailbox{{Tenant: "sample", Account: "101", New: 5}, b, a} {
			if err := d.PutMailbox(t.Context(), box); err != nil {
				t.Fatal(err)
			}
		}
		got, err := d.Mailboxes(t.Context())
		if err != nil || !slices.Equal(got, []store.Mailbox{b, a}) {
			t.Errorf("mailboxes %+v, %v", got, err)
		}
	})
}
