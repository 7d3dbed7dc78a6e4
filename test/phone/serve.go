package phone

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// StartServe starts `santral serve` on free ports of loopback with one tenant document, and waits until it
// serves. It is the default tenant's domain that Realm names. Only MD5 is offered, as some phones want it.
func StartServe(t testing.TB, realm string, tenants ...string) *Exchange {
	t.Helper()
	return StartServeMedia(t, realm, "", tenants...)
}

// StartServeMedia is StartServe with further keys of the boot file's media, each behind a comma: ", dscp: 0".
func StartServeMedia(t testing.TB, realm, more string, tenants ...string) *Exchange {
	t.Helper()
	rtp := 44000 + FreePort(t)%12000
	sip, web := fmt.Sprintf("127.0.0.1:%d", FreePort(t)), FreePort(t)
	x := Serve(t, t.TempDir(), fmt.Sprintf(`listen:
  - {transport: udp, address: "%s"}
  - {transport: tcp, address: "%s"}
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: %d-%d%s}
data: data
tenants: tenants
digest: [md5]
`, sip, sip, web, rtp, rtp+999, more), tenants...)
	x.Ready.SIP, x.Ready.Realm, x.Ready.WS = sip, realm, fmt.Sprintf("ws://localhost:%d/ws", web)
	return x
}

// Serve starts `santral serve` in a folder with a boot file, which names data and tenants as folders beside it, and
// tenant documents, and waits until it serves.
func Serve(t testing.TB, folder, boot string, tenants ...string) *Exchange {
	t.Helper()
	x := &Exchange{t: t, Data: filepath.Join(folder, "data"), Out: &Output{}}
	if err := os.Mkdir(filepath.Join(folder, "tenants"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i, text := range tenants {
		write(t, filepath.Join(folder, "tenants"), fmt.Sprintf("tenant%d.yaml", i), text)
	}
	x.cmd = exec.Command(Program(t), "serve", "--config", write(t, folder, "santral.yaml", boot))
	x.cmd.Stdout, x.cmd.Stderr = x.Out, x.Out
	if err := x.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	x.gone = gone
	go func() { gone <- x.cmd.Wait() }()
	t.Cleanup(func() { x.Kill() })
	Eventually(t, 20*time.Second, "the exchange serves", func() bool {
		select {
		case err := <-gone:
			gone <- err
			t.Fatalf("the exchange ended before it served: %v\n%s", err, x.Out)
		default:
		}
		return x.Out.Contains("serves SIP")
	})
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

// Reload has the exchange read its files again (SIGHUP).
func (x *Exchange) Reload() { x.cmd.Process.Signal(syscall.SIGHUP) }
