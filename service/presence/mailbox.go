package presence

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"santral/sip"
	"santral/sip/event"
	"santral/store"
)

const messageSummary = "application/simple-message-summary"

// MaxCount is the most messages that a mailbox may be said to have, of each sort.
const MaxCount = 1_000_000

// Why a mailbox is not set.
var (
	ErrNoAccount = errors.New("presence: there is no such account")
	ErrCount     = errors.New("presence: a count is below zero, too large, or has more urgent ones than there are")
)

// summary is the message-summary document (RFC 3842 §5.2). mu is held.
func (r *resource) summary(host string) event.Body {
	var b strings.Builder
	b.WriteString("Messages-Waiting: ")
	if r.box.New > 0 {
		b.WriteString("yes\r\n")
	} else {
		b.WriteString("no\r\n")
	}
	b.WriteString("Message-Account: " + uriOf(r.account, host) + "\r\n")
	n := func(v int) string { return strconv.Itoa(v) }
	b.WriteString("Voice-Message: " + n(r.box.New) + "/" + n(r.box.Old) + " (" + n(r.box.UrgentNew) + "/" + n(r.box.UrgentOld) + ")\r\n")
	return event.Body{Type: messageSummary, Head: b.String()}
}

// Mailbox gives what is known of an account's mailbox; without a word about it, it is empty.
func (h *House) Mailbox(tenant, account string) (store.Mailbox, error) {
	if h.cfg.Current().Account(tenant, account) == nil {
		return store.Mailbox{}, ErrNoAccount
	}
	box := store.Mailbox{Tenant: tenant, Account: account}
	if r := h.known(key{tenant, account}); r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.boxed {
			box = r.box
		}
	}
	return box, nil
}

// SetMailbox says what is in an account's mailbox. What is new is kept first, then told to whoever looks; it
// may wait for the database.
func (h *House) SetMailbox(ctx context.Context, box store.Mailbox) error {
	for _, n := range []int{box.New, box.Old, box.UrgentNew, box.UrgentOld} {
		if n < 0 || n > MaxCount {
			return ErrCount
		}
	}
	if box.UrgentNew > box.New || box.UrgentOld > box.Old {
		return ErrCount
	}
	if h.cfg.Current().Account(box.Tenant, box.Account) == nil {
		return ErrNoAccount
	}
	r := h.of(key{box.Tenant, box.Account})
	r.mu.Lock()
	same := r.boxed && r.box == box
	r.mu.Unlock()
	if same { // who says it every minute wakes no phone
		return nil
	}
	if h.cfg.Mailboxes != nil {
		if err := h.cfg.Mailboxes.PutMailbox(ctx, box); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.box, r.boxed = box, true
	r.mu.Unlock()
	r.mail.Changed()
	h.push(r)
	return nil
}

// push tells the phones of an account that have not subscribed what waits (outside of RFC 3842, which knows
// subscriptions alone; many phones take it): where the tenant says so, and somebody has said what there is.
func (h *House) push(r *resource) {
	t := h.cfg.Current().Tenant(r.tenant)
	if h.cfg.Push == nil || t == nil || !t.PushWaiting || !r.mail.Empty() {
		return
	}
	r.mu.Lock()
	boxed := r.boxed
	r.mu.Unlock()
	if !boxed {
		return
	}
	for _, p := range h.cfg.Phones(r.tenant, r.account) {
		r.mu.Lock()
		body := r.summary(p.Host)
		r.mu.Unlock()
		own := uriOf(r.account, p.Host)
		req := sip.NewRequest(sip.NOTIFY, p.Target.URI)
		req.Set(sip.From, "<"+own+">;tag="+h.cfg.Random.Token(etagLength))
		req.Set(sip.To, "<"+own+">")
		req.Set(sip.CallID, h.cfg.Random.Token(26))
		req.Set(sip.CSeqKind, "1 NOTIFY")
		req.Set(sip.Contact, "<"+own+">")
		req.Set(sip.Event, "message-summary")
		req.Set(sip.SubscriptionState, "active")
		req.SetBody(body.Type, body.Head)
		h.cfg.Push(req, p.Target)
	}
}
