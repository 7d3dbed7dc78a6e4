package trace

import "strings"

// Mask hides what must not be written down in a SIP message: what proves a password (in Authorization,
// Proxy-Authorization and Authentication-Info), keys of media (RFC 4568), passwords of ICE and passwords in URIs (RFC 3261
// §19.1.1). What is hidden is replaced by as many x, so that the message keeps its lengths. A message
// without any of it is given back as it is.
func Mask(text string) string {
	m := masker{text: text}
	// Of "a=crypto:" and "a=ice-pwd:", the letters that stand nowhere else.
	keys, head := strings.Contains(text, "ypto:") || strings.Contains(text, "pwd:"), false
	// Answers seldom have what is looked for in lines, and are half of all.
	from := 0
	if !keys && strings.HasPrefix(text, "SIP/2.0 ") && !strings.Contains(text, "hent") && !strings.Contains(text, "HENT") {
		from = len(text)
	}
	for at := from; at < len(text); {
		end := at + strings.IndexByte(text[at:], '\n')
		if end < at {
			end = len(text)
		}
		line := text[at:end]
		if len(line) <= 1 && head && !keys {
			break // the body, and there is no key in it
		}
		if len(line) > 14 {
			head = true
			switch line[1] {
			case 'u', 'U', 'r', 'R':
				m.proof(at, line)
			case '=':
				m.key(at, line)
			}
		}
		at = end + 1
	}
	m.passwords(text)
	if m.out == nil {
		return text
	}
	return string(m.out)
}

// masker hides parts of a text; out is nil until there is something to hide.
type masker struct {
	text string
	out  []byte
}

func (m *masker) hide(from, until int) {
	if from >= until {
		return
	}
	if m.out == nil {
		m.out = []byte(m.text)
	}
	for i := from; i < until; i++ {
		m.out[i] = 'x'
	}
}

// proof hides the values of a digest's answer, and all of what another scheme says.
func (m *masker) proof(at int, line string) {
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	authorization := strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Proxy-Authorization")
	if !ok || !authorization && !strings.EqualFold(name, "Authentication-Info") {
		return
	}
	at += len(line) - len(value)
	scheme := strings.TrimLeft(value, " \t")
	if authorization && (len(scheme) < 7 || !strings.EqualFold(scheme[:6], "Digest")) {
		if blank := strings.IndexByte(scheme, ' '); blank > 0 {
			m.hide(at+len(value)-len(scheme)+blank+1, at+len(strings.TrimRight(value, "\r")))
		}
		return
	}
	for _, param := range [...]string{"response", "nonce", "cnonce", "rspauth", "nextnonce"} {
		m.param(at, value, param)
	}
}

// param hides the value of a parameter wherever it stands.
func (m *masker) param(at int, value, name string) {
	for from := 0; from+len(name) < len(value); {
		i := indexFold(value[from:], name)
		if i < 0 {
			return
		}
		i += from
		from = i + len(name)
		if i > 0 && !strings.ContainsRune(" \t,", rune(value[i-1])) {
			continue
		}
		j := from
		for j < len(value) && (value[j] == ' ' || value[j] == '\t') {
			j++
		}
		if j >= len(value) || value[j] != '=' {
			continue
		}
		for j++; j < len(value) && (value[j] == ' ' || value[j] == '\t'); j++ {
		}
		end := j
		if j < len(value) && value[j] == '"' {
			j++
			for end = j; end < len(value) && value[end] != '"'; end++ {
			}
		} else {
			for end < len(value) && !strings.ContainsRune(", \t\r", rune(value[end])) {
				end++
			}
		}
		m.hide(at+j, at+end)
		from = end
	}
}

// indexFold finds an ASCII name in any case.
func indexFold(s, name string) int {
	for i := 0; i+len(name) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(name)], name) {
			return i
		}
	}
	return -1
}

// key hides the key of every "inline:" of a crypto attribute (RFC 4568 §6.1), and the password that ICE's checks are
// proved by (RFC 8839 §5.4).
func (m *masker) key(at int, line string) {
	if password := "a=ice-pwd:"; strings.HasPrefix(line, password) {
		m.hide(at+len(password), at+len(strings.TrimRight(line, "\r")))
		return
	}
	if !strings.HasPrefix(line, "a=crypto:") {
		return
	}
	for from := 0; ; {
		i := indexFold(line[from:], "inline:")
		if i < 0 {
			return
		}
		from += i + len("inline:")
		end := from
		for end < len(line) && !strings.ContainsRune("|; \t\r", rune(line[end])) {
			end++
		}
		m.hide(at+from, at+end)
	}
}

// passwords hides what stands between the colon and the @ of a SIP URI's user part.
func (m *masker) passwords(text string) {
	for from := 0; ; {
		i := strings.IndexByte(text[from:], '@')
		if i < 0 {
			return
		}
		i += from
		from = i + 1
		colon := i - 1
		for colon >= 0 && !apart[text[colon]] {
			colon--
		}
		if colon < 0 || text[colon] != ':' {
			continue
		}
		start := colon
		for start > 0 && !outside[text[start-1]] {
			start--
		}
		if colon-start < len("sip:x") {
			continue
		}
		if scheme, user, ok := strings.Cut(text[start:colon], ":"); ok && user != "" && (strings.EqualFold(scheme, "sip") || strings.EqualFold(scheme, "sips")) {
			m.hide(colon+1, i)
		}
	}
}

// apart are the characters that no password has, outside those that no URI has.
var apart, outside = charset(":;?<> \t\"\r\n"), charset("<> \t\"\r\n")

func charset(s string) (set [256]bool) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}
