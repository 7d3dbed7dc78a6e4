package doc

import (
	"strings"
	"testing"
	"time"
)

// What is nested without end is refused at once, instead of keeping a parser busy for hours.
func TestDeepTexts(t *testing.T) {
	for name, text := range map[string]string{
		"brackets": "a:\n  " + strings.Repeat("[", 200_000), "braces": strings.Repeat("{a: ", 100_000), "dashes": "a:\n  " + strings.Repeat("- ", 100_000), "questions": strings.Repeat("? ", 100_000),
	} {
		began := time.Now()
		var problems Problems
		if d := Open("x", text, Reading{}, &problems); d != nil || len(problems.List()) != 1 || !strings.Contains(problems.List()[0].Text, "nested deeper") {
			t.Errorf("%s: %v", name, problems.List())
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	var problems Problems
	text := "a:\n" + strings.Repeat("  - [x, {y: z}]\n", 1000) + "b: '----------" + strings.Repeat("-", 500) + "'\n# " + strings.Repeat("- ", 10) + "\n"
	if Open("x", text, Reading{}, &problems) == nil {
		t.Error(problems.Err())
	}
}
