package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"santral/test/phone"
)

// curl asks the exchange with the curl that people have: status, head and body.
func curl(t *testing.T, x *phone.Exchange, method, path, body string, more ...string) (status, head, text string) {
	t.Helper()
	args := []string{"-s", "-S", "-i", "--http1.1", "-X", method, "-H", "Authorization: Bearer " + x.Token, x.HTTP + path}
	if body != "" {
		args = append(args, "-H", "Content-Type: application/json", "--data-binary", body)
	}
	out, err := exec.Command("curl", append(args, more...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("curl: %v\n%s", err, out)
	}
	head, text, _ = strings.Cut(strings.ReplaceAll(string(out), "\r\n", "\n"), "\n\n")
	first, _, _ := strings.Cut(head, "\n")
	return strings.Fields(first)[1], head, strings.TrimSpace(text)
}

func headOf(head, name string) string {
	for line := range strings.SplitSeq(head, "\n") {
		if key, value, _ := strings.Cut(line, ": "); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// TestCurlWalksTheAPI: a tenant, a line, a change, a plan, an undo, and what is refused, with curl.
func TestCurlWalksTheAPI(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("there is no curl")
	}
	x := phone.StartExchange(t)
	want := func(status, method, path, body string, parts ...string) (head, text string) {
		t.Helper()
		got, head, text := curl(t, x, method, path, body)
		if got != status {
			t.Errorf("%s %s: %s, want %s: %s", method, path, got, status, text)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s %s: no %q in %s", method, path, part, text)
			}
		}
		return head, text
	}
	const lines = "/api/v1/tenants/shop/lines"
	head, _ := want("201", "POST", "/api/v1/tenants?why=sold", `{"tenant":"shop","name":"فروشگاه","domains":["shop.example"],"country":"ir","area":"21"}`, `"name":"فروشگاه"`)
	if headOf(head, "Location") != "/api/v1/tenants/shop" || headOf(head, "Revision") == "" {
		t.Errorf("made, and told nowhere: %s", head)
	}
	want("201", "POST", lines, `{"number":"02122000001","name":"Till","password":"Zz9!pqrs1"}`, `"number":"02122000001"`)
	head, _ = want("200", "GET", lines+"/02122000001", "")
	tag := headOf(head, "ETag")
	want("200", "PATCH", lines+"/02122000001", `{"name":"Front till"}`, `"name":"Front till"`)
	if status, _, text := curl(t, x, "PATCH", lines+"/02122000001", `{"name":"x"}`, "-H", "If-Match: "+tag); status != "412" {
		t.Errorf("an old tag: %s %s", status, text)
	}
	want("409", "POST", lines, `{"number":"02122000001","password":"Zz9!pqrs1"}`)
	head, _ = want("422", "PATCH", lines+"/02122000001", `{"media":{"ptime":15}}`, `"location":"/media/ptime"`)
	if headOf(head, "Content-Type") != "application/problem+json" {
		t.Errorf("no problem document: %s", head)
	}
	want("404", "GET", "/api/v1/tenants/none/lines", "")
	_, text := want("200", "GET", "/api/v1/tenants/shop/document", "")
	file := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(text, "Front till", "Back till", 1)+"\n# seen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml := func(path string) (status, text string) {
		status, _, text = curl(t, x, "POST", path, "", "-H", "Content-Type: text/yaml", "--data-binary", "@"+file)
		return status, text
	}
	if status, text := yaml("/api/v1/plan"); status != "200" || !strings.Contains(text, `"key":"02122000001","do":"edit","keys":["name"]`) {
		t.Errorf("plan: %s %s", status, text)
	}
	status, text := yaml("/api/v1/apply?why=moved")
	var rev struct{ Revision uint64 }
	if status != "200" || json.Unmarshal([]byte(text), &rev) != nil || rev.Revision == 0 {
		t.Fatalf("apply: %s %s", status, text)
	}
	want("200", "GET", lines+"/02122000001", "", "Back till")
	want("200", "POST", "/api/v1/revisions/"+strings.TrimSpace(jsonNumber(rev.Revision))+"/undo", "", `"undoes":`)
	want("200", "GET", lines+"/02122000001", "", "Front till")
	want("200", "POST", "/api/v1/what-if", `{"tenant":"shop","from":"02122000001","dialled":"110","at":"1405-01-13 18:05"}`, `"fa":`, `"jalali":"1405-01-13 18:05"`)
	want("204", "DELETE", "/api/v1/tenants/shop?force=true", "")
}

func jsonNumber(n uint64) string {
	text, _ := json.Marshal(n)
	return string(text)
}

