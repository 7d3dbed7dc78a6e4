package sip

import (
	"errors"
	"strconv"
	"strings"
)

// RAck is the value of the RAck header field: which provisional answer a PRACK acknowledges
// (RFC 3262 §7.2).
type RAck struct {
	RSeq   uint32 // of the answer
	Seq    uint32 // of the request that it answered
	Method Method // of that request
}

var errRAck = errors.New("bad RAck")

// ParseRAck reads "776656 1 INVITE".
func ParseRAck(s string) (RAck, error) {
	s = trim(s)
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return RAck{}, errRAck
	}
	rseq, ok := parseUint(s[:i], 1<<32-1)
	seq, err := ParseCSeq(trimLeft(s[i:]))
	if !ok || rseq == 0 || err != nil {
		return RAck{}, errRAck
	}
	return RAck{uint32(rseq), seq.Seq, seq.Method}, nil
}

// String prints the value.
func (a RAck) String() string {
	b := strconv.AppendUint(make([]byte, 0, 40), uint64(a.RSeq), 10)
	return string(CSeq{a.Seq, a.Method}.Append(append(b, ' ')))
}

// RSeq reads the number of a provisional answer that is sent reliably (RFC 3262 §7.1). ok is false when
// it is missing or none.
func (m *Message) RSeq() (n uint32, ok bool) {
	v, ok := parseUint(m.Get(RSeq), 1<<32-1)
	return uint32(v), ok && v > 0
}

// Refresher says which side of a request is to refresh the session (RFC 4028 §4).
type Refresher uint8

// Sides of a request.
const (
	AnyRefresher Refresher = iota // nobody said
	RefresherUAC                  // who sends the request
	RefresherUAS                  // who answers it
)

// String gives the value of the parameter, "" for none.
func (r Refresher) String() string { return [...]string{"", "uac", "uas"}[r] }

// SessionExpires is the value of the Session-Expires header field (RFC 4028 §4).
type SessionExpires struct {
	Seconds   int
	Refresher Refresher
}

var errSessionExpires = errors.New("bad Session-Expires")

// ParseSessionExpires reads "1800;refresher=uac".
func ParseSessionExpires(s string) (SessionExpires, error) {
	s = trim(s)
	semi := strings.IndexByte(s, ';')
	if semi < 0 {
		semi = len(s)
	}
	seconds, ok := parseSeconds(trim(s[:semi]))
	p := Params(s[semi:])
	if !ok || !p.wellFormed() {
		return SessionExpires{}, errSessionExpires
	}
	e := SessionExpires{Seconds: seconds}
	switch who, _ := p.Get("refresher"); {
	case equalFold(who, "uac"):
		e.Refresher = RefresherUAC
	case equalFold(who, "uas"):
		e.Refresher = RefresherUAS
	}
	return e, nil
}

// String prints the value.
func (e SessionExpires) String() string {
	b := strconv.AppendInt(make([]byte, 0, 32), int64(e.Seconds), 10)
	if e.Refresher != AnyRefresher {
		b = append(append(b, ";refresher="...), e.Refresher.String()...)
	}
	return string(b)
}

// MinSE reads the shortest session that its sender takes, in seconds (RFC 4028 §5).
func (m *Message) MinSE() (seconds int, ok bool) {
	v, _, _ := strings.Cut(m.Get(MinSE), ";")
	return parseSeconds(trim(v))
}
