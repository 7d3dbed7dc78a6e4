// Package rtp holds the ports that media packets come in by and the relay step that passes them on:
// RTP and RTCP headers (RFC 3550), the latch that learns where a peer's packets come from, the
// guard on their rate, and the pool of port pairs with its reader loops.
package rtp
