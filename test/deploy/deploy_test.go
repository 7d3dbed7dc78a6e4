// Package deploy proves what an operator installs: the unit that systemd runs, Debian's package, the container, the rules and
// the dashboard, each by the programs that read them.
package deploy

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"santral/test/phone"
)

// top is the root of the source.
const top = "../.."

// run runs a program, and fails the test with what it said.
func run(t *testing.T, folder, program string, args ...string) string {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = folder
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestUnit: systemd understands every line of the unit, and finds it well shut in.
func TestUnit(t *testing.T) {
	phone.Need(t, "systemd-analyze")
	unit, err := os.ReadFile(top + "/deploy/systemd/santral.service")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	here := filepath.Join(folder, "santral.service")
	text := strings.ReplaceAll(string(unit), "/usr/bin/santral", phone.Program(t)) // not installed here
	if err := os.WriteFile(here, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(t, folder, "systemd-analyze", "verify", "--recursive-errors=yes", here); out != "" {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
	out := run(t, folder, "systemd-analyze", "security", "--offline=yes", "--threshold=20", here)
	if !strings.Contains(out, "OK") {
		t.Errorf("systemd-analyze security says:\n%s", out)
	}
}

// built makes the Debian package of the program in a folder.
func built(t *testing.T, folder string) string {
	t.Helper()
	for _, program := range []string{"dpkg-deb", "debootstrap"} {
		phone.Need(t, program)
	}
	architecture := strings.TrimSpace(run(t, folder, "dpkg", "--print-architecture"))
	if architecture != runtime.GOARCH {
		t.Fatalf("the program is for %s, this system is %s", runtime.GOARCH, architecture)
	}
	return strings.TrimSpace(run(t, top, "bash", "deploy/deb/build.sh", phone.Program(t), "1.0", architecture, folder))
}

// debian makes a small Debian to install into, once for both that need it.
func debian(t *testing.T, folder string) string {
	t.Helper()
	root := filepath.Join(folder, "root")
	run(t, folder, "debootstrap", "--variant=minbase", "--include=adduser,libopus0,ca-certificates", "bookworm", root)
	return root
}

// TestInstallation: the package installs into a Debian of its own, where the program finds its boot file good and serves as
// its own user; removed, its records stay. The container is built of the same Debian, and tells that it is ready.
func TestInstallation(t *testing.T) {
	if os.Getuid() != 0 {
		if os.Getenv("SANTRAL_TEST_PEERS") == "require" {
			t.Fatal("only root may make a Debian to install into")
		}
		t.Skip("only root may make a Debian to install into")
	}
	folder := t.TempDir()
	deb := built(t, folder)
	listed := run(t, folder, "dpkg-deb", "-c", deb)
	for _, want := range []string{"./usr/bin/santral", "./lib/systemd/system/santral.service", "./etc/santral/santral.yaml", "./usr/share/man/man8/santral.8.gz", "./usr/share/doc/santral/copyright"} {
		if !strings.Contains(listed, want+"\n") {
			t.Errorf("the package has no %s:\n%s", want, listed)
		}
	}
	root := debian(t, folder)
	if err := os.Link(deb, filepath.Join(root, "santral.deb")); err != nil {
		t.Fatal(err)
	}
	run(t, folder, "chroot", root, "dpkg", "-i", "/santral.deb")
	if out := run(t, folder, "chroot", root, "santral", "check", "--config", "/etc/santral/santral.yaml"); !strings.Contains(out, "is good") {
		t.Errorf("check says %s", out)
	}
	serves(t, root, "setpriv", "--reuid=santral", "--regid=santral", "--clear-groups", "--no-new-privs", "--")
	run(t, folder, "chroot", root, "dpkg", "--purge", "santral")
	if _, err := os.Stat(filepath.Join(root, "var/lib/santral/ledger")); err != nil {
		t.Errorf("the records are gone with the package: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "usr/bin/santral")); err == nil {
		t.Error("the program is still there")
	}
	run(t, folder, "chroot", root, "userdel", "santral") // the container makes its own
	container(t, folder, root)
}

// serves starts the installed exchange in its Debian, on ports of its own, and waits until it says that it is ready.
func serves(t *testing.T, root string, as ...string) {
	t.Helper()
	file := filepath.Join(root, "etc/santral/santral.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, ports(t, text), 0o640); err != nil {
		t.Fatal(err)
	}
	args := slices.Concat([]string{root}, as, []string{"/usr/bin/santral", "serve", "--config", "/etc/santral/santral.yaml"})
	out := &phone.Output{}
	c := exec.Command("chroot", args...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the exchange ended with %v:\n%s", err, out)
		}
	}()
	phone.Eventually(t, 20*time.Second, "the installed exchange is ready", func() bool {
		return exec.Command("chroot", root, "/usr/bin/santral", "ready", "--data", "/var/lib/santral").Run() == nil
	})
}

// ports gives a boot file free ports in place of its own.
func ports(t *testing.T, boot []byte) []byte {
	t.Helper()
	text := string(boot)
	for _, port := range []string{":5060", ":5061", ":8080", ":8443"} {
		for strings.Contains(text, port+"\n") {
			text = strings.Replace(text, port+"\n", ":"+strconv.Itoa(phone.FreePort(t))+"\n", 2) // UDP and TCP have the same
		}
	}
	return []byte(text)
}

// container builds the image as Containerfile says, without a network for images, and has its health check agree.
func container(t *testing.T, folder, root string) {
	t.Helper()
	phone.Need(t, "buildah")
	store := []string{"--root", filepath.Join(folder, "images"), "--runroot", filepath.Join(folder, "run"), "--storage-driver", "vfs"}
	buildah := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(run(t, top, "buildah", append(slices.Clone(store), args...)...))
	}
	for _, left := range []string{"var/lib/santral", "santral.deb"} {
		if err := os.RemoveAll(filepath.Join(root, left)); err != nil {
			t.Fatal(err)
		}
	}
	base := buildah("from", "scratch")
	buildah("add", "-q", base, root, "/")
	buildah("commit", "-q", "--rm", base, "docker.io/library/debian:bookworm-slim")
	context := filepath.Join(folder, "context")
	for from, to := range map[string]string{phone.Program(t): "bin/santral", top + "/deploy/container/santral.yaml": "deploy/container/santral.yaml", top + "/deploy/container/Containerfile": "Containerfile"} {
		run(t, ".", "install", "-D", "-m", "755", from, filepath.Join(context, to))
	}
	buildah("bud", "-q", "--pull-never", "--isolation", "chroot", "--format", "docker", "-f", filepath.Join(context, "Containerfile"), "-t", "santral", context)
	inspected := buildah("inspect", "--type", "image", "santral")
	for _, want := range []string{`"User": "santral"`, `"/usr/bin/santral"`, `"ready"`, `"/var/lib/santral"`, `"SIGTERM"`} {
		if !strings.Contains(inspected, want) {
			t.Errorf("the image does not say %s", want)
		}
	}
	made := buildah("from", "--pull-never", "santral")
	mounted := buildah("mount", made)
	serves(t, mounted, "setpriv", "--reuid=santral", "--regid=santral", "--clear-groups", "--no-new-privs", "--")
	buildah("umount", made)
	buildah("rm", made)
}

// TestRules: Prometheus understands the rules, and they raise what they should.
func TestRules(t *testing.T) {
	phone.Need(t, "promtool")
	folder := top + "/deploy/prometheus"
	run(t, folder, "promtool", "check", "rules", "santral.rules.yaml")
	run(t, folder, "promtool", "test", "rules", "santral.test.yaml")
}

// TestFiguresExist: rules and dashboard ask for figures that a running exchange has.
func TestFiguresExist(t *testing.T) {
	x := phone.StartServe(t, "a.example", "tenant: a\ndomains: [a.example]\ntrunks:\n  - {name: north, mode: static, to: 127.0.0.1:9}\n")
	res, err := http.Get(x.HTTP + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	made := figures(t) // those that have nothing to tell now are not on the page
	name := regexp.MustCompile(`\b(?:santral|process)_[a-z_0-9]+`)
	for _, file := range []string{"prometheus/santral.rules.yaml", "grafana/santral.json"} {
		text, err := os.ReadFile(filepath.Join(top, "deploy", file))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") {
			var board struct {
				UID    string `json:"uid"`
				Panels []struct {
					Title   string `json:"title"`
					Targets []struct {
						Expr string `json:"expr"`
					} `json:"targets"`
				} `json:"panels"`
			}
			if err := json.Unmarshal(text, &board); err != nil || board.UID == "" || len(board.Panels) < 10 {
				t.Fatalf("%s is no dashboard: %v", file, err)
			}
		}
		for _, figure := range name.FindAllString(string(text), -1) {
			figure = strings.TrimSuffix(figure, "_bucket")
			if !strings.Contains(string(page), "# TYPE "+figure+" ") && !made[figure] {
				t.Errorf("%s asks for %s, which the exchange does not have", file, figure)
			}
		}
	}
}

// figures are the names of figures that the exchange's code has.
func figures(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(top + "/server/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("the code of figures is not found: ", err)
	}
	made := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(santral_[a-z_0-9]+)"`).FindAllStringSubmatch(string(text), -1) {
			made[m[1]] = true
		}
	}
	return made
}
