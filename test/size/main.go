// Command size measures an exchange of many lines: how long it takes to begin, for the first time and again, and its resident
// memory before and after phones have registered.
//
//	go run ./test/size -lines 100000 -registered 50000
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"santral/test/load"
)

const (
	password = "Correct-horse-9"
	at       = "127.0.0.1:15560"
	first    = 22000000
)

func main() {
	lines := flag.Int("lines", 100_000, "lines of the tenant")
	registered := flag.Int("registered", 50_000, "of them, those that register")
	rate := flag.Int("rate", 2000, "registrations a second")
	program := flag.String("program", "bin/santral", "the exchange")
	flag.Parse()
	if err := run(*program, *lines, *registered, *rate); err != nil {
		log.Fatal(err)
	}
}

func run(program string, lines, registered, rate int) error {
	folder, err := os.MkdirTemp("", "santral-size-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if err := document(folder, lines); err != nil {
		return err
	}
	if program, err = filepath.Abs(program); err != nil {
		return err
	}
	for _, when := range []string{"first", "next"} {
		x, took, err := start(program, folder)
		if err != nil {
			return err
		}
		before := resident(x.Process.Pid)
		fmt.Printf("the %s start: ready in %v, %d MB resident with %d lines\n", when, took.Round(10*time.Millisecond), before>>20, lines)
		if when == "next" {
			var users []string
			for i := range registered {
				users = append(users, strconv.Itoa(first+i))
			}
			r, err := load.Registers{Server: netip.MustParseAddrPort(at), Users: users, Password: password, Rate: rate, Count: registered}.Run()
			if err != nil {
				return errors.Join(err, end(x))
			}
			fmt.Printf("%d MB resident with %d of them registered (%d failed)\n", resident(x.Process.Pid)>>20, r.Done, r.Failed)
		}
		if err := end(x); err != nil {
			return err
		}
	}
	return nil
}

// document writes the tenant.
func document(folder string, lines int) error {
	var b strings.Builder
	b.WriteString("tenant: many\ndomains: [santral.local]\ndefault: true\narea: \"21\"\nlines:\n")
	for i := range lines {
		fmt.Fprintf(&b, "  - {number: \"%d\", name: Line %d, password: %s}\n", first+i, i, password)
	}
	return os.WriteFile(filepath.Join(folder, "many.yaml"), []byte(b.String()), 0o600)
}

// start starts the exchange and waits until it serves.
func start(program, folder string) (*exec.Cmd, time.Duration, error) {
	began := time.Now()
	x := exec.CommandContext(context.Background(), program, "local", "--tenant", filepath.Join(folder, "many.yaml"), "--data", filepath.Join(folder, "data"), "--digest", "md5",
		"--trust", "127.0.0.0/8", "--sip-port", "15560", "--http-port", "15580", "--tls-port", "0", "--https-port", "0", "--log", "warn")
	out, err := x.StdoutPipe()
	if err != nil {
		return nil, 0, err
	}
	log, err := os.Create(filepath.Join(folder, "log"))
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	if x.Stderr = log; x.Start() != nil {
		return nil, 0, errors.New("the exchange does not start: make build first")
	}
	for said := bufio.NewScanner(out); said.Scan(); {
		if strings.Contains(said.Text(), `"event":"ready"`) {
			return x, time.Since(began), nil
		}
	}
	text, _ := os.ReadFile(log.Name())
	return nil, 0, fmt.Errorf("the exchange ended before it served:\n%s", text)
}

func end(x *exec.Cmd) error {
	return errors.Join(x.Process.Signal(os.Interrupt), x.Wait())
}

// resident is a process's memory in octets.
func resident(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}
