//go:build race

package mixer

const underRace = true // the race detector allocates
