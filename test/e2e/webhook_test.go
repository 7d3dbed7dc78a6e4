package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"santral/base/cert"
	"santral/test/phone"
)

// sink runs a real mail server that takes what comes over STARTTLS alone, and gives its port, its authority's file and
// the folder that mails lie in.
func sink(t *testing.T) (port int, authority, folder string) {
	t.Helper()
	keys := t.TempDir()
	a, err := cert.OpenAuthority(keys)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue([]string{"localhost"}, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(keys, "c.pem"), filepath.Join(keys, "k.pem")
	pemPair(t, c, certFile, keyFile)
	port, folder = phone.FreePort(t), filepath.Join(t.TempDir(), "mails")
	cmd := exec.Command("aiosmtpd", "-n", "-u", "-l", fmt.Sprint("127.0.0.1:", port), "--tlscert", certFile, "--tlskey", keyFile, "-c", "aiosmtpd.handlers.Mailbox", folder)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: install Debian's python3-aiosmtpd", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return port, filepath.Join(keys, cert.AuthorityFile), folder
}

// TestAlarmsByWebhookAndMail: a carrier is dead. That is an alarm, an event, a webhook and a mail; the webhook's target is away when
// the exchange is killed, and has everything afterwards, under the ids that it had before.
func TestAlarmsByWebhookAndMail(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwT1f2UcVQ7rE="
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	status := http.StatusServiceUnavailable
	refused, taken := map[string]string{}, map[string]string{} // id → type
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		var e struct{ Type string }
		_ = json.Unmarshal(body, &e)
		mu.Lock()
		defer mu.Unlock()
		if status >= 300 {
			refused[r.Header.Get("webhook-id")] = e.Type
		} else {
			taken[r.Header.Get("webhook-id")] = e.Type
		}
		w.WriteHeader(status)
	}))
	defer target.Close()

	port, authority, mails := sink(t)
	folder := t.TempDir()
	sip, web, dead := phone.FreePort(t), phone.FreePort(t), phone.FreePort(t)
	boot := fmt.Sprintf(`listen: [{transport: udp, address: "127.0.0.1:%d"}]
http: 127.0.0.1:%d
media: {address: 127.0.0.1, ports: 21000-21099}
data: data
tenants: tenants
mail: {server: "localhost:%d", from: "سنترال <pbx@example.com>", authority: %s}
alarms: {mail: [ops@example.com]}
`, sip, web, port, authority)
	x := phone.Serve(t, folder, boot, fmt.Sprintf(`tenant: home
domains: [localhost]
default: true
extensions:
  - {number: 101, password: correct-horse-battery}
trunks:
  - {name: pstn, mode: register, to: "sip:127.0.0.1:%d", user: u, password: correct-horse-battery, numbers: ["02122000101"]}
webhooks:
  - {webhook: noc, url: "%s/in", secret: "%s", events: [trunk.*, alarm.*], hosts: ["%s"]}
`, dead, target.URL, secret, strings.TrimPrefix(target.URL, "http://")))

	phone.Eventually(t, 60*time.Second, "the webhook is tried", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(refused) >= 2
	})
	var found []string
	phone.Eventually(t, 30*time.Second, "a mail is there", func() bool {
		found, _ = filepath.Glob(filepath.Join(mails, "new", "*"))
		return len(found) > 0
	})
	x.Kill()
	mu.Lock()
	status = http.StatusNoContent
	before := len(refused)
	mu.Unlock()
	again := exec.Command(phone.Program(t), "serve", "--config", filepath.Join(folder, "santral.yaml"))
	var out bytes.Buffer
	again.Stdout, again.Stderr = &out, &out
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = again.Process.Kill()
		_ = again.Wait()
	}()
	phone.Eventually(t, 60*time.Second, "what was refused is taken after the crash", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for id := range refused {
			if taken[id] == "" {
				return false
			}
		}
		return len(taken) >= before
	})
	mu.Lock()
	kinds := fmt.Sprint(refused)
	mu.Unlock()
	if !strings.Contains(kinds, "trunk.down") || !strings.Contains(kinds, "alarm.raised") {
		t.Error(kinds)
	}

	ask := func(args ...string) string {
		t.Helper()
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		defer stop()
		text, err := exec.CommandContext(ctx, phone.Program(t), append(args, "--data", filepath.Join(folder, "data"))...).CombinedOutput()
		if err != nil {
			t.Errorf("santral %s: %v\n%s", strings.Join(args, " "), err, text)
		}
		return string(text)
	}
	if text := ask("alarms", "--json"); !strings.Contains(text, `"trunk-down"`) || !strings.Contains(text, "ترانک") {
		t.Error(text)
	}
	if text := ask("webhooks", "log", "noc", "--tenant", "home"); !strings.Contains(text, "delivered") || !strings.Contains(text, "trunk.down") {
		t.Error(text)
	}
	if text := ask("webhooks", "test", "noc", "--tenant", "home"); !strings.HasPrefix(text, "delivered") {
		t.Error(text)
	}
	mu.Lock()
	clear(taken)
	mu.Unlock()
	if text := ask("webhooks", "resend", "noc", "--tenant", "home", "--from", "1", "--to", "1"); text != "1 are sent anew\n" {
		t.Error(text)
	}
	phone.Eventually(t, 10*time.Second, "it is sent anew", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(taken) == 1
	})

	text, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	from, err := m.Header.AddressList("From")
	if err != nil || from[0].Name != "سنترال" || m.Header.Get("To") != "<ops@example.com>" {
		t.Errorf("%v %v %v", from, m.Header, err)
	}
}
