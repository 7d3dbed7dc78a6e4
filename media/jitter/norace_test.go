//go:build !race

package jitter

const underRace = false
