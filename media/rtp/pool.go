package rtp

import (
	"net/netip"
	"time"

	"santral/base/vnet"
)

// Config is what a Pool needs to begin.
type Config struct {
	Net   vnet.Net      // whose sockets; nil and vnet.Real() mean the kernel's, by the fastest way this system has
	Bind  []netip.Addr  // local addresses to bind, at most one of each family; a wildcard will do
	First uint16        // first port of the range, RTP takes the even ones (RFC 3550 §11)
	Last  uint16        // last port of the range
	Drain time.Duration // how long a released pair stays silent before its next call, in an empty range; 0 means 2 s
	Loops int           // reader loops over kernel sockets; 0 means one for each core
	DSCP  int           // code point of what is sent; 0 leaves the system's
}

// Pool owns the media ports of a node.
type Pool struct{}

// NewPool makes a pool over the range. No socket is opened before it is needed.
func NewPool(cfg Config) (*Pool, error) { return &Pool{}, nil }

// Close closes every port and waits for the readers to end.
func (p *Pool) Close() {}
