package lint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// files gives the tracked and new files of the house that end in one of the given ways.
func files(t *testing.T, endings ...string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	var list []string
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		for _, e := range endings {
			if strings.HasSuffix(name, e) {
				if _, err := os.Stat(filepath.Join(root, name)); err == nil {
					list = append(list, name)
				}
			}
		}
	}
	return list
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var (
	anyRFC  = regexp.MustCompile(`(?i)\brfc[ -]?\d{3,5}`)
	goodRFC = regexp.MustCompile(`^RFC \d{3,5}$`)
	section = regexp.MustCompile(`RFC \d{3,5},? (?i:sections?|sec\.|chapters?|ch\.) ?\d`)
	number  = regexp.MustCompile(`RFC (\d{3,5})`)
	row     = regexp.MustCompile(`(?m)^\| *((?:\d{3,5}(?: */ *)?)+) *\| *([^|]*?) *\| *(yes|partial|no) *\| *([^|]*?) *\|`)
)

func TestStandardsAreCitedInOneForm(t *testing.T) {
	for _, name := range files(t, ".go") {
		for i, line := range strings.Split(read(t, name), "\n") {
			if strings.Contains(name, "test/lint/") || !strings.Contains(line, "//") {
				continue
			}
			_, comment, _ := strings.Cut(line, "//")
			for _, ref := range anyRFC.FindAllString(comment, -1) {
				if !goodRFC.MatchString(ref) {
					t.Errorf("%s:%d: %q: write it as RFC 3261 §17.2.1", name, i+1, ref)
				}
			}
			if section.MatchString(comment) {
				t.Errorf("%s:%d: write the clause with §: %s", name, i+1, strings.TrimSpace(comment))
			}
		}
	}
}

// TestTheStandardsPageIsTrue holds docs/rfc.md to the code: every RFC that the code cites has a
// row, a row that says yes or partial names a test that exists, and its package.
func TestTheStandardsPageIsTrue(t *testing.T) {
	known := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/rfc.md"), -1) {
		for n := range strings.SplitSeq(m[1], "/") {
			if n = strings.TrimSpace(n); known[n] != "" {
				t.Errorf("docs/rfc.md: RFC %s has two rows", n)
			}
			known[n] = m[3]
		}
		if m[3] == "no" {
			continue
		}
		for proof := range strings.SplitSeq(m[4], ",") {
			proof = strings.Trim(strings.TrimSpace(proof), "`")
			folder, test, ok := strings.Cut(proof, ".")
			if !ok {
				t.Errorf("docs/rfc.md: RFC %s: %q is no folder.Test", m[1], proof)
				continue
			}
			if err := hasTest(folder, test); err != nil {
				t.Errorf("docs/rfc.md: RFC %s: %v", m[1], err)
			}
		}
	}
	for _, name := range files(t, ".go") {
		if strings.Contains(name, "test/lint/") {
			continue
		}
		for _, m := range number.FindAllStringSubmatch(read(t, name), -1) {
			if known[m[1]] == "" {
				t.Errorf("%s cites RFC %s, which has no row in docs/rfc.md", name, m[1])
			}
		}
	}
}

func hasTest(folder, test string) error {
	names, _ := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(data), "func "+test+"(") {
			return nil
		}
	}
	return fmt.Errorf("there is no test %s in %s", test, folder)
}

// TestDecisionsHaveNumbersOfTheirOwn holds that a decision is found by its number.
func TestDecisionsHaveNumbersOfTheirOwn(t *testing.T) {
	seen := map[string]string{}
	for _, name := range files(t, ".md") {
		if !strings.HasPrefix(name, "docs/decisions/") {
			continue
		}
		n, _, _ := strings.Cut(filepath.Base(name), "-")
		if seen[n] != "" {
			t.Errorf("%s and %s have one number", seen[n], name)
		}
		seen[n] = name
		if title := "# " + strings.TrimLeft(n, "0") + ". "; !strings.HasPrefix(read(t, name), title) {
			t.Errorf("%s should begin with %q", name, title)
		}
	}
}

// TestDependenciesHaveTheirReasons holds docs/dependencies.md to go.mod: what is built on has a row,
// and a row (its first cell) names nothing that is no longer built on.
func TestDependenciesHaveTheirReasons(t *testing.T) {
	page, direct := read(t, "docs/dependencies.md"), map[string]bool{}
	for line := range strings.Lines(read(t, "go.mod")) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] != "module" && f[0] != "go" && !strings.Contains(line, "// indirect") && strings.Contains(f[0], "/") {
			direct[f[0]] = true
			if !strings.Contains(page, f[0]) {
				t.Errorf("%s has no row in docs/dependencies.md", f[0])
			}
		}
	}
	for line := range strings.Lines(page) {
		cell, row := strings.CutPrefix(line, "| `")
		cell, _, _ = strings.Cut(cell, " | ")
		for name := range strings.FieldsFuncSeq(cell, func(r rune) bool { return strings.ContainsRune("`, ", r) }) {
			if row && strings.Contains(name, "/") && !direct[name] {
				t.Errorf("docs/dependencies.md has a row for %s, which go.mod does not require directly", name)
			}
		}
	}
}

func TestFilesStaySmall(t *testing.T) {
	for _, name := range files(t, ".go") {
		if n := strings.Count(read(t, name), "\n"); n > 600 && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s has %d lines: split it by mechanism", name, n)
		}
	}
}

func TestNobodyHidesStartUpWork(t *testing.T) {
	for _, name := range files(t, ".go") {
		if strings.Contains(read(t, name), "\nfunc init() {") {
			t.Errorf("%s has an init(): what exists is a literal table in server", name)
		}
	}
}
