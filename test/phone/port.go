package phone

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
)

// Ports are given out in blocks, so that a phone can have its media ports right behind its own one. All
// lie below those that the kernel gives to connections (32768 and up), so that nobody gets one by chance
// before its owner opens it.
const (
	lowestPort  = 10000
	portBlock   = 24
	portBlocks  = 416
	portsFolder = "santral-test-ports" // of files whose locks say which blocks are given out, to every run of tests on the machine
)

// Each run begins elsewhere, and comes back to a block late.
var (
	firstBlock = rand.Int64N(portBlocks)
	nextBlock  atomic.Int64
)

// FreePort gives an even port of loopback that is free for UDP and TCP, and the 23 behind it. They are the
// test's own until it ends.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 3 * portBlocks {
		port := lowestPort + portBlock*int((firstBlock+nextBlock.Add(1))%portBlocks)
		if lock := lockPort(t, port); lock == nil {
			continue
		} else if !vacant(port) {
			lock.Close()
		} else {
			t.Cleanup(func() { lock.Close() })
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// lockPort takes a block for this test; nil when another has it. The lock falls when the file is closed,
// also with a process that is killed.
func lockPort(t testing.TB, port int) *os.File {
	t.Helper()
	folder := filepath.Join(os.TempDir(), portsFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(folder, fmt.Sprint(port)), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		file.Close()
		return nil
	}
	return file
}

// vacant reports whether nobody has a port, at any address.
func vacant(port int) bool {
	udp, err := net.ListenPacket("udp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	udp.Close()
	tcp, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return false
	}
	tcp.Close()
	return true
}
