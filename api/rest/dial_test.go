package rest

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"

	"santral/api/client"
)

func TestDial(t *testing.T) {
	x := &exchange{}
	cfg := x.config()
	var asked DialRequest
	var refusal error
	cfg.Dial = func(r DialRequest) (string, error) { asked = r; return "c9", refusal }
	s := httptest.NewServer(Handler(cfg))
	defer s.Close()
	ask := &client.Client{URL: s.URL, Token: token}
	id, err := ask.Dial(context.Background(), "acme", "101", "*43", true)
	if err != nil || id != "c9" || asked != (DialRequest{Tenant: "acme", From: "101", To: "*43", Auto: true}) {
		t.Errorf("%q, %v: %+v", id, err, asked)
	}
	for _, c := range []struct {
		no     error
		status int
	}{{&Refusal{404, "unallocated number"}, 404}, {&Refusal{480, "subscriber absent"}, 409}, {&Refusal{503, "congestion"}, 503}, {errors.New("fault"), 500}} {
		refusal = c.no
		_, err := ask.Dial(context.Background(), "", "101", "102", false)
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != c.status {
			t.Errorf("%v is answered %v, want %d", c.no, err, c.status)
		}
	}
	if _, err := ask.Dial(context.Background(), "", "", "102", false); err == nil {
		t.Error("a call from nobody is begun")
	}
	if _, err := (&client.Client{URL: s.URL, Token: "wrong"}).Dial(context.Background(), "", "101", "102", false); err == nil {
		t.Error("a call is begun without the token")
	}
}
