package phone

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Ready is the line that `santral local` prints when it really serves.
type Ready struct {
	Event string `json:"event"`
	SIP   string `json:"sip"`
	TLS   string `json:"tls"`
	HTTP  string `json:"http"`
	HTTPS string `json:"https"`
	WS    string `json:"ws"`
	WSS   string `json:"wss"`
	Realm string `json:"realm"`
	Token string `json:"token"`
}

// Exchange is a running `santral local`.
type Exchange struct {
	Ready
	Data string // its data folder
	Out  *Output
	t    testing.TB
	cmd  *exec.Cmd
	args []string
	gone chan error
	deaf bool // wires that are opened now never read
}

var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "santral-test-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "santral")
	build := exec.Command("go", "build", "-o", file, "santral/cmd/santral")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build santral: %w\n%s", err, out)
	}
	return file, nil
})

// Program builds santral once for all tests of the process and gives its path.
func Program(t testing.TB) string {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Password is what every account of a started exchange has.
const Password = "correct-horse"

// StartExchange starts `santral local` on free ports of loopback, with further flags as given, and
// waits for its ready line.
func StartExchange(t testing.TB, flags ...string) *Exchange {
	t.Helper()
	x := &Exchange{t: t, Data: t.TempDir()}
	t.Cleanup(func() { x.Kill() })
	for tries := 1; ; tries++ {
		rtp := 44000 + FreePort(t)%12000
		x.args = append([]string{
			"local", "--listen", "127.0.0.1", "--sip-port", fmt.Sprint(FreePort(t)), "--http-port", fmt.Sprint(FreePort(t)),
			"--tls-port", fmt.Sprint(FreePort(t)), "--https-port", fmt.Sprint(FreePort(t)), "--rtp-ports", fmt.Sprintf("%d-%d", rtp, rtp+3999), "--data", x.Data, "--password", Password,
		}, flags...)
		err := x.start()
		if err == nil {
			return x
		}
		if tries == 3 || !x.Out.Contains("address already in use") { // whoever else is on the machine may have been quicker
			t.Fatal(err)
		}
		x.Kill()
	}
}

// Start starts the exchange again, on the same ports and data.
func (x *Exchange) Start() {
	x.t.Helper()
	if err := x.start(); err != nil {
		x.t.Fatal(err)
	}
}

func (x *Exchange) start() error {
	x.t.Helper()
	x.Out = &Output{}
	x.cmd = exec.Command(Program(x.t), x.args...)
	x.cmd.Stderr = x.Out
	stdout, err := x.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := x.cmd.Start(); err != nil {
		return err
	}
	ready := make(chan Ready, 1)
	x.gone = make(chan error, 1)
	gone := x.gone
	cmd := x.cmd
	out := x.Out
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			fmt.Fprintln(out, lines.Text())
			var r Ready
			if json.Unmarshal(lines.Bytes(), &r) == nil && r.Event == "ready" {
				ready <- r
			}
		}
		gone <- cmd.Wait()
	}()
	select {
	case x.Ready = <-ready:
		return nil
	case err := <-gone:
		x.gone <- err
		return fmt.Errorf("the exchange ended before it was ready: %w\n%s", err, x.Out)
	case <-time.After(20 * time.Second):
		return fmt.Errorf("the exchange is not ready after 20 s:\n%s", x.Out)
	}
}

// Pause stops the exchange where it is until Resume: what comes waits in its sockets.
func (x *Exchange) Pause() { x.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused exchange go on.
func (x *Exchange) Resume() { x.cmd.Process.Signal(syscall.SIGCONT) }

// Kill ends the exchange with SIGKILL, as a crash would.
func (x *Exchange) Kill() {
	if x.gone == nil {
		return
	}
	x.cmd.Process.Kill()
	<-x.gone
	x.gone = nil
}

// Stop ends the exchange with SIGTERM and gives its exit status.
func (x *Exchange) Stop() int {
	x.t.Helper()
	x.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-x.gone:
	case <-time.After(30 * time.Second):
		x.t.Fatalf("the exchange does not end within 30 s of SIGTERM:\n%s", x.Out)
	}
	x.gone = nil
	return x.cmd.ProcessState.ExitCode()
}

