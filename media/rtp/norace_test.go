//go:build !race

package rtp_test

const racing = false
