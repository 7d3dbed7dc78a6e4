package tenant

import (
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"santral/base/doc"
)

// PIN is a secret of digits. It prints as nothing, so that it can't reach a log.
type PIN string

// String hides the secret.
func (PIN) String() string { return "(secret)" }

// GoString hides the secret from %#v.
func (PIN) GoString() string { return "(secret)" }

// Is compares with what was pressed, in a time that tells nothing. No PIN is nobody's.
func (p PIN) Is(pressed string) bool {
	a, b := sha256.Sum256([]byte(p)), sha256.Sum256([]byte(pressed))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && p != ""
}

// readPrompts reads what is said of announcements.
func readPrompts(n *doc.Node) (pin PIN) {
	n.Map(doc.Fields{"pin": func(n *doc.Node) { pin = readPIN(n) }}, "pin")
	return pin
}

// readPIN reads a secret of digits.
func readPIN(n *doc.Node) PIN {
	pin, plain := n.Secret()
	switch {
	case !plain:
	case !digits(pin, 4, 12):
		n.Fail("a PIN has 4 to 12 digits; write it in quotes")
		return ""
	case strings.Count(pin, pin[:1]) == len(pin) || strings.Contains("01234567890123456789", pin) || strings.Contains("98765432109876543210", pin):
		n.Fail("this PIN is the first that anybody tries; choose another")
	}
	return PIN(pin)
}