// Alive reports whether the process still runs.
func (x *Exchange) Alive() bool { return x.cmd.Process.Signal(syscall.Signal(0)) == nil }

// Resident gives the process's resident memory in octets.
func (x *Exchange) Resident() int64 {
	x.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", x.cmd.Process.Pid))
	if err != nil {
		x.t.Fatal(err)
	}
	var size, resident int64
	fmt.Sscan(string(data), &size, &resident)
	return resident * int64(os.Getpagesize())
}

// CPU is the processor time, user and system, that the exchange has used so far. Its grain is 10 ms.
func (x *Exchange) CPU() time.Duration {
	x.t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.cmd.Process.Pid))
	if err != nil {
		x.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the name may hold anything
	var user, system int64
	if f := strings.Fields(rest); len(f) > 12 {
		fmt.Sscan(f[11], &user)
		fmt.Sscan(f[12], &system)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Account gives an account of the exchange for a phone.
func (x *Exchange) Account(user, transport string) Account {
	if transport == "tls" {
		return Account{User: user, Password: Password, Server: x.TLS, Transport: transport, CA: x.Authority()}
	}
	return Account{User: user, Password: Password, Server: x.SIP, Transport: transport}
}

// Get reads a page of the API into to.
func (x *Exchange) Get(path string, to any) {
	x.t.Helper()
	req, err := http.NewRequest("GET", x.HTTP+path, nil)
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 {
		x.t.Fatalf("GET %s: %s\n%s", path, res.Status, body)
	}
	if s, ok := to.(*string); ok {
		*s = string(body)
		return
	}
	if err := json.Unmarshal(body, to); err != nil {
		x.t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

// Put sends a JSON document to a page of the API.
func (x *Exchange) Put(path, document string) {
	x.t.Helper()
	x.send("PUT", path, document)
}

// Post sends a JSON document to a page of the API, and gives what it answers.
func (x *Exchange) Post(path, document string) []byte {
	x.t.Helper()
	return x.send("POST", path, document)
}

func (x *Exchange) send(method, path, document string) []byte {
	x.t.Helper()
	req, err := http.NewRequest(method, x.HTTP+path, strings.NewReader(document))
	if err != nil {
		x.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+x.Token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		x.t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 300 {
		x.t.Fatalf("%s %s: %s\n%s", method, path, res.Status, body)
	}
	return body
}

// CDR is a call record as the API gives it; only what tests look at.
type CDR struct {
	Call    string           `json:"call"`
	From    string           `json:"from_number"`
	Dialled string           `json:"dialled"`
	State   string           `json:"state"`
	SIP     int              `json:"sip"`
	Q850    int              `json:"q850"`
	EndedBy string           `json:"ended_by"`
	TalkMS  int64            `json:"talk_ms"`
	Legs    []map[string]any `json:"legs"`
}

// CDRs gives the newest records, at most 200.
func (x *Exchange) CDRs() []CDR {
	x.t.Helper()
	var page struct {
		Items []CDR `json:"items"`
	}
	x.Get("/api/v1/cdrs?parts=true&limit=200", &page)
	return page.Items
}

// AllCDRs gives every record there is, page by page.
func (x *Exchange) AllCDRs() (all []CDR) {
	x.t.Helper()
	for cursor := ""; ; {
		var page struct {
			Items []CDR  `json:"items"`
			Next  string `json:"next"`
		}
		x.Get("/api/v1/cdrs?parts=true&limit=1000&cursor="+url.QueryEscape(cursor), &page)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

// Metric gives the sum of a metric over all its labels that contain each of the given texts.
func (x *Exchange) Metric(name string, labels ...string) (sum float64) {
	x.t.Helper()
	var text string
	x.Get("/metrics", &text)
next:
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(line, label) {
				continue next
			}
		}
		var v float64
		fmt.Sscan(line[strings.LastIndexByte(strings.TrimSpace(line), ' ')+1:], &v)
		sum += v
	}
	return sum
}

// Run runs one of the program's own commands against this exchange and gives what it prints.
func (x *Exchange) Run(args ...string) string {
	x.t.Helper()
	cmd := exec.Command(Program(x.t), append(args, "--data", x.Data)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		x.t.Fatalf("santral %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
