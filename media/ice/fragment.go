package ice

import (
	"errors"
	"strings"
)

// Fragment is a piece of a description that brings candidates after the description itself (RFC 8840 §4.4), the
// body of an INFO of type application/trickle-ice-sdpfrag.
type Fragment struct {
	Credentials Credentials // of the generation that the candidates belong to
	Mid         string      // which media line's, "" for all lines
	Candidates  []Candidate
	End         bool // no more will come (RFC 8838 §8.2)
}

// FragmentType is the media type of a fragment's text.
const FragmentType = "application/trickle-ice-sdpfrag"

// Limits of one fragment's text.
const (
	maxFragment   = 16 << 10
	maxCandidates = 64 // of one leg
)

var errFragment = errors.New("ice: not a fragment of a description")

// ParseFragment reads a fragment (RFC 8840 §9.2). Candidates for another line than the first that the text has are
// left out: all lines of ours share a transport. Lines that it does not know, and candidates that can't be read,
// are passed over.
func ParseFragment(text string) (Fragment, error) {
	if len(text) > maxFragment {
		return Fragment{}, errFragment
	}
	var f Fragment
	lines, any := 0, false
	for len(text) > 0 {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		if strings.HasPrefix(line, "m=") {
			lines++
			any = true
			continue
		}
		attr, ok := strings.CutPrefix(line, "a=")
		if !ok || lines > 1 {
			continue
		}
		key, value, _ := strings.Cut(attr, ":")
		switch key {
		case "ice-ufrag":
			f.Credentials.Ufrag, any = value, true
		case "ice-pwd":
			f.Credentials.Pwd = value
		case "mid":
			if len(value) <= 64 {
				f.Mid = value
			}
		case "end-of-candidates":
			f.End, any = true, true
		case "candidate":
			any = true
			if c, err := ParseCandidate(value); err == nil && len(f.Candidates) < maxCandidates {
				f.Candidates = append(f.Candidates, c)
			}
		}
	}
	if !any || (f.Credentials.Ufrag != "" || f.Credentials.Pwd != "") && !f.Credentials.Valid() {
		return Fragment{}, errFragment
	}
	return f, nil
}

// String prints the fragment. The text has the password and is for the peer alone.
func (f Fragment) String() string {
	var b strings.Builder
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteString("\r\n")
	}
	if f.Credentials.Ufrag != "" {
		line("a=ice-ufrag:", f.Credentials.Ufrag)
		line("a=ice-pwd:", f.Credentials.Pwd)
	}
	if f.Mid != "" {
		line("m=audio 9 RTP/AVP 0") // stands for the line, as RFC 8840 §4.4 has it
		line("a=mid:", f.Mid)
	}
	for _, c := range f.Candidates {
		line("a=candidate:", c.String())
	}
	if f.End {
		line("a=end-of-candidates")
	}
	return b.String()
}
