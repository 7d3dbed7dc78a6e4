package trace

import (
	"fmt"
	"strings"
)

const column = 34 // characters between two participants

// Ladder draws messages as a ladder for a terminal: a column for each address, an arrow for each
// message, a remark for each decision, times in milliseconds from the first.
func Ladder(entries []Entry) string {
	if len(entries) == 0 {
		return "no messages\n"
	}
	var who []string
	place := map[string]int{}
	at := func(address string) int {
		if i, ok := place[address]; ok {
			return i
		}
		place[address] = len(who)
		who = append(who, address)
		return len(who) - 1
	}
	// The exchange stands between its peers: the first peer left of it, the others right.
	for _, e := range entries {
		if e.Decision == "" {
			at(e.Remote.String())
			at("santral")
		}
	}
	at("santral")
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", 11))
	for _, name := range who {
		fmt.Fprintf(&b, "%-*s", column, name)
	}
	b.WriteString("\n")
	for _, e := range entries {
		since := float64(e.At.Sub(entries[0].At).Microseconds()) / 1000
		if e.Decision != "" {
			fmt.Fprintf(&b, "%+9.0f  * %s\n", since, Printable(e.Decision))
			continue
		}
		from, to := at(e.Remote.String()), at("santral")
		if e.Out {
			from, to = to, from
		}
		line := []rune(strings.Repeat("│"+strings.Repeat(" ", column-1), len(who)))
		left, right := min(from, to)*column, max(from, to)*column
		for i := left + 1; i < right; i++ {
			line[i] = '─'
		}
		if to > from {
			line[right-1] = '▶'
		} else {
			line[left+1] = '◀'
		}
		label := []rune(" " + Printable(label(e.Text)) + " ")
		if len(label) > right-left-4 {
			label = label[:right-left-4]
		}
		copy(line[left+2+(right-left-3-len(label))/2:], label)
		fmt.Fprintf(&b, "%+9.0f  %s\n", since, strings.TrimRight(string(line), " "))
	}
	return b.String()
}

// label is what an arrow says: the method or the status, CSeq's method with a response, and
// whether there is a session description.
func label(text string) string {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	first, rest, _ := strings.Cut(head, "\r\n")
	name := first
	if status, ok := strings.CutPrefix(first, "SIP/2.0 "); ok {
		name = status
		for line := range strings.SplitSeq(rest, "\r\n") {
			if value, ok := strings.CutPrefix(strings.ToLower(line), "cseq:"); ok {
				if f := strings.Fields(value); len(f) == 2 {
					name += " (" + strings.ToUpper(f[1]) + ")"
				}
			}
		}
	} else if method, _, ok := strings.Cut(first, " "); ok {
		name = method
	}
	if strings.HasPrefix(body, "v=0") {
		name += " +SDP"
	}
	return name
}

// Printable is text for a terminal: what strangers have written holds no orders to it. Line ends and tabs stay.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r < ' ' && r != '\n' && r != '\t', r >= 0x7f && r < 0xa0:
			return '\ufffd'
		}
		return r
	}, text)
}
