package lint

import (
	"regexp"
	"strings"
	"testing"

	"santral/media/prompt"
)

// TestEveryClipIsInTheCatalogue finds names of clips in the code that nothing would be heard of.
func TestEveryClipIsInTheCatalogue(t *testing.T) {
	known := map[string]bool{}
	for _, p := range prompt.Catalogue() {
		known[p.ID] = true
	}
	clip := regexp.MustCompile(`media\.Clip\("([^"]+)"\)`)
	for _, name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") || !strings.HasPrefix(name, "service/") && !strings.HasPrefix(name, "call/control/") && !strings.HasPrefix(name, "server/") {
			continue
		}
		for _, m := range clip.FindAllStringSubmatch(read(t, name), -1) {
			if !known[m[1]] {
				t.Errorf("%s: media/prompt has no clip %q", name, m[1])
			}
		}
	}
}
