package siptest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"santral/sip"
)

// rung is one line of a ladder: a message between two columns, or a note.
type rung struct {
	at       time.Duration
	from, to netip.Addr
	label    string
	stream   bool
	note     string
}

// cell is the width between two columns.
const cell = 30

// draw prints rungs between the columns of actors. A message over a stream is drawn with "=".
func draw(actors []actor, rungs []rung) string {
	cols := names(actors)
	column := func(a netip.Addr) int {
		for _, x := range actors {
			if x.addr == a {
				return slices.Index(cols, x.name)
			}
		}
		return -1
	}
	// Between one pair the order is the true one. What happens between several pairs in one moment has
	// no order that would be the same in every run, so it is drawn in the order of the columns: give
	// the network's links a delay, and such moments tell nothing about cause and effect.
	rungs = slices.Clone(rungs)
	pair := func(r rung) int {
		x, y := column(r.from), column(r.to)
		return min(x, y)*len(cols) + max(x, y)
	}
	for i := 0; i < len(rungs); {
		j := i + 1
		for j < len(rungs) && rungs[j].at == rungs[i].at && rungs[j].note == "" && rungs[i].note == "" {
			j++
		}
		slices.SortStableFunc(rungs[i:j], func(x, y rung) int { return pair(x) - pair(y) })
		i = j
	}
	var b strings.Builder
	head := "        "
	for _, name := range cols {
		head += fmt.Sprintf("  %-*s", cell-2, name)
	}
	b.WriteString(strings.TrimRight(head, " ") + "\n")
	for _, r := range rungs {
		at := fmt.Sprintf("%8.3f", r.at.Seconds())
		if r.note != "" {
			fmt.Fprintf(&b, "%s    -- %s --\n", at, r.note)
			continue
		}
		from, to := column(r.from), column(r.to)
		if from < 0 || to < 0 || from == to {
			fmt.Fprintf(&b, "%s    %s from %s to %s\n", at, r.label, r.from, r.to)
			continue
		}
		fmt.Fprintf(&b, "%s    %s\n", at, strings.TrimRight(arrow(len(cols), from, to, r), " "))
	}
	return b.String()
}

// arrow draws one message between two columns, the other columns as bars.
func arrow(cols, from, to int, r rung) string {
	row := []byte(strings.Repeat(" ", (cols-1)*cell+1))
	for c := range cols {
		row[c*cell] = '|'
	}
	left, right := min(from, to), max(from, to)
	dash := byte('-')
	if r.stream {
		dash = '='
	}
	span := row[left*cell+1 : right*cell]
	label := " " + r.label + " "
	if i := strings.LastIndex(label, " ("); len(label) > len(span)-4 && i > 4 {
		label = label[:4] + label[i:] // the code and the method tell enough
	}
	if len(label) > len(span)-4 {
		label = label[:len(span)-5] + " "
	}
	for i := range span {
		span[i] = dash
	}
	copy(span[(len(span)-len(label))/2:], label)
	if from < to {
		span[len(span)-1] = '>'
	} else {
		span[0] = '<'
	}
	return string(row)
}

// label is what a ladder shows of a message: a request's method, a response's status line, and what
// cannot be seen otherwise: the method of a response that is not to an INVITE, and a body.
func label(text string) string {
	m, err := sip.ParseMessage(text)
	if junk(m, err) {
		first, _, _ := strings.Cut(text, "\r\n")
		return fmt.Sprintf("%.20q", first)
	}
	out := string(m.Method)
	if !m.IsRequest() {
		out = fmt.Sprintf("%d %s", m.Status, m.Reason)
		if cseq, err := m.CSeq(); err == nil && cseq.Method != sip.INVITE {
			out += " (" + string(cseq.Method) + ")"
		}
	}
	if m.Body != "" {
		out += " +" + strings.TrimPrefix(m.MediaType(), "application/")
	}
	return out
}

// junk reports whether a text is neither a request nor a response, not even a faulty one.
func junk(m *sip.Message, err error) bool {
	return err != nil && m.Status == 0 && sip.ParseStatusOf(err) == 0
}
