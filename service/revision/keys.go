package revision

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"santral/base/doc"
	"santral/base/seal"
)

// Keys seal the secrets of documents, and open them. A sealed secret reads sealed:1:KEY:OCTETS, where KEY tells which key sealed
// it; it opens only in a document of the tenant that it was sealed for. They are safe for concurrent use.
type Keys struct {
	box *seal.Box
	id  string
}

// sealedForm begins the secrets of the one form that there is.
const sealedForm = doc.Sealed + "1:"

// NewKeys makes them of the exchange's own key.
func NewKeys(key *seal.Key) *Keys { return &Keys{key.Box("documents"), key.ID()} }

// Seal seals a secret for a tenant.
func (k *Keys) Seal(secret, tenantID string) string {
	return sealedForm + k.id + ":" + base64.RawURLEncoding.EncodeToString(k.box.Seal([]byte(secret), tenantID))
}

// Open opens a sealed secret of a tenant's document.
func (k *Keys) Open(sealed, tenantID string) (string, error) {
	rest, ok := strings.CutPrefix(sealed, sealedForm)
	id, text, ok2 := strings.Cut(rest, ":")
	if !ok || !ok2 {
		return "", errors.New("it has another form than sealed:1:…: was a part of it lost?")
	}
	if id != k.id {
		return "", fmt.Errorf("it was sealed by the key %.16q, and this exchange's is %q: bring its secrets.key here before the first start, or write the secret itself", id, k.id)
	}
	octets, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		octets, err = k.box.Open(octets, tenantID)
	}
	if err != nil {
		return "", fmt.Errorf("it was not sealed for %s, or a part of it was lost", tenantID)
	}
	return string(octets), nil
}

// sealedIn gives the sealed secrets of a text by what they hold, those with the same in their order.
func (k *Keys) sealedIn(text, tenantID string, into map[string][]string) {
	for {
		i := strings.Index(text, sealedForm)
		if i < 0 {
			return
		}
		text = text[i:]
		end := len(sealedForm)
		for end < len(text) && (text[end] == ':' || text[end] == '-' || text[end] == '_' || text[end] >= '0' && text[end] <= '9' || text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
			end++
		}
		if secret, err := k.Open(text[:end], tenantID); err == nil {
			into[secret] = append(into[secret], text[:end])
		}
		text = text[end:]
	}
}
