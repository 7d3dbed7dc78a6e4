package doc

import "github.com/goccy/go-yaml/ast"

// Line is where a place begins, counted from 1.
func (n *Node) Line() int { return first(n.yaml).GetToken().Position.Line }

// Where gives the place as a problem that says nothing yet: for what can only be told once other documents are known.
func (n *Node) Where() Problem {
	at := first(n.yaml).GetToken().Position
	return Problem{File: n.file, Line: at.Line, Column: at.Column}
}

// Has reports whether the place is a mapping with a key.
func (n *Node) Has(key string) bool {
	switch y := n.yaml.(type) {
	case *ast.MappingNode:
		for _, pair := range y.Values {
			if pair.Key.GetToken().Value == key {
				return true
			}
		}
	case *ast.MappingValueNode:
		return y.Key.GetToken().Value == key
	}
	return false
}
