// Package doc reads YAML documents that people write, and says everything that is wrong with one at
// once: each problem with its file, line and column, and what to write instead.
//
// It knows no noun of the product: config and tenant describe their fields with it.
package doc

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// MaxSize is the largest document that is read, in octets.
const MaxSize = 64 << 20

// Problem is one thing that is wrong in a document. Line and Column count from 1; both are 0 when
// the problem is with the file as a whole.
type Problem struct {
	File   string
	Line   int
	Column int
	Text   string // what is wrong and what to write instead

	// Alone is what may be told of it to whoever may know of one document alone, where two are at odds; "" where Text may.
	Alone string

	Warning bool // it is only told: the document counts

	whole bool // of a mapping, not of its first key, which begins at the same place
}

// String gives "file:line:column: text", the form that editors jump to.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems gathers what is wrong; the zero value is ready.
type Problems struct{ list []Problem }

// Add appends a problem.
func (p *Problems) Add(q Problem) { p.list = append(p.list, q) }

// List gives the problems in the order of their places.
func (p *Problems) List() []Problem {
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return p.list
}

// Err gives all problems as one error, a line each, or nil where there are none but warnings.
func (p *Problems) Err() error {
	var text []string
	for _, q := range p.List() {
		if !q.Warning {
			text = append(text, q.String())
		}
	}
	if text == nil {
		return nil
	}
	return errors.New(strings.Join(text, "\n"))
}

// Reading is how a document is read. The zero value takes plain secrets alone, and only warns of weak ones.
type Reading struct {
	Open   func(sealed string) (plain string, err error) // opens a secret that begins with Sealed; nil for nobody who can
	Strict bool                                          // a weak secret is a problem
}

// Sealed is how a secret begins that only its exchange can read.
const Sealed = "sealed:"

// ReadFile opens a document; nil with a problem when there is nothing to read.
func ReadFile(file string, problems *Problems) *Node {
	info, err := os.Stat(file)
	if err == nil && info.Size() > MaxSize {
		problems.Add(Problem{File: file, Text: fmt.Sprintf("is larger than %d MiB: split it", MaxSize>>20)})
		return nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		problems.Add(Problem{File: file, Text: "can't be read: " + err.Error()})
		return nil
	}
	return Read(file, data, problems)
}

// Read parses a document; nil with a problem when it is not YAML or is empty. file only names the
// document in problems.
func Read(file string, data []byte, problems *Problems) *Node {
	return ReadAs(file, data, &Reading{}, problems)
}

// ReadAs parses a document like Read, and says how its secrets are read.
func ReadAs(file string, data []byte, as *Reading, problems *Problems) *Node {
	if d := Open(file, string(data), *as, problems); d != nil {
		return d.Root()
	}
	return nil
}

// place takes the position out of the parser's error text, "[line:column] text" and an excerpt.
func place(err error) (line, column int, text string) {
	text, _, _ = strings.Cut(err.Error(), "\n")
	if rest, ok := strings.CutPrefix(text, "["); ok {
		if at, tail, ok := strings.Cut(rest, "] "); ok {
			l, c, _ := strings.Cut(at, ":")
			line, _ = strconv.Atoi(l)
			column, _ = strconv.Atoi(c)
			text = tail
		}
	}
	return line, column, "is not YAML: " + text
}
