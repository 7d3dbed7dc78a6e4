package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestNothingIsLeftUndone: a thing works or is not there. What is not there stands in the documents,
// not as a note in the code.
func TestNothingIsLeftUndone(t *testing.T) {
	note := regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	for _, name := range files(t, ".go", ".md", ".sh", ".yaml", "Makefile") {
		if strings.HasPrefix(name, "test/lint/") {
			continue
		}
		for i, line := range strings.Split(read(t, name), "\n") {
			if m := note.FindString(line); m != "" {
				t.Errorf("%s:%d: %s", name, i+1, m)
			}
		}
	}
}

// TestExportedNamesAreExplained wants a comment at every exported name outside tests: meaning, units,
// errors, owner. Methods that implement a well-known interface of the standard library may go without.
func TestExportedNamesAreExplained(t *testing.T) {
	silent := map[string]bool{"String": true, "Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true}
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "bench/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) && !(d.Recv != nil && silent[d.Name.Name]) {
					t.Errorf("%s:%d: %s has no comment", name, set.Position(d.Pos()).Line, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
							t.Errorf("%s:%d: %s has no comment", name, set.Position(s.Pos()).Line, s.Name.Name)
						}
					case *ast.ValueSpec:
						if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil && d.Doc == nil {
							t.Errorf("%s:%d: %s has no comment", name, set.Position(s.Pos()).Line, s.Names[0].Name)
						}
					}
				}
			}
		}
	}
}

// exportedReceiver reports whether a function is seen from outside: a plain one, or a method of an
// exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	x := d.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.Ident:
			return y.IsExported()
		default:
			return false
		}
	}
}

// TestLinksLead finds links between the documents that lead nowhere, headings included.
func TestLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	for _, name := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := filepath.Join(filepath.Dir(name), m[1])
			if m[1] == "" {
				to = name
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
				continue
			}
			if m[2] == "" {
				continue
			}
			found := false
			for _, h := range heading.FindAllStringSubmatch(read(t, to), -1) {
				found = found || "#"+strings.ReplaceAll(strings.ToLower(h[1]), " ", "-") == m[2]
			}
			if !found {
				t.Errorf("%s links to %s in %s, which has no such heading", name, m[2], to)
			}
		}
	}
}

// TestTheReadmesSayTheSame holds the two languages to each other: the same commands in the same order,
// and links to the same pages.
func TestTheReadmesSayTheSame(t *testing.T) {
	en, fa := read(t, "README.md"), read(t, "README.fa.md")
	blocks := regexp.MustCompile("(?s)```\n(.*?)```")
	a, b := blocks.FindAllString(en, -1), blocks.FindAllString(fa, -1)
	if strings.Join(a, "") != strings.Join(b, "") {
		t.Errorf("the commands differ:\n%s\nand\n%s", strings.Join(a, ""), strings.Join(b, ""))
	}
	for _, m := range regexp.MustCompile(`\]\((docs/[^)]*)\)`).FindAllStringSubmatch(en, -1) {
		if !strings.Contains(fa, m[1]) && !strings.Contains(fa, strings.Replace(m[1], "docs/operations/", "docs/operations/fa/", 1)) {
			t.Errorf("README.fa.md lacks %s", m[1])
		}
	}
	commands := regexp.MustCompile("(?m)^make ([a-z]+)|`make ([a-z]+)")
	makefile := read(t, "Makefile")
	for _, m := range commands.FindAllStringSubmatch(en+fa, -1) {
		if target := m[1] + m[2]; !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("a README says make %s, which the Makefile does not know", target)
		}
	}
}
