package sipleg

import (
	"strconv"
	"strings"
	"time"

	"santral/call"
	"santral/sip"
)

// maxAfter bounds how long a phone is asked to ring before it answers by itself.
const maxAfter = time.Minute

// readAlert reads how a trusted peer, or an account that may, wants the callee's phone to behave: the standard's
// Answer-Mode (RFC 5373 §4) and alert URNs (RFC 7462 §8), and what makers of phones write instead. A sound of the
// sender's own (an http URI) is not taken: phones would fetch it.
func readAlert(m *sip.Message) (a call.Alert) {
	for _, k := range [...]sip.Kind{sip.AnswerMode, sip.PrivAnswerMode} {
		mode, _, _ := strings.Cut(m.Get(k), ";")
		switch mode = strings.TrimSpace(mode); {
		case strings.EqualFold(mode, "auto"):
			a.Answer = call.AnswerAuto
		case strings.EqualFold(mode, "manual"):
			a.Answer = call.AnswerManual
		}
	}
	for v := range m.Values(sip.CallInfo) { // <sip:host>;answer-after=0
		if after, ok := infoParams(v).Get("answer-after"); ok {
			a.Answer, a.After = call.AnswerAuto, delay(after)
		}
	}
	for v := range m.Values(sip.AlertInfo) {
		readAlertInfo(&a, v)
	}
	return a
}

// infoParams gives the parameters of a Call-Info or Alert-Info value, which some write without its URI.
func infoParams(v string) sip.Params {
	if i := strings.IndexByte(v, '>'); i >= 0 {
		return sip.Params(v[i+1:])
	}
	if i := strings.IndexByte(v, ';'); i >= 0 && strings.IndexByte(v[:i], '=') < 0 {
		return sip.Params(v[i:])
	}
	return sip.Params(";" + v)
}

func readAlertInfo(a *call.Alert, v string) {
	params := infoParams(v)
	info, _ := params.Get("info")
	if info == "" { // "Auto Answer" and "Ring Answer" stand alone
		info = strings.Trim(v, `<>" `)
	}
	switch strings.ToLower(strings.ReplaceAll(info, " ", "")) {
	case "alert-autoanswer", "autoanswer", "auto-answer", "intercom":
		a.Answer = call.AnswerAuto
		if after, ok := params.Get("delay"); ok {
			a.After = delay(after)
		}
	case "ringanswer", "ringautoanswer":
		a.Answer, a.After = call.AnswerAuto, ringBefore
	default:
		if urn := alertURN(v); urn != "" {
			a.Info = urn
		}
	}
}

// ringBefore is what "Ring Answer" means to a phone that rings first.
const ringBefore = 3 * time.Second

// alertURN gives an Alert-Info value that names an alert of RFC 7462, "" for any other.
func alertURN(v string) string {
	if len(v) > maxText || !strings.HasPrefix(v, "<urn:alert:") {
		return ""
	}
	end := strings.IndexByte(v, '>')
	if end < 0 || strings.ContainsFunc(v[1:end], func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(":-.", r))
	}) {
		return ""
	}
	return v[:end+1]
}

// delay reads whole seconds at the start of a value, 0 for none.
func delay(value string) time.Duration {
	return min(time.Duration(seconds(value))*time.Second, maxAfter)
}

// speller writes a wish for an answer without a person as one maker's phones read it.
type speller func(req *sip.Message, host string, after int)

// spellings finds a phone's speller by how its User-Agent begins.
var spellings = [...]struct {
	agent string // lower case
	write speller
}{
	{"yealink", spellCallInfo},
	{"polycom", spellPolycom},
	{"poly", spellPolycom},
	{"cisco", spellCallInfo},
	{"linksys", spellCallInfo},
	{"grandstream", spellCallInfo},
	{"snom", spellSnom},
	{"fanvil", spellSnom},
	{"panasonic", spellSnom},
	{"linphone", spellStandard},
	{"baresip", spellStandard},
}

func spellCallInfo(req *sip.Message, host string, after int) {
	req.Add(sip.CallInfo, "<sip:"+host+">;answer-after="+strconv.Itoa(after))
}

func spellPolycom(req *sip.Message, _ string, after int) {
	if after > 0 {
		req.Add(sip.AlertInfo, "Ring Answer")
		return
	}
	req.Add(sip.AlertInfo, "Auto Answer")
}

func spellSnom(req *sip.Message, host string, after int) {
	req.Add(sip.AlertInfo, "<http://"+host+">;info=alert-autoanswer;delay="+strconv.Itoa(after))
}

// spellStandard is RFC 5373 §4 with the one form besides that most soft phones read too.
func spellStandard(req *sip.Message, host string, after int) {
	req.Add(sip.AnswerMode, "Auto")
	spellCallInfo(req, host, after)
}

// spell finds how a phone is asked to answer by itself.
func spell(agent string) speller {
	for i := range spellings {
		s := &spellings[i]
		if len(agent) >= len(s.agent) && strings.EqualFold(agent[:len(s.agent)], s.agent) {
			return s.write
		}
	}
	return spellStandard
}

// putAlert asks a phone to ring or to answer in the way that was asked for. inside tells whether the caller
// is of its own tenant.
func (m *Manners) putAlert(req *sip.Message, a *call.Alert, agent, host string, inside bool) {
	switch a.Answer {
	case call.AnswerAuto:
		spell(agent)(req, host, int(a.After/time.Second))
	case call.AnswerManual:
		req.Set(sip.AnswerMode, "Manual")
	}
	switch {
	case a.Info != "":
		req.Add(sip.AlertInfo, a.Info)
	case !m.Source || a.Answer == call.AnswerAuto:
	case inside:
		req.Add(sip.AlertInfo, "<urn:alert:source:internal>")
	default:
		req.Add(sip.AlertInfo, "<urn:alert:source:external>")
	}
}
