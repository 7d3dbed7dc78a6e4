//go:build !(linux && (amd64 || arm64))

package rtp

// loadMain has nothing to do where there is no load test.
func loadMain() bool { return false }
