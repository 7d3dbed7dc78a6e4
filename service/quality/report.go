package quality

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"santral/store"
)

// Bounds of a report.
const (
	MaxReport = 8 << 10 // octets
	maxLines  = 200
	maxText   = 64 // octets of a word that is kept
)

// errReport is why a document is no report.
var errReport = errors.New("quality: no voice quality report")

// document is a report as its phone wrote it (RFC 6035 §4.6.1).
type document struct {
	callID string // of the dialog that it is about
	report store.PhoneReport
}

// parse reads a report. What it does not know it skips, and figures that cannot be are left out: phones of all makers
// write them.
func parse(text string) (d document, err error) {
	if len(text) > MaxReport {
		return d, errReport
	}
	var metrics *store.PhoneMetrics // of the part that is read
	for n, line := range unfold(text) {
		if n > maxLines {
			return d, errReport
		}
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if d.report.Kind == "" && name != "" {
			if d.report.Kind = kinds[name]; d.report.Kind == "" {
				return d, errReport
			}
			if d.report.Kind == store.AlertReport {
				d.report.Alert = word(field(value, "type"))
			}
			continue
		}
		switch name {
		case "callid":
			d.callID = value
		case "dialogid":
			if d.callID == "" {
				d.callID, _, _ = strings.Cut(value, ";")
			}
		case "localmetrics":
			d.report.Local = &store.PhoneMetrics{}
			metrics = d.report.Local
		case "remotemetrics":
			d.report.Remote = &store.PhoneMetrics{}
			metrics = d.report.Remote
		default:
			if metrics != nil {
				measure(metrics, name, value)
			}
		}
	}
	if d.report.Kind == "" || d.callID == "" || len(d.callID) > 256 || d.report.Local == nil {
		return d, errReport
	}
	return d, nil
}

var kinds = map[string]string{"vqsessionreport": store.SessionReport, "vqintervalreport": store.IntervalReport, "vqalertreport": store.AlertReport}

// unfold gives the lines of a document with their continuations (RFC 3261 §7.3.1 folds header fields so, and phones
// fold reports).
func unfold(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimRight(line, "\r")
		if n := len(lines); n > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			lines[n-1] += " " + strings.TrimSpace(line)
			continue
		}
		lines = append(lines, line)
		if len(lines) > maxLines+1 {
			break
		}
	}
	return lines
}

// measure takes one line of figures.
func measure(m *store.PhoneMetrics, name, value string) {
	switch name {
	case "sessiondesc":
		m.Codec = word(field(value, "pd"))
	case "packetloss":
		m.Loss = number(value, "nlr", 100) / 100
		m.Discarded = number(value, "jdr", 100) / 100
	case "burstgaploss":
		m.BurstDensity = number(value, "bld", 100) / 100
		m.BurstTime = int64(number(value, "bd", 1<<32))
		m.GapDensity = number(value, "gld", 100) / 100
		m.GapTime = int64(number(value, "gd", 1<<32))
	case "delay":
		m.RoundTrip = int64(number(value, "rtd", 1<<16))
		m.EndDelay = int64(number(value, "esd", 1<<16))
		m.OneWay = int64(number(value, "sowd", 1<<16))
		m.Jitter = number(value, "iaj", 1<<16)
	case "jitterbuffer":
		m.Buffer = int64(number(value, "jbn", 1<<16))
	case "qualityest":
		m.ListeningR = number(value, "rlq", 120)
		m.ConversationR = number(value, "rcq", 120)
		m.Listening = number(value, "moslq", 5)
		m.Conversation = number(value, "moscq", 5)
	}
}

// field gives the value of a name in a line of NAME=VALUE, "" when it is not there.
func field(line, name string) string {
	for part := range strings.FieldsSeq(line) {
		if n, v, ok := strings.Cut(part, "="); ok && strings.EqualFold(n, name) {
			return strings.Trim(v, `"`)
		}
	}
	return ""
}

// number reads a figure from 0 to most; anything else is 0.
func number(line, name string, most float64) float64 {
	f, err := strconv.ParseFloat(field(line, name), 64)
	if err != nil || math.IsNaN(f) || f < 0 || f > most {
		return 0
	}
	return math.Round(f*1e4) / 1e4
}

// word is a short text of printing characters.
func word(s string) string {
	if len(s) > maxText {
		return ""
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return ""
		}
	}
	return s
}
