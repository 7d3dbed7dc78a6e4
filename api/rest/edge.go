package rest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"santral/api"
	"santral/tenant"
)

// Edge is what stands between the wire and the operations.
type Edge struct {
	Addresses func(tenantID string) []netip.Prefix // from where a tenant's people and programs may come, the operator's of ""; none for everywhere. nil for that of all
	Proxies   []netip.Prefix                       // whose X-Forwarded-For and X-Forwarded-Proto are believed
	Plain     bool                                 // credentials may come from other machines without TLS
	Secure    string                               // our address over TLS, for whoever is sent there; "" for none
	Open      bool                                 // figures are shown to other machines without a token
}

// edged is the outermost handler: it names each request, says to browsers what our answers are not, and takes no fault of
// ours for an end of the connection.
func (c Config) edged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		id := requestID()
		r.Header.Set(idHeader, id)
		head.Set(idHeader, id)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("Cache-Control", "no-store")
		if c.overTLS(r) && publicName(r.Host) {
			head.Set("Strict-Transport-Security", "max-age=31536000") // RFC 6797 §6.1
		}
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				if c.Log != nil {
					c.Log.Error("a request has met a fault of ours", "request", id, "panic", p, "stack", string(debug.Stack()))
				}
				api.WriteProblem(w, http.StatusInternalServerError, "a fault of ours; the exchange's log has it under request "+id)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// idHeader is where a request's id stands in its answer, and inside in the request.
const idHeader = "Request-Id"

func requestID() string {
	var raw [9]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// publicName tells that a host is a name in public use: browsers keep HSTS for such alone, and localhost must go on working.
func publicName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err != nil && strings.Contains(host, ".") && !strings.HasSuffix(host, ".local")
}

// overTLS tells whether a request came sealed, to us or to a proxy of ours.
func (c Config) overTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" && c.proxied(r)
}

// proxied tells whether a request came by a proxy that is believed.
func (c Config) proxied(r *http.Request) bool {
	at := peerOf(r)
	return slices.ContainsFunc(c.Edge.Proxies, func(p netip.Prefix) bool { return p.Contains(at) })
}

// sourceOf is the address that a request came from: behind proxies that are believed, the last that is none of them.
func (c Config) sourceOf(r *http.Request) netip.Addr {
	at := peerOf(r)
	if !c.proxied(r) {
		return at
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = a.Unmap().WithZone("")
		if !slices.ContainsFunc(c.Edge.Proxies, func(p netip.Prefix) bool { return p.Contains(at) }) {
			break
		}
	}
	return at
}

// peerOf is the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, _ := netip.ParseAddr(host)
	return a.Unmap().WithZone("")
}

// ourself tells whether a request came from this very machine, and by no proxy that stands on it.
func ourself(r *http.Request) bool {
	if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != "" {
		return false
	}
	at := peerOf(r)
	if at.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && at.IsValid() && local.AddrPort().Addr().Unmap().WithZone("") == at
}

// plain refuses credentials that have come over a network as everybody could read them.
func (c Config) plain(r *http.Request) *api.Denial {
	if c.Edge.Plain || c.overTLS(r) || ourself(r) {
		return nil
	}
	if r.Header.Get("Authorization") == "" && r.Header.Get("Cookie") == "" && !(r.Method == http.MethodPost && r.URL.Path == sessionPath) {
		return nil
	}
	text := "what proves who you are came without TLS, and everybody on the way could read it: "
	if c.Edge.Secure != "" {
		text += "use " + c.Edge.Secure
	} else {
		text += "open https in the boot file"
	}
	return &api.Denial{Status: http.StatusForbidden, Text: text + ", and take another token or password than that one. A proxy of yours with TLS is named in the boot file (proxies:); in a lab, http_plain: true there lets it pass"}
}

// admitted judges an address by the list of a tenant, or of the operator.
func (c Config) admitted(tenantID string, source netip.Addr) *api.Denial {
	if c.Edge.Addresses == nil {
		return nil
	}
	list := c.Edge.Addresses(tenantID)
	if len(list) == 0 || slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(source) }) {
		return nil
	}
	return &api.Denial{Status: http.StatusForbidden, Text: "the API may not be used from " + source.String() + ": it is not on the list api: addresses: of the document"}
}

// lost answers as the API does where its mux would answer in plain text: there is no such path, or no such method.
func lost(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		seen := &unwritten{header: http.Header{}}
		h.ServeHTTP(seen, r)
		if seen.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", seen.header.Get("Allow"))
			api.WriteProblem(w, seen.status, "this path takes "+seen.header.Get("Allow"))
			return
		}
		api.WriteProblem(w, http.StatusNotFound, "there is no such path; /openapi.json describes all there are")
	})
}

// unwritten takes an answer that nobody gets.
type unwritten struct {
	header http.Header
	status int
}

func (u *unwritten) Header() http.Header         { return u.header }
func (u *unwritten) Write(b []byte) (int, error) { return len(b), nil }
func (u *unwritten) WriteHeader(status int)      { u.status = status }

// figures lets whoever is on this machine see the figures, and others with a token.
func (c Config) figures(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !c.Edge.Open && !(ourself(r) && !c.proxied(r)) {
			if no := api.Judge(r.Context(), reads("metrics", tenant.RoleOperator)); no != nil {
				no.Write(w)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// tooLarge tells that a body was longer than it may be.
func tooLarge(err error) bool {
	var much *http.MaxBytesError
	return errors.As(err, &much)
}
