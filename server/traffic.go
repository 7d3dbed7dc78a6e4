package server

import (
	"strconv"
	"sync/atomic"

	"santral/observe/metric"
	"santral/sip"
)

// counted are the methods that the figures name; everything else is "other".
var counted = [...]sip.Method{sip.INVITE, sip.ACK, sip.BYE, sip.CANCEL, sip.OPTIONS, sip.REGISTER, sip.INFO, sip.SUBSCRIBE, sip.NOTIFY, sip.MESSAGE, sip.REFER, sip.PUBLISH, sip.PRACK, sip.UPDATE}

// traffic counts messages as they pass; the zero value is ready.
type traffic struct {
	requests [len(counted) + 1]atomic.Uint64 // the last is "other"
	answers  [700]atomic.Uint64              // sent, by status
	banned   atomic.Uint64                   // messages of banned sources
}

func (t *traffic) received(in sip.Inbound) {
	if in.Msg == nil || !in.Msg.IsRequest() {
		return
	}
	for i, m := range counted {
		if in.Msg.Method == m {
			t.requests[i].Add(1)
			return
		}
	}
	t.requests[len(counted)].Add(1)
}

// sent counts a message of ours when it is an answer: "SIP/2.0 200 OK".
func (t *traffic) sent(text []byte) {
	const head = len("SIP/2.0 ")
	if len(text) < head+3 || string(text[:head]) != "SIP/2.0 " {
		return
	}
	status := int(text[head]-'0')*100 + int(text[head+1]-'0')*10 + int(text[head+2]-'0')
	if status > 0 && status < len(t.answers) {
		t.answers[status].Add(1)
	}
}

func (t *traffic) byMethod() (list []metric.Labelled) {
	for i := range t.requests {
		name := "other"
		if i < len(counted) {
			name = string(counted[i])
		}
		list = append(list, metric.Labelled{Values: []string{name}, Value: float64(t.requests[i].Load())})
	}
	return list
}

func (t *traffic) byStatus() (list []metric.Labelled) {
	for status := range t.answers {
		if n := t.answers[status].Load(); n > 0 {
			list = append(list, metric.Labelled{Values: []string{strconv.Itoa(status)}, Value: float64(n)})
		}
	}
	return list
}
