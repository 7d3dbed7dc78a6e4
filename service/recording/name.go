package recording

import (
	"strings"
	"time"

	"santral/base/id"
	"santral/media/recorder"
	"santral/store"
)

// A recording's name is its time, UTC, and chance: "20260321-100000-k3v9x0q2ab.wav". It is safe in a URL and in a
// file name, sorts by time, and says how it lies: what is sealed ends in ".sealed".
const (
	nameTime   = "20060102-150405"
	nameChance = 10 // characters of five bits
	sealedEnd  = ".sealed"
)

func newName(random *id.Source, at time.Time, f recorder.Format, sealed bool) string {
	name := at.UTC().Format(nameTime) + "-" + random.Token(nameChance) + "." + f.String()
	if sealed {
		name += sealedEnd
	}
	return name
}

// kindOf reads what a name says. ok is false for what no recording is called.
func kindOf(name string) (began time.Time, f recorder.Format, sealed, ok bool) {
	rest, sealed := strings.CutSuffix(name, sealedEnd)
	stem, end, _ := strings.Cut(rest, ".")
	switch end {
	case recorder.WAV.String():
		f = recorder.WAV
	case recorder.Opus.String():
		f = recorder.Opus
	default:
		return began, f, false, false
	}
	if len(stem) != len(nameTime)+1+nameChance || stem[len(nameTime)] != '-' || strings.Trim(stem[len(nameTime)+1:], "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return began, f, false, false
	}
	began, err := time.Parse(nameTime, stem[:len(nameTime)])
	return began, f, sealed, err == nil
}

// keyOf is where a recording lies among the blobs, a folder for each day of a tenant.
func keyOf(tenant, name string) (key string, err error) {
	if _, _, _, ok := kindOf(name); !ok || !store.BlobPart(tenant) {
		return "", store.ErrNotFound
	}
	return tenant + "/" + name[:8] + "/" + name, nil
}

// between stands between tenant and name in the spool. Neither holds it.
const between = "~"

// spoolName is what a recording is called in the spool.
func spoolName(tenant, name string) string { return tenant + between + name }

// spooled reads it.
func spooled(file string) (tenant, name string, ok bool) {
	tenant, name, _ = strings.Cut(file, between)
	_, err := keyOf(tenant, name)
	return tenant, name, err == nil
}
