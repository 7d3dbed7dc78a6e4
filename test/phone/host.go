package phone

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Host is a network namespace: a machine of its own for addresses, routes and packet filters.
type Host struct {
	t    testing.TB
	name string
}

// Root is Need for a test that only root can run, and says why.
func Root(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("SANTRAL_TEST_PEERS") == "require" && os.Getenv("SANTRAL_TEST_ROOT") != "without" {
		t.Fatal(why + "; set SANTRAL_TEST_ROOT=without to do without these tests")
	}
	t.Skip(why)
}

// NewHost makes a host with a loopback interface and nothing else. It needs root.
func NewHost(t testing.TB, name string) *Host {
	t.Helper()
	Root(t, "network namespaces need root")
	Need(t, "ip")
	h := &Host{t: t, name: fmt.Sprintf("santral-%s-%x", name, rand.Uint32()&0xffff)}
	run(t, "ip", "netns", "add", h.name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", h.name).Run() })
	h.Run("ip", "link", "set", "lo", "up")
	return h
}

// Run runs a program on the host and fails the test when it fails.
func (h *Host) Run(program string, args ...string) {
	h.t.Helper()
	run(h.t, "ip", append([]string{"netns", "exec", h.name, program}, args...)...)
}

// Command makes a command that runs on the host.
func (h *Host) Command(program string, args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.name, program}, args...)...)
}

// Join connects two hosts by a cable, with an address each ("10.1.0.1/24").
func Join(t testing.TB, a *Host, addressA string, b *Host, addressB string) {
	t.Helper()
	ends := [2]string{fmt.Sprintf("v%xa", rand.Uint32()), fmt.Sprintf("v%xb", rand.Uint32())}
	run(t, "ip", "link", "add", ends[0], "netns", a.name, "type", "veth", "peer", "name", ends[1], "netns", b.name)
	for i, h := range []*Host{a, b} {
		h.Run("ip", "address", "add", []string{addressA, addressB}[i], "dev", ends[i])
		h.Run("ip", "link", "set", ends[i], "up")
	}
}

// Route sends everything that a host has no nearer way for to a gateway.
func (h *Host) Route(gateway string) { h.Run("ip", "route", "add", "default", "via", gateway) }

// Forward makes a host a router.
func (h *Host) Forward() {
	h.Run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
}

// NAT hands a router's ports from the outside address to an inside host, and hides the inside
// behind the outside address.
func (h *Host) NAT(outside, inside string, ports ...string) {
	for _, p := range ports {
		for _, proto := range []string{"udp", "tcp"} {
			h.Run("iptables", "-t", "nat", "-A", "PREROUTING", "-d", outside, "-p", proto, "--dport", strings.ReplaceAll(p, "-", ":"), "-j", "DNAT", "--to-destination", inside)
		}
	}
	h.Run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", inside, "-j", "SNAT", "--to-source", outside)
}

// Alone runs a test again in a process of its own, on a host that has a loopback interface and nothing else: its ports are
// all free, and what it does to the packet filter bothers nobody. It reports whether this is that process; where it is
// not, the other one has passed.
func Alone(t testing.TB) bool {
	t.Helper()
	const within = "SANTRAL_TEST_ALONE"
	if os.Getenv(within) == t.Name() {
		return true
	}
	h := NewHost(t, "alone")
	cmd := h.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), within+"="+t.Name())
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		t.Errorf("on a host alone: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP: "+t.Name()):
		t.Skipf("on a host alone:\n%s", out)
	default:
		t.Logf("on a host alone:\n%s", out)
	}
	return false
}
