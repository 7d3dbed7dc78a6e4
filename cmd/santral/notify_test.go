package main

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestTheServiceManagerIsTold: what systemd listens for comes to its socket, and the watchdog's sign only while we are alive.
func TestTheServiceManagerIsTold(t *testing.T) {
	notify("READY=1") // nobody listens
	at := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", at)
	t.Setenv("WATCHDOG_USEC", "20000")
	heard := func(wait time.Duration) string {
		b := make([]byte, 256)
		_ = c.SetReadDeadline(time.Now().Add(wait))
		n, _ := c.Read(b)
		return string(b[:n])
	}
	notify("READY=1", "STATUS=serves")
	if got := heard(time.Second); got != "READY=1\nSTATUS=serves" {
		t.Errorf("heard %q", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	watch(ctx, func(context.Context) error { return nil })
	if got := heard(5 * time.Second); got != "WATCHDOG=1" {
		t.Errorf("heard %q of an exchange that is alive", got)
	}
	stop()
	for heard(100*time.Millisecond) != "" {
	}
	watch(t.Context(), func(context.Context) error { return errors.New("stuck") })
	if got := heard(200 * time.Millisecond); got != "" {
		t.Errorf("heard %q of an exchange that is stuck", got)
	}
}
