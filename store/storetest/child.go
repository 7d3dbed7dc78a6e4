package storetest

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
)

// childEnv names, in a child process, what it is to do.
const childEnv = "SANTRAL_TEST_CHILD"

// Main runs the tests of a package, or, in a process that Start started, the one of roles that was
// asked for. It belongs into TestMain: os.Exit(storetest.Main(m, roles)).
func Main(m *testing.M, roles map[string]func(args []string)) int {
	role, ok := os.LookupEnv(childEnv)
	if !ok {
		defer cluster.stop()
		return m.Run()
	}
	roles[role](os.Args[1:])
	return 0
}

// Child is a process that plays one of Main's roles.
type Child struct {
	cmd   *exec.Cmd
	Lines *bufio.Scanner // what it prints
}

// Start starts the test's own program again in a role.
func Start(t testing.TB, role string, args ...string) *Child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &Child{cmd: exec.Command(self, args...)}
	c.cmd.Env = append(os.Environ(), childEnv+"="+role)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.Lines = bufio.NewScanner(out)
	t.Cleanup(c.Kill)
	return c
}

// Kill ends it with SIGKILL and waits until it is gone. What it had printed can still be read before.
func (c *Child) Kill() {
	if c.cmd.ProcessState != nil {
		return
	}
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// KillNow sends SIGKILL and leaves reading the rest of Lines to the caller, who calls Kill afterwards.
func (c *Child) KillNow() { c.cmd.Process.Kill() }
