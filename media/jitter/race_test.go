//go:build race

package jitter

// underRace is set where pools forget on purpose, to show races.
const underRace = true
