package tenant

import (
	"regexp"
	"strings"

	"santral/base/doc"
)

// Rules are what a trunk's INVITEs are changed by, in order. The zero value changes nothing.
type Rules struct {
	Headers []HeaderRule
	Called  []NumberRule
	Calling []NumberRule
	Causes  map[int]int // SIP status of a refusal → the status that is told instead
}

// HeaderRule changes one header field.
type HeaderRule struct {
	Do      RuleDeed
	Name    string
	Match   *regexp.Regexp // RewriteHeader: what of each value is replaced; RemoveHeader: only values that match, nil for all
	Replace string         // with $1 for groups
	Value   string         // AddHeader
}

// RuleDeed says what a HeaderRule does.
type RuleDeed uint8

// Deeds of header rules.
const (
	UnknownDeed RuleDeed = iota
	AddHeader
	RemoveHeader
	RewriteHeader
)

// NumberRule rewrites a number that matches.
type NumberRule struct {
	Match   *regexp.Regexp
	Replace string
}

// RewriteNumber gives a number as the first rule that matches it makes it.
func RewriteNumber(rules []NumberRule, number string) string {
	for i := range rules {
		if r := &rules[i]; r.Match.MatchString(number) {
			return r.Match.ReplaceAllString(number, r.Replace)
		}
	}
	return number
}

// Bounds of rules.
const (
	maxRules   = 64  // of one direction of a trunk
	maxPattern = 256 // octets of a regular expression
	maxValue   = 512 // octets of a value or replacement
)

// protected are the header fields that name a dialog, say where messages go or frame them: no rule may
// touch them, as the exchange would no longer know its own calls.
var protected = map[string]bool{
	"via": true, "v": true, "call-id": true, "i": true, "cseq": true, "from": true, "f": true, "to": true, "t": true,
	"contact": true, "m": true, "route": true, "record-route": true, "path": true, "service-route": true,
	"content-length": true, "l": true, "content-type": true, "c": true, "max-forwards": true,
	"authorization": true, "proxy-authorization": true, "www-authenticate": true, "proxy-authenticate": true,
	"rseq": true, "rack": true, "replaces": true,
}

func readRules(n *doc.Node) (rules Rules) {
	count := 0
	n.Each(func(n *doc.Node) {
		if count++; count == maxRules+1 {
			n.Fail("a trunk has at most %d rules in one direction", maxRules)
		}
		readRule(n, &rules)
	})
	return rules
}

// readRule reads one rule: what it does is the key that names its object.
func readRule(n *doc.Node, rules *Rules) {
	var h HeaderRule
	var number NumberRule
	numbers := &rules.Called
	deeds, cause, becomes := 0, 0, 0
	value, match, replace, told := false, false, false, false
	deed := func(do RuleDeed) func(*doc.Node) {
		return func(n *doc.Node) {
			deeds++
			h.Do, h.Name = do, readHeaderName(n)
		}
	}
	rewrite := func(list *[]NumberRule) func(*doc.Node) {
		return func(n *doc.Node) {
			deeds++
			numbers, number.Match = list, readPattern(n)
		}
	}
	n.Map(doc.Fields{
		"add":     deed(AddHeader),
		"remove":  deed(RemoveHeader),
		"rewrite": deed(RewriteHeader),
		"called":  rewrite(&rules.Called),
		"calling": rewrite(&rules.Calling),
		"cause": func(n *doc.Node) {
			deeds++
			cause = n.Int(300, 699)
		},
		"value":   func(n *doc.Node) { value, h.Value = true, readValue(n) },
		"match":   func(n *doc.Node) { match, h.Match = true, readPattern(n) },
		"replace": func(n *doc.Node) { replace, h.Replace = true, readValue(n); number.Replace = h.Replace },
		"becomes": func(n *doc.Node) { told, becomes = true, n.Int(400, 699) },
	})
	switch {
	case deeds != 1:
		n.Fail("a rule does one thing: write one of add, remove, rewrite, called, calling or cause")
	case cause != 0:
		if !told || value || match || replace {
			n.Fail("a cause has becomes: beside it, the status that is told instead")
			return
		}
		if rules.Causes == nil {
			rules.Causes = map[int]int{}
		}
		if _, twice := rules.Causes[cause]; twice {
			n.Fail("cause %d stands twice; keep one", cause)
		}
		rules.Causes[cause] = becomes
	case h.Do == UnknownDeed:
		if !replace || value || match || told {
			n.Fail("a rule for numbers has replace: beside its pattern")
			return
		}
		*numbers = append(*numbers, number)
	case h.Do == AddHeader && (!value || match || replace || told):
		n.Fail("add: has value: beside it")
	case h.Do == RemoveHeader && (value || replace || told):
		n.Fail("remove: has match: beside it, or nothing")
	case h.Do == RewriteHeader && (!match || !replace || value || told):
		n.Fail("rewrite: has match: and replace: beside it")
	default:
		rules.Headers = append(rules.Headers, h)
	}
}

func readHeaderName(n *doc.Node) string {
	name := n.Text()
	switch {
	case name == "" || len(name) > 64 || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.!%*_+`'~") != "":
		n.Fail("%q is not the name of a header field", name)
	case protected[strings.ToLower(name)]:
		n.Fail("%s names a dialog or its way, and no rule may touch it; called: and calling: rewrite numbers", name)
	}
	return name
}

func readPattern(n *doc.Node) *regexp.Regexp {
	text := n.Text()
	if len(text) > maxPattern {
		n.Fail("a pattern has at most %d octets", maxPattern)
		return never
	}
	re, err := regexp.Compile(text)
	if err != nil {
		n.Fail("is no regular expression (RE2): %v", err)
		return never
	}
	return re
}

// never stands for a pattern that could not be read.
var never = regexp.MustCompile(`[^\s\S]`)

func readValue(n *doc.Node) string {
	text := n.Text()
	if len(text) > maxValue || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		n.Fail("a value has at most %d octets and no control characters", maxValue)
		return ""
	}
	return text
}
