package tenant

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"santral/base/doc"
)

func bigDocument(lines int) string {
	var b strings.Builder
	b.WriteString("tenant: big\ndomains: [big.example]\narea: \"21\"\nclass: staff\nclasses: [{class: staff}]\nsites: [{site: a}]\ndepartments: [{department: d}]\nlines:\n")
	for i := range lines {
		fmt.Fprintf(&b, "  - {number: \"%d\", name: Line %d, password: secret-%d, class: staff, site: a, department: d}\n", 22000000+i, i, i)
	}
	return b.String()
}

// A document of 10,000 lines is read, checked and indexed in much less than the 3 s in which it must be applied.
func TestALargeDocument(t *testing.T) {
	text := bigDocument(10_000)
	began := time.Now()
	var problems doc.Problems
	a := Read("big.yaml", []byte(text), &problems)
	Check([]*Tenant{a}, &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	NewSnapshot(1, []*Tenant{a})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("10,000 lines took %v", took)
	}
}

func BenchmarkALargeDocument(b *testing.B) {
	text := bigDocument(100_000)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var problems doc.Problems
		a := Read("big.yaml", []byte(text), &problems)
		Check([]*Tenant{a}, &problems)
		if err := problems.Err(); err != nil {
			b.Fatal(err)
		}
		runtime.KeepAlive(NewSnapshot(1, []*Tenant{a}))
	}
}
