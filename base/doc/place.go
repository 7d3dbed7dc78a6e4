package doc

// Line is where a place begins, counted from 1.
func (n *Node) Line() int { return int(n.at.line) }

// Where gives the place as a problem that says nothing yet: for what can only be told once other documents are known.
func (n *Node) Where() Problem {
	return Problem{File: n.doc.file, Line: int(n.at.line), Column: int(n.at.col)}
}

// Has reports whether the place is a mapping with a key.
func (n *Node) Has(key string) bool { return n.at.kind == mapping && n.at.find(key) != nil }
