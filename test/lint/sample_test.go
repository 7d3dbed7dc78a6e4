package lint

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"santral/base/doc"
	"santral/config"
	"santral/sip/digest"
	"santral/tenant"
)

// sample is the folder of the sample configuration.
const sample = "docs/sample"

// TestTheSampleIsGood holds the sample configuration to the code: what `santral check` says of it is
// nothing, and its hashes are of the password that stands beside them.
func TestTheSampleIsGood(t *testing.T) {
	var problems doc.Problems
	boot := config.Read(filepath.Join(root, sample, "santral.yaml"), &problems)
	if boot == nil {
		t.Fatal(problems.Err())
	}
	tenants := tenant.ReadDir(boot.Tenants, &problems)
	tenant.Check(tenants, &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	s := tenant.NewSnapshot(1, tenants)
	a := s.Account("sample", "102")
	if a == nil {
		t.Fatal("the sample tenant has no extension 102")
	}
	for _, alg := range []digest.Algorithm{digest.MD5, digest.SHA256} {
		if want := digest.Hash(alg, "102", s.Tenant("sample").Realm, "change-me-102"); a.Credential.HA1[alg.String()] != want {
			t.Errorf("ha1 of 102 for %s is %q, want %q", alg, a.Credential.HA1[alg.String()], want)
		}
	}
}

// TestTheSampleHoldsEveryKey finds keys of the boot file and of tenant documents that the sample does
// not show, in use or as a comment.
func TestTheSampleHoldsEveryKey(t *testing.T) {
	key := regexp.MustCompile(`"([a-z][a-z0-9_-]*)": +(?:func|folder|account|field|yes|line\(|most\(|r\.)|fields\["([a-z-]+)"\]`)
	for code, page := range map[string]string{"config/config.go": "santral.yaml", "config/tls.go": "santral.yaml", "config/recordings.go": "santral.yaml", "config/tts.go": "santral.yaml", "config/mail.go": "santral.yaml", "tenant/read.go": "tenants/sample.yaml", "tenant/media.go": "tenants/sample.yaml", "tenant/trunk_read.go": "tenants/sample.yaml",
		"tenant/account_read.go": "tenants/sample.yaml", "tenant/site_read.go": "tenants/sample.yaml", "tenant/group_read.go": "tenants/sample.yaml", "tenant/number_read.go": "tenants/sample.yaml",
		"tenant/class_read.go": "tenants/sample.yaml", "tenant/schedule_read.go": "tenants/sample.yaml", "tenant/people_read.go": "tenants/sample.yaml", "tenant/house_read.go": "tenants/sample.yaml",
		"tenant/route_read.go": "tenants/sample.yaml", "tenant/operator_read.go": "tenants/operator.yaml"} {
		text := read(t, filepath.Join(sample, page))
		found := 0
		for _, m := range key.FindAllStringSubmatch(read(t, code), -1) {
			name := m[1] + m[2]
			found++
			if name == "sha512-256" { // one of three spellings of the same thing
				continue
			}
			if !regexp.MustCompile(`(?m)(^|[ #{-])` + name + `:`).MatchString(text) {
				t.Errorf("%s/%s does not show the key %q of %s", sample, page, name, code)
			}
		}
		if found < 7 {
			t.Errorf("only %d keys were found in %s: this test reads the wrong words", found, code)
		}
	}
}

// operations is what the pages in a folder of docs/operations say together: "" for the English ones, "fa" for the Persian ones.
func operations(t *testing.T, language string) string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs/operations", language, "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("docs/operations/%s has no pages (%v)", language, err)
	}
	var text strings.Builder
	for _, page := range pages {
		text.WriteString(read(t, filepath.Join("docs/operations", language, filepath.Base(page))))
	}
	return text.String()
}

// TestTheOperationsPageIsTrue holds docs/operations to the code: it names every figure of /metrics,
// every key of the boot file, every command, alarm and event.
func TestTheOperationsPageIsTrue(t *testing.T) {
	page, persian := operations(t, ""), operations(t, "fa")
	names := map[string]bool{}
	collect := func(pattern string, sources ...string) {
		for _, name := range sources {
			if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "test/") || strings.HasPrefix(name, "bench/") {
				continue
			}
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, name), -1) {
				names[strings.ToLower(m[len(m)-1])] = true
			}
		}
	}
	collect(`"(santral_[a-z_]+)"`, files(t, ".go")...)
	collect(`(?m)^\t\t"([a-z]+)": +(?:func|folder)`, "config/config.go")
	collect("(?m)^\t([A-Z]\\w+) +\\w+ +`cmd:\"\" help", "cmd/santral/main.go")
	collect("cmd:\"\" name:\"([a-z]+)\"", "cmd/santral/main.go")
	collect(`Kind\{Name: "([a-z-]+)"`, "service/alarm/alarm.go")
	collect(`(?m)^\t[A-Z]\w+ += "([a-z]+\.[a-z-]+)" +// \w*Event`, "api/event.go")
	if len(names) < 30 {
		t.Errorf("only %d names were found: this test reads the wrong words", len(names))
	}
	for name := range names {
		if !strings.Contains(page, "`"+name) {
			t.Errorf("docs/operations does not name `%s`", name)
		}
		if !strings.Contains(persian, "`"+name) {
			t.Errorf("docs/operations/fa does not name `%s`", name)
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Boot]()) {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(f.Name)) {
			t.Errorf("docs/operations says nothing of the boot file's %s", f.Name)
		}
	}
}

// TestOperationsAreToldInBothLanguages holds the two languages of docs/operations to each other: the same pages with links to one another, the same
// code blocks, and tables that have a row for the same things.
func TestOperationsAreToldInBothLanguages(t *testing.T) {
	pages, _ := filepath.Glob(filepath.Join(root, "docs/operations/*.md"))
	persian, _ := filepath.Glob(filepath.Join(root, "docs/operations/fa/*.md"))
	if len(pages) != len(persian) {
		t.Errorf("docs/operations has %d pages, and fa %d", len(pages), len(persian))
	}
	block, cell, code := regexp.MustCompile("(?s)```[a-z]*\n(.*?)```"), regexp.MustCompile(`(?m)^\|([^|]*)\|`), regexp.MustCompile("`([^`]+)`")
	for _, page := range pages {
		name := filepath.Base(page)
		if _, err := os.Stat(filepath.Join(root, "docs/operations/fa", name)); err != nil {
			t.Errorf("docs/operations/fa has no %s", name)
			continue
		}
		en, fa := read(t, "docs/operations/"+name), read(t, "docs/operations/fa/"+name)
		if !strings.Contains(en, "](fa/"+name+")") || !strings.Contains(fa, "](../"+name+")") {
			t.Errorf("%s: the two languages don't link to each other", name)
		}
		for _, b := range block.FindAllStringSubmatch(en, -1) {
			if !strings.Contains(fa, b[1]) {
				t.Errorf("docs/operations/fa/%s lacks:\n%s", name, b[1])
			}
		}
		for _, c := range cell.FindAllStringSubmatch(en, -1) {
			for _, m := range code.FindAllStringSubmatch(c[1], -1) {
				if !strings.Contains(fa, "`"+m[1]+"`") {
					t.Errorf("docs/operations/fa/%s has no row for `%s`", name, m[1])
				}
			}
		}
	}
}
