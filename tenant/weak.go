package tenant

import "strings"

// leastSecret is how many characters a secret has that nobody guesses in the time that a ban leaves.
const leastSecret = 8

// leastPassword is how many characters a password has wherever it is written.
const leastPassword = 6

// common are secrets that are tried first, besides names and numbers.
var common = map[string]bool{
	"password": true, "password1": true, "passw0rd": true, "p@ssw0rd": true, "p@ssword": true, "secret12": true, "changeme": true, "change-me": true, "letmein1": true,
	"qwertyui": true, "qwerty123": true, "qwertyuiop": true, "1q2w3e4r": true, "1qaz2wsx": true, "asdfghjk": true, "zxcvbnm1": true, "iloveyou": true,
	"administrator": true, "admin123": true, "admin1234": true, "welcome1": true, "asterisk": true, "freeswitch": true, "extension": true, "telephone": true, "santral1": true, "test1234": true, "abcd1234": true,
}

// weak says why a secret is one that strangers guess; "" for one that they don't. whose are the names that its owner goes by.
func weak(secret string, whose ...string) string {
	low := strings.ToLower(secret)
	if len(secret) < leastSecret {
		return "it is shorter than 8 characters"
	}
	for _, w := range whose {
		if w = strings.ToLower(w); w != "" && strings.Contains(low, w) && len(low) < len(w)+4 && strings.Trim(strings.ReplaceAll(low, w, ""), "0123456789!.-_@#") == "" {
			return "it is its owner's name or number"
		}
	}
	if common[low] || common[strings.TrimRight(low, "0123456789!")] {
		return "it is one that everybody tries"
	}
	if strings.Count(secret, secret[:1]) == len(secret) {
		return "it is one character again and again"
	}
	running := true
	for i := 1; i < len(secret); i++ {
		running = running && secret[i]-secret[i-1] == secret[1]-secret[0]
	}
	if step := secret[1] - secret[0]; running && (step == 1 || step == 255) {
		return "it only counts"
	}
	if strings.Trim(secret, "0123456789") == "" && (strings.Contains("0123456789012345678901234567890", secret) || strings.Contains("9876543210987654321098765432109", secret)) {
		return "it only counts"
	}
	return ""
}
