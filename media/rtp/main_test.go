package rtp

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if loadMain() {
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
