//go:build race

package rtp_test

// racing says that the race detector runs: under it a sync.Pool forgets by chance.
const racing = true
