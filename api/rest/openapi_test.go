package rest

import (
	"encoding/json"
	"os"
	"testing"
)

func TestDump(t *testing.T) {
	_, a := build((&exchange{}).config())
	text, err := json.MarshalIndent(a.OpenAPI(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile("/tmp/resources/openapi.json", text, 0o644)
}
