package prompt

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"santral/base/doc"
)

// The clips beside the catalogue are of its texts: none is missing, none is stale, none is left over. What has changed is
// spoken anew by `make prompts`.
func TestTheClipsAreOfTheCatalogue(t *testing.T) {
	for _, language := range Languages() {
		sums := map[string]string{}
		var problems doc.Problems
		ignore := func(*doc.Node) {}
		synthetic := false
		doc.ReadFile(filepath.Join(language, "manifest.yaml"), &problems).Map(doc.Fields{
			"language": ignore, "rate": ignore, "engine": ignore,
			"synthetic": func(n *doc.Node) { synthetic = n.Bool() },
			"licence":   ignore,
			"clips": func(n *doc.Node) {
				n.Each(func(n *doc.Node) {
					id := ""
					n.Map(doc.Fields{
						"id": func(n *doc.Node) { id = n.Text() }, "version": func(n *doc.Node) { n.Int(1, 1<<30) }, "spoken": ignore,
						"text": func(n *doc.Node) {
							if want, _ := Text(language, id); n.Text() != want {
								t.Errorf("%s: the text of %s in the manifest is %q, in the catalogue %q", language, id, n.Text(), want)
							}
						},
						"sha256": func(n *doc.Node) { sums[id] = n.Text() },
					}, "id", "version", "text", "sha256")
				})
			},
		}, "synthetic", "licence", "engine")
		if err := problems.Err(); err != nil {
			t.Fatal(err)
		}
		if !synthetic {
			t.Errorf("%s: the voice is not called synthetic", language)
		}
		files, err := os.ReadDir(language)
		if err != nil {
			t.Fatal(err)
		}
		there := map[string]bool{}
		for _, f := range files {
			if f.Name() != "manifest.yaml" {
				there[strings.TrimSuffix(f.Name(), ".g722")] = true
			}
		}
		for _, p := range Catalogue() {
			if p.Texts[language] == "" {
				continue
			}
			if !there[p.ID] {
				t.Errorf("%s: %s has no clip: make prompts", language, p.ID)
			}
			if sums[p.ID] != Sum(language, p.ID) {
				t.Errorf("%s: the clip of %s is of another text: make prompts", language, p.ID)
			}
			delete(there, p.ID)
			delete(sums, p.ID)
		}
		for id := range there {
			t.Errorf("%s: %s.g722 is left over", language, id)
		}
		for id := range sums {
			t.Errorf("%s: %s is left over in the manifest", language, id)
		}
	}
}

// Names are unique and those of files; Persian is written with its own letters.
func TestTheCatalogueIsInOrder(t *testing.T) {
	seen := map[string]bool{}
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$`)
	for _, p := range Catalogue() {
		if seen[p.ID] || !name.MatchString(p.ID) {
			t.Errorf("%q stands twice, or is no name", p.ID)
		}
		seen[p.ID] = true
		if p.Texts["en"] == "" && p.Texts["fa"] == "" {
			t.Errorf("%s says nothing", p.ID)
		}
		if fa := p.Texts["fa"]; strings.ContainsAny(fa, "يكىة0123456789٠١٢٣٤٥٦٧٨٩") || regexp.MustCompile(`[A-Za-z]|  |^ | $`).MatchString(fa) {
			t.Errorf("%s: %q has letters or digits that are not of Persian, or blanks too many", p.ID, fa)
		}
		if en, fa := p.Texts["en"], p.Texts["fa"]; en != "" && fa != "" && p.Whole != strings.HasSuffix(fa, ".") && !ends(entries()[p.ID]) {
			t.Errorf("%s is a sentence in one language and none in the other: %q, %q", p.ID, en, fa)
		}
	}
	for id := range asterisk() {
		if !seen[id] {
			t.Errorf("%s has a file of an Asterisk set, and is not in the catalogue", id)
		}
	}
	for id := range spoken {
		if language, id, _ := strings.Cut(id, "/"); !seen[id] || Catalogue() == nil || language == "" {
			t.Errorf("%s is spoken in its own way, and is not in the catalogue", id)
		}
	}
}
