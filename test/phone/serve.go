package phone

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// StartServe starts `santral serve` on free ports of loopback with one tenant document, and waits until it
// serves. It is the default tenant's domain that Realm names.
func StartServe(t testing.TB, realm string, tenants ...string) *Exchange {
	t.Helper()
	folder := t.TempDir()
	rtp := 44000 + FreePort(t)%12000
	x := &Exchange{t: t, Data: filepath.Join(folder, "data"), Out: &Output{}}
	x.Ready.SIP, x.Ready.Realm = fmt.Sprintf("127.0.0.1:%d", FreePort(t)), realm
	if err := os.Mkdir(filepath.Join(folder, "tenants"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, text := range tenants {
		write(t, filepath.Join(folder, "tenants"), fmt.Sprintf("tenant%d.yaml", i), text)
	}
	boot := write(t, folder, "santral.yaml", fmt.Sprintf(`listen:
  - {transport: udp, address: "%s"}
  - {transport: tcp, address: "%s"}
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: %d-%d}
data: data
tenants: tenants
`, x.SIP, x.SIP, FreePort(t), rtp, rtp+999))
	x.cmd = exec.Command(Program(t), "serve", "--config", boot)
	x.cmd.Stdout, x.cmd.Stderr = x.Out, x.Out
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	x.gone = gone
	go func() { gone <- x.cmd.Wait() }()
	t.Cleanup(func() { x.Kill() })
	Eventually(t, 20*time.Second, "the exchange serves", func() bool { return x.Out.Contains("serves SIP") })
	var access struct{ URL, Token string }
	text, err := os.ReadFile(filepath.Join(x.Data, "api.json"))
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		t.Fatal(err)
	}
	x.Ready.HTTP, x.Ready.Token = access.URL, access.Token
	return x
}