// TestPagesInABrowser: Chromium reads the API's pages in both languages, runs their script, and complains of nothing.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium")
	}
	x := phone.StartExchange(t)
	for path, parts := range map[string][]string{
		"/api/docs?lang=en": {"Merge patch"[:0] + "Authorization: Bearer TOKEN", `dir="ltr"`}, "/api/docs?lang=fa": {"پیکربندی", `dir="rtl"`},
		"/api/docs/accounts?lang=fa": {"create-tenant-line", "رونوشت</button>"}, "/api/docs/types?lang=en": {`id="Trunk"`},
	} {
		run := exec.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--v=0", "--user-data-dir="+t.TempDir(), "--dump-dom", x.HTTP+path)
		var errors strings.Builder
		run.Stderr = &errors
		dom, err := run.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", path, err, errors.String())
		}
		for _, part := range parts {
			if !strings.Contains(string(dom), part) {
				t.Errorf("%s has no %q", path, part)
			}
		}
		if strings.Contains(string(dom), `class="copy" hidden`) {
			t.Errorf("%s: its script did not run", path)
		}
		for line := range strings.SplitSeq(errors.String(), "\n") {
			if strings.Contains(line, "CONSOLE") {
				t.Errorf("%s: %s", path, line)
			}
		}
	}
}

// TestBashCompletes: bash asks santral what may follow.
func TestBashCompletes(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t)
	script := `PATH=` + filepath.Dir(phone.Program(t)) + `:$PATH; source <(santral completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=(); _santral; echo "${COMPREPLY[*]}"; }
try santral revis; try santral get exten; try santral get extensions 10; try santral route --ten; try santral set extensions 101 chan; try santral get lines --tenant sam; try santral completion z`
	run := exec.Command("bash", "-c", script)
	run.Env = append(os.Environ(), "SANTRAL_DATA="+x.Data)
	out, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	want := []string{"revisions", "extensions", "101\n", "--tenant", "channels=", "sample", "zsh"}
	if len(got) != len(want) {
		t.Fatalf("%q", out)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], strings.TrimSpace(want[i])) {
			t.Errorf("completion %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// generator makes clients of OpenAPI documents for Go.
const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2"

// clientMain drives the exchange with the generated client alone.
const clientMain = `package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

func must[T any](v T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return v
}

func main() {
	ctx, name := context.Background(), "By a stranger"
	c := must(NewClientWithResponses(os.Args[1], WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Args[2])
		return nil
	})))
	password, why := "Zz9!pqrs1", "a generated client"
	made := must(c.CreateTenantExtensionWithResponse(ctx, "sample", &CreateTenantExtensionParams{Why: &why}, Extension{Number: "177", Name: &name, Password: &password}))
	if made.JSON201 == nil || made.JSON201.Number != "177" || *made.JSON201.Name != name {
		fmt.Println("create:", made.Status(), string(made.Body))
		os.Exit(1)
	}
	list := must(c.ListTenantExtensionsWithResponse(ctx, "sample", &ListTenantExtensionsParams{Q: &name}))
	if list.JSON200 == nil || len(list.JSON200.Items) != 1 {
		fmt.Println("list:", list.Status(), string(list.Body))
		os.Exit(1)
	}
	revisions := must(c.ListRevisionsWithResponse(ctx, &ListRevisionsParams{}))
	if revisions.JSON200 == nil || *revisions.JSON200.Items[0].Why != why {
		fmt.Println("revisions:", revisions.Status(), string(revisions.Body))
		os.Exit(1)
	}
	would := must(c.WhatIfWithResponse(ctx, WhatIf{Tenant: "sample", From: "101", Dialled: "177"}))
	if would.JSON200 == nil || *would.JSON200.Goes.Account != "177" {
		fmt.Println("what-if:", would.Status(), string(would.Body))
		os.Exit(1)
	}
	gone := must(c.DeleteTenantExtensionWithResponse(ctx, "sample", "177", &DeleteTenantExtensionParams{}))
	if gone.StatusCode() != 204 {
		fmt.Println("delete:", gone.Status(), string(gone.Body))
		os.Exit(1)
	}
	missing := must(c.GetTenantExtensionWithResponse(ctx, "sample", "177", &GetTenantExtensionParams{}))
	if missing.StatusCode() != 404 || missing.ApplicationproblemJSON404 == nil {
		fmt.Println("missing:", missing.Status(), string(missing.Body))
		os.Exit(1)
	}
	fmt.Println("driven")
}
`

// TestAGeneratedClientDrivesTheAPI: a public generator makes a client of the OpenAPI document; it compiles and works.
func TestAGeneratedClientDrivesTheAPI(t *testing.T) {
	t.Parallel()
	x := phone.StartExchange(t)
	dir := t.TempDir()
	out, err := exec.Command("curl", "-s", "-S", "-f", "-o", filepath.Join(dir, "openapi.json"), x.HTTP+"/openapi.json").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"go.mod": "module client\n\ngo 1.26\n", "main.go": clientMain,
		"config.yaml": "package: main\noutput: client.go\ngenerate: {models: true, client: true}\noutput-options: {skip-prune: true}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) string {
		t.Helper()
		c := exec.Command("go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "CGO_ENABLED=0")
		out, err := c.CombinedOutput()
		if err != nil && args[1] == generator && os.Getenv("SANTRAL_TEST_PEERS") != "require" && strings.Contains(string(out), "dial tcp") {
			t.Skip("the generator can't be fetched here")
		}
		if err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("run", generator, "-config", "config.yaml", "openapi.json")
	run("get", "github.com/oapi-codegen/runtime", "github.com/oapi-codegen/nullable")
	if said := run("run", ".", x.HTTP, x.Token); !strings.Contains(said, "driven") {
		t.Error(said)
	}
}
