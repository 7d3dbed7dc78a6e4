package db_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"santral/store"
	"santral/store/storetest"
)

func TestMessages(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d, ctx := open(t, dsn), t.Context()
		message := func(i int, from string) store.Message {
			return store.Message{ID: fmt.Sprintf("m%03d", i), Tenant: "sample", To: "102", From: from, ContentType: "text/plain",
				Body: "سلام \x00\xff 'x'", Sent: epoch, Expires: epoch.Add(time.Duration(i) * time.Hour)}
		}
		for i := range 3 {
			if err := d.KeepMessage(ctx, message(2-i, "101"), 5, 3); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.KeepMessage(ctx, message(3, "101"), 5, 3); !errors.Is(err, store.ErrShare) {
			t.Errorf("beyond a sender's share: %v", err)
		}
		for i := range 3 {
			if err := d.KeepMessage(ctx, message(4+i, "103"), 5, 3); i < 2 && err != nil || i == 2 && !errors.Is(err, store.ErrFull) {
				t.Errorf("message %d: %v", 4+i, err)
			}
		}
		other := message(9, "101")
		other.To = "103"
		if err := d.KeepMessage(ctx, other, 5, 3); err != nil {
			t.Error(err)
		}
		list, err := d.WaitingMessages(ctx, "sample", "102", 3)
		if err != nil || !slices.Equal(list, []store.Message{message(0, "101"), message(1, "101"), message(2, "101")}) {
			t.Errorf("waiting %+v, %v", list, err)
		}
		to, err := d.Recipients(ctx)
		slices.SortFunc(to, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
		if err != nil || !slices.Equal(to, [][2]string{{"sample", "102"}, {"sample", "103"}}) {
			t.Errorf("recipients %v, %v", to, err)
		}
		if err := d.DropMessage(ctx, "sample", "m001"); err != nil {
			t.Error(err)
		}
		if n, err := d.DropExpired(ctx, epoch.Add(4*time.Hour)); err != nil || n != 3 {
			t.Errorf("%d expired, %v", n, err)
		}
		list, err = d.WaitingMessages(ctx, "sample", "102", 10)
		if err != nil || len(list) != 1 || list[0].ID != "m005" {
			t.Errorf("waiting afterwards %+v, %v", list, err)
		}
	})
}
