package doc

import "fmt"

// Spot is a place in a document, without the document: what is kept of many places whose problems are told later.
type Spot struct{ Line, Column int32 }

// Spot gives the place.
func (n *Node) Spot() Spot { return Spot{n.at.line, n.at.col} }

// FailAt notes that another place of the same document is wrong.
func (n *Node) FailAt(at Spot, format string, args ...any) {
	n.doc.problems.Add(Problem{File: n.doc.file, Line: int(at.Line), Column: int(at.Column), Text: fmt.Sprintf(format, args...)})
}

// Where gives the place as a problem that says nothing yet: for what can only be told once other documents are known.
func (n *Node) Where() Problem {
	return Problem{File: n.doc.file, Line: int(n.at.line), Column: int(n.at.col), whole: n.at.kind == mapping}
}

// Has reports whether the place is a mapping with a key.
func (n *Node) Has(key string) bool { return n.at.kind == mapping && n.at.find(key) != nil }
