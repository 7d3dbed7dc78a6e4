//go:build race

package srtp

// racing says that the race detector runs: under it a sync.Pool forgets by chance.
const racing = true
