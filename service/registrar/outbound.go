package registrar

import (
	"strconv"
	"strings"
	"time"

	"santral/sip"
)

// Bounds of a Path (RFC 3327).
const (
	maxPathHops = 8
	maxPath     = 1024 // octets in all
)

// Seconds that a phone may let pass between two keep-alives of a flow (RFC 5626 §5.4). Translators forget a
// UDP port after 30 s, the most impatient of them; connections live longer.
const (
	flowTimerUDP    = 30
	flowTimerStream = 120
)

// Extensions are the option tags that a REGISTER may Require of us.
var Extensions = []string{"path", "outbound", "gruu", "gin"}

// supported is Extensions as a header value.
var supported = strings.Join(Extensions, ", ")

// readPath reads the Path of a REGISTER. It is believed of the operator's own proxies, whether the phone
// says that it knows of such things or not (RFC 3327 §5.3 leaves the choice to us): behind a proxy that
// the phone does not know there is no other way to it. From anybody else it would send calls through whom
// it likes, and is refused.
func (r *Registrar) readPath(req *sip.Message, flow sip.Flow) (path string, refusal *sip.Message) {
	if !req.Has(sip.Path) {
		return "", nil
	}
	if r.cfg.Edges == nil || !r.cfg.Edges(flow.Remote.Addr()) {
		return "", sip.NewResponse(req, 403, "Path of an Unknown Proxy")
	}
	var b strings.Builder
	count := 0
	for v := range req.Values(sip.Path) {
		a, err := sip.ParseAddress(v)
		if count++; err != nil || !a.URI.IsSIP() || count > maxPathHops || b.Len()+len(v) > maxPath {
			return "", sip.NewResponse(req, 400, "Bad Path")
		}
		if count > 1 {
			b.WriteByte('\n')
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

// regID reads the reg-id of a contact with an instance: 0 when the phone keeps no flows
// (RFC 5626 §6: it must say that it supports them).
func regID(req *sip.Message, text string) uint32 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || !req.HasToken(sip.Supported, "outbound") {
		return 0
	}
	return uint32(n)
}

// firstHopServes reports whether the server that the phone's connection ends at can keep flows: we can, and a
// proxy says it by the parameter ob of its Path, the last one (RFC 5626 §6).
func firstHopServes(req *sip.Message, path string) bool {
	hops := 0
	for range req.Vias() {
		hops++
	}
	if path == "" {
		return hops <= 1
	}
	a, err := sip.ParseAddress(path[strings.LastIndexByte(path, '\n')+1:])
	return err == nil && a.URI.Params.Has("ob")
}

// options tells the phone in its 200 what was made of what it supports.
func (r *Registrar) options(res, req *sip.Message, u *update, flow sip.Flow) {
	if !u.speaks {
		return
	}
	res.Set(sip.Supported, supported)
	if u.path != "" && req.HasToken(sip.Supported, "path") { // RFC 3327 §5.3
		for v := range strings.SplitSeq(u.path, "\n") {
			res.Add(sip.Path, v)
		}
	}
	if !u.outbound {
		return
	}
	res.Set(sip.Require, "outbound") // RFC 5626 §6
	if u.path != "" {
		return // the flow is the proxy's, and so are its timer and the way back
	}
	timer := flowTimerUDP
	if flow.Transport.Stream() {
		timer = flowTimerStream
	}
	res.Set(sip.FlowTimer, strconv.Itoa(timer))
	if r.cfg.SentBy != nil {
		res.Set(sip.ServiceRoute, r.serviceRoute(flow))
	}
}

// serviceRoute is the route that a phone with flows puts before its requests (RFC 3608 §5): this very
// listener, and the flow in a token. Without it the phone would look the domain up again for each request,
// and might come by another listener than the one that its flow ends at.
func (r *Registrar) serviceRoute(flow sip.Flow) string {
	at := r.cfg.SentBy(flow)
	u := sip.URI{Scheme: "sip", User: r.keys.flow(flow), Host: at.Host, Port: at.Port, Params: flow.Transport.Param() + ";lr"}
	return "<" + u.String() + ">"
}

// Routed judges the Route of a request: it may name us in any way, but a flow token in it must be one that
// we gave (RFC 5626 §5.3.1, 403 otherwise). Whether the token's flow is the one that the request came by
// does not matter to an exchange, which lets nobody pass without credentials and takes each request for
// its own.
func (r *Registrar) Routed(req *sip.Message) (forged bool) {
	for v := range req.Values(sip.Route) {
		a, err := sip.ParseAddress(v)
		if err != nil || !strings.HasPrefix(a.URI.User, flowPrefix) {
			return false
		}
		_, ok := r.keys.ofFlow(a.URI.User)
		return !ok
	}
	return false
}

// withGRUUs adds the GRUUs of a binding to its Contact value (RFC 5627 §5.2).
func (r *Registrar) withGRUUs(v []byte, key aor, b *binding, host string, now time.Time) []byte {
	public := r.public(key.account, b, host)
	if public == "" {
		return v
	}
	v = append(append(v, ";pub-gruu="...), sip.Quote(public)...)
	if temporary := r.temporary(key, b, host, now); temporary != "" {
		v = append(append(v, ";temp-gruu="...), sip.Quote(temporary)...)
	}
	return v
}
