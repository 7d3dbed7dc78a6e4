package transaction

import (
	"math/bits"
	"strings"

	"santral/base/id"
	"santral/sip"
)

// Key is a 128-bit keyed digest of what identifies a transaction, a request or a dialog. It is
// comparable, holds on to no message, and cannot be steered by a peer that does not know the
// Hasher's secret.
type Key struct{ Hi, Lo uint64 }

// Cookie is what every branch begins with since RFC 3261 §8.1.1.7.
const Cookie = "z9hG4bK"

// Hasher makes keys. Two hashers with the same secret make the same ones, so that keys can be
// written out by one process and read by the next. It is an immutable value.
type Hasher struct {
	A uint64 `json:"a"`
	B uint64 `json:"b"`
}

// NewHasher draws a secret.
func NewHasher(r *id.Source) Hasher { return Hasher{r.Uint64() | 1, r.Uint64() | 1} }

// What a key is of; it goes into the digest so that keys of different sorts never meet.
const (
	ofServer = iota + 1
	ofOldServer
	ofClient
	ofMerge
	ofDialog
	ofCall
)

const (
	mulA = 0x9e3779b97f4a7c15
	mulB = 0xc2b2ae3d27d4eb4f
)

func (h Hasher) begin(sort uint64) Key { return Key{h.A ^ sort*mulB, h.B ^ sort*mulA} }

// word mixes 64 bits into both lanes.
func (h Hasher) word(k Key, w uint64) Key {
	hi, lo := bits.Mul64(k.Hi^w, h.A^mulA)
	k.Hi = hi ^ lo
	hi, lo = bits.Mul64(k.Lo^w^mulB, h.B^bits.RotateLeft64(k.Hi, 31)|1)
	k.Lo = hi ^ lo + w
	return k
}

// text mixes s and its length in, so that ("a", "bc") and ("ab", "c") differ.
func (h Hasher) text(k Key, s string) Key {
	n := uint64(len(s))
	for ; len(s) >= 8; s = s[8:] {
		k = h.word(k, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|
			uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
	}
	var w uint64
	for i := len(s) - 1; i >= 0; i-- {
		w = w<<8 | uint64(s[i])
	}
	return h.word(k, w^n<<56)
}

// Call gives a number for a Call-ID, by which shards share out the calls.
func (h Hasher) Call(callID string) uint64 { return h.text(h.begin(ofCall), callID).Hi }

// Server gives the key of the server transaction that req belongs to (RFC 3261 §17.2.3): its topmost
// Via's branch and sent-by and its method, ACK counting as INVITE. method is given apart so that a
// CANCEL can look for its INVITE (RFC 3261 §9.2). Call-ID and CSeq number go in as well: they are the
// same in every message of a transaction, and who uses a branch twice is not taken for a copy.
//
// Requests of RFC 2543, without the cookie in their branch, are known by Request-URI, From tag and
// the topmost Via instead: marked is then false, and what the To tag of an ACK must be is for the
// caller to compare.
func (h Hasher) Server(req *sip.Message, method sip.Method) (k Key, marked bool) {
	if method == sip.ACK {
		method = sip.INVITE
	}
	sentBy, branch := TopVia(req)
	marked = Marked(branch)
	k = h.begin(ofServer)
	if !marked {
		k = h.text(h.text(h.begin(ofOldServer), req.RequestURI), req.FromTag())
	}
	cseq, _ := req.CSeq()
	k = h.text(h.word(k, uint64(cseq.Seq)), branch)
	k = h.text(h.text(k, sentBy), req.CallID())
	return h.text(k, string(method)), marked
}

// TopVia gives sent-by and branch of the topmost Via as they are written, without looking closely:
// the parser has seen to it that they are well formed. Both are empty when there is no Via.
func TopVia(m *sip.Message) (sentBy, branch string) {
	v := m.Get(sip.ViaKind)
	if semi := strings.IndexByte(v, ';'); semi > 0 && strings.IndexByte(v, '"') < 0 {
		rest := v[semi:]
		for len(rest) > 8 && rest[0] == ';' {
			end := strings.IndexByte(rest[1:], ';') + 1
			if end == 0 {
				end = len(rest)
			}
			if p := rest[1:end]; len(p) > 7 && p[6] == '=' && strings.EqualFold(p[:7], "branch=") {
				if strings.IndexByte(v[:semi], ',') < 0 && !strings.ContainsAny(p, ", \t") {
					return v[strings.LastIndexByte(v[:semi], ' ')+1 : semi], p[7:]
				}
				break
			}
			rest = rest[end:]
		}
	}
	via, err := m.Via()
	if err != nil {
		return "", ""
	}
	return via.SentBy().String(), via.Branch()
}

// Marked reports whether a branch begins with the cookie and so identifies its transaction alone.
func Marked(branch string) bool {
	return len(branch) > len(Cookie) && strings.EqualFold(branch[:len(Cookie)], Cookie)
}

// Client gives the key of a client transaction of ours (RFC 3261 §17.1.3).
func (h Hasher) Client(branch string, method sip.Method) Key {
	return h.text(h.text(h.begin(ofClient), branch), string(method))
}

// Merge gives the key by which copies of one request that came on different ways are known
// (RFC 3261 §8.2.2.2).
func (h Hasher) Merge(req *sip.Message, cseq sip.CSeq) Key {
	k := h.text(h.begin(ofMerge), req.CallID())
	k = h.text(k, req.FromTag())
	return h.text(h.word(k, uint64(cseq.Seq)), string(cseq.Method))
}

// Dialog gives the key of a dialog as its owner sees it (RFC 3261 §12).
func (h Hasher) Dialog(callID, localTag, remoteTag string) Key {
	return h.text(h.text(h.text(h.begin(ofDialog), callID), localTag), remoteTag)
}
