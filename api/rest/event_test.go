package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"santral/service/presence"
	"santral/store"
)

func TestSubscriptionsAndMailboxes(t *testing.T) {
	boxes := map[string]store.Mailbox{}
	cfg := (&exchange{}).config()
	cfg.Subscriptions = func(tenant, account string) []Subscription {
		return []Subscription{{Tenant: tenant, Account: account, Event: "dialog", Expires: time.Unix(0, 0)}, {Event: "presence"}}
	}
	cfg.Mailbox = func(tenant, account string) (store.Mailbox, error) {
		if account == "109" {
			return store.Mailbox{}, presence.ErrNoAccount
		}
		return boxes[tenant+"/"+account], nil
	}
	cfg.SetMailbox = func(_ context.Context, box store.Mailbox) error {
		switch {
		case box.Account == "108":
			return errors.New("the disk is gone")
		case box.UrgentNew > box.New:
			return presence.ErrCount
		}
		boxes[box.Tenant+"/"+box.Account] = box
		return nil
	}
	s := httptest.NewServer(Handler(cfg))
	defer s.Close()
	if page := get[Page[Subscription]](t, s.URL+"/api/v1/subscriptions?tenant=t&account=101&limit=1"); len(page.Items) != 1 || page.Items[0].Tenant != "t" || page.Items[0].Account != "101" {
		t.Errorf("subscriptions %+v", page)
	}
	put := func(path, document string) int {
		t.Helper()
		req, err := http.NewRequest("PUT", s.URL+path, strings.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	for path, c := range map[string]struct {
		document string
		status   int
	}{
		"/api/v1/mailboxes/t/101": {`{"new": 2, "old": 8, "urgent_old": 2}`, 204},
		"/api/v1/mailboxes/t/102": {`{"new": -1}`, 422},
		"/api/v1/mailboxes/t/103": {`{"new": 1, "urgent_new": 2}`, 422},
		"/api/v1/mailboxes/t/104": {`{}`, 422},
		"/api/v1/mailboxes/t/108": {`{"new": 1}`, 500},
	} {
		if got := put(path, c.document); got != c.status {
			t.Errorf("%s: %d, want %d", path, got, c.status)
		}
	}
	if box := get[Mailbox](t, s.URL+"/api/v1/mailboxes/t/101"); box != (Mailbox{New: 2, Old: 8, UrgentOld: 2}) {
		t.Errorf("the mailbox is %+v", box)
	}
	if res, _ := ask(t, "GET", s.URL+"/api/v1/mailboxes/t/109", "Authorization", "Bearer "+token); res.StatusCode != 404 {
		t.Errorf("of nobody: %d", res.StatusCode)
	}
}
