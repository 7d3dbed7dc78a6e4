package cdr

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"santral/store"
)

// difference names the first member in which two records differ, by the text that both have as JSON; "" for none. What no database can hold (NUL)
// stands in both as it stands there.
func difference(made, stored *store.CDR) string {
	a, err := json.Marshal(made)
	if err != nil {
		return err.Error()
	}
	b, err := json.Marshal(stored)
	if err != nil {
		return err.Error()
	}
	a = bytes.ReplaceAll(a, []byte(`\u0000`), []byte("\ufffd"))
	if bytes.Equal(a, b) {
		return ""
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return fmt.Sprintf("the ledger gives …%s, the tables …%s", around(a, at), around(b, at))
}

// around gives a little of a text before and after a place.
func around(text []byte, at int) string {
	return strings.ToValidUTF8(string(text[max(0, at-40):min(len(text), at+60)]), "")
}
