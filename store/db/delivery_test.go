package db_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"santral/store"
	"santral/store/storetest"
)

// What webhooks are told is numbered for each, kept once for each event, due in its time, and sent anew.
func TestDeliveries(t *testing.T) {
	storetest.Databases(t, func(t *testing.T, dsn string) {
		d := open(t, dsn)
		ctx := t.Context()
		at := time.Date(2026, 3, 21, 10, 0, 0, 0, time.UTC)
		a, b := store.HookKey{Tenant: "a", Webhook: "crm"}, store.HookKey{Tenant: "b", Webhook: "crm"}
		one := func(key store.HookKey, n int) store.Delivery {
			return store.Delivery{Tenant: key.Tenant, Webhook: key.Webhook, Event: fmt.Sprint("evt_", n), Type: "call.ended", Body: `{"x":"سلام"}`, Made: at.Add(time.Duration(n) * time.Second)}
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		added, err := d.AddDeliveries(ctx, []store.Delivery{one(a, 1), one(a, 2), one(b, 1), one(a, 1)})
		must(err)
		if added[a] != 2 || added[b] != 1 {
			t.Error(added)
		}
		added, err = d.AddDeliveries(ctx, []store.Delivery{one(a, 2), one(a, 3)})
		must(err)
		if added[a] != 1 {
			t.Error(added)
		}
		due, next, err := d.DueDeliveries(ctx, a, at, 10)
		must(err)
		if len(due) != 0 || !next.Equal(at.Add(time.Second)) {
			t.Error(due, next)
		}
		due, _, err = d.DueDeliveries(ctx, a, at.Add(time.Minute), 2)
		must(err)
		if len(due) != 2 || due[0].Number != 1 || due[1].Number != 2 || due[0].Body != `{"x":"سلام"}` || !due[0].Since.Equal(due[0].Made) {
			t.Fatalf("%+v", due)
		}
		due[0].State, due[0].Tries, due[0].Attempts = store.DeliveryTaken, 1, []store.Attempt{{At: at, Status: 204}}
		due[1].Tries, due[1].Next = 1, at.Add(time.Hour)
		for range 2 * store.MostAttempts {
			due[1].Attempts = append(due[1].Attempts, store.Attempt{At: at, Error: "refused"})
		}
		must(d.TriedDeliveries(ctx, due))
		got, err := d.Delivery(ctx, a, due[1].Seq)
		must(err)
		if len(got.Attempts) != store.MostAttempts || got.Tries != 1 || !got.Next.Equal(at.Add(time.Hour)) {
			t.Errorf("%+v", got)
		}
		if _, err := d.Delivery(ctx, b, due[1].Seq); !errors.Is(err, store.ErrNotFound) {
			t.Error("another's delivery is given:", err)
		}
		page, cursor, err := d.Deliveries(ctx, store.DeliveryFilter{HookKey: a}, "", 2)
		must(err)
		if len(page) != 2 || page[0].Number != 3 || cursor == "" {
			t.Errorf("%+v %s", page, cursor)
		}
		page, cursor, err = d.Deliveries(ctx, store.DeliveryFilter{HookKey: a}, cursor, 2)
		must(err)
		if len(page) != 1 || page[0].State != store.DeliveryTaken || cursor != "" {
			t.Errorf("%+v %s", page, cursor)
		}
		if _, _, err := d.Deliveries(ctx, store.DeliveryFilter{HookKey: a}, "x", 2); !errors.Is(err, store.ErrBadCursor) {
			t.Error(err)
		}
		n, err := d.EndDeliveries(ctx, a, at.Add(2500*time.Millisecond), store.DeliveryGivenUp)
		must(err)
		if n != 1 {
			t.Error(n, "are given up")
		}
		gone := store.DeliveryGivenUp
		n, err = d.AgainDeliveries(ctx, a, 0, 1<<64-1, &gone, at.Add(time.Hour))
		must(err)
		if n != 1 {
			t.Error(n, "are sent anew")
		}
		must(d.TriedDeliveries(ctx, due[1:])) // an attempt from before it was sent anew
		if got, err = d.Delivery(ctx, a, due[1].Seq); err != nil || got.Tries != 0 || !got.Since.Equal(at.Add(time.Hour)) {
			t.Errorf("%+v %v", got, err)
		}
		must(d.SwitchHook(ctx, a, at, "https://x.example"))
		states, err := d.HookStates(ctx)
		must(err)
		for _, s := range states {
			if s.HookKey == a && (s.Waiting != 2 || !s.Off.Equal(at) || s.URL != "https://x.example") || s.HookKey == b && (s.Waiting != 1 || !s.Off.IsZero()) {
				t.Errorf("%+v", s)
			}
		}
		must(d.SwitchHook(ctx, a, time.Time{}, ""))
		if n, err = d.PurgeDeliveries(ctx, at.Add(time.Hour)); err != nil || n != 1 {
			t.Error(n, err)
		}
	})
}
