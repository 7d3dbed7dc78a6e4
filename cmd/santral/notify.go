package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notify tells the service manager how we stand (sd_notify(3)); without one it does nothing.
func notify(state ...string) {
	at := os.Getenv("NOTIFY_SOCKET")
	if at == "" {
		return
	}
	if at[0] == '@' { // an abstract socket
		at = "\x00" + at[1:]
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: at, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(strings.Join(state, "\n")))
}

// watch tells the service manager twice in the time that it gives that we are alive, while we are.
func watch(ctx context.Context, alive func(context.Context) error) {
	micros, err := strconv.Atoi(os.Getenv("WATCHDOG_USEC"))
	if err != nil || micros <= 0 {
		return
	}
	every := time.Duration(micros) * time.Microsecond / 2
	go func() {
		for tick := time.NewTicker(every); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
			}
			turn, stop := context.WithTimeout(ctx, every)
			if alive(turn) == nil {
				notify("WATCHDOG=1")
			}
			stop()
		}
	}()
}
