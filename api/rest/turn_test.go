package rest

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"
)

// Credentials for relays are for accounts that exist, and for who has the API's token.
func TestRelayCredentials(t *testing.T) {
	cfg := (&exchange{}).config()
	cfg.Relays = func(tenant, account string) (Relays, bool) {
		return Relays{URLs: []string{"turn:192.0.2.1:3478?transport=udp"}, Username: tenant + "/" + account, Credential: "secret", Expires: time.Unix(0, 0)}, account == "101"
	}
	s := httptest.NewServer(Handler(cfg))
	defer s.Close()
	for path, want := range map[string]int{"/api/v1/turn/t/101": 200, "/api/v1/turn/t/109": 404} {
		res, body := ask(t, "POST", s.URL+path, "Authorization", "Bearer "+token)
		if res.StatusCode != want {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
		var r Relays
		if err := json.Unmarshal([]byte(body), &r); want == 200 && (err != nil || r.Username != "t/101" || len(r.URLs) != 1) {
			t.Errorf("%v: %s", err, body)
		}
	}
	if res, _ := ask(t, "POST", s.URL+"/api/v1/turn/t/101"); res.StatusCode != 401 {
		t.Errorf("a stranger got %d", res.StatusCode)
	}
}
