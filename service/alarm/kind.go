package alarm

import "strings"

// Severity is how soon somebody must look.
type Severity uint8

// Severities.
const (
	Info Severity = iota
	Warning
	Critical
)

// SeverityNames are their words, by value.
var SeverityNames = []string{"info", "warning", "critical"}

// String gives the word.
func (s Severity) String() string { return SeverityNames[min(int(s), len(SeverityNames)-1)] }

// Kind is what can be wrong. Texts have {about} for the thing and {why} for what was found.
type Kind struct {
	Name     string
	Severity Severity
	En, Fa   string
	Once     bool // it tells of something that has happened and is over: it is cleared by being acknowledged
}

// Kinds of alarms.
var (
	LedgerDisk     = &Kind{Name: "ledger-disk", Severity: Critical, En: "The disk of the ledger holds up what calls write down: {why}. Calls go on; make room, or see to the disk.", Fa: "دیسک دفتر تماس‌ها عقب مانده است: {why}. تماس‌ها ادامه دارند؛ جا باز کنید یا دیسک را بررسی کنید."}
	BindingsDisk   = &Kind{Name: "bindings-disk", Severity: Critical, En: "The disk of registrations is slow or failing: {why}. Make room, or see to the disk.", Fa: "دیسک ثبت‌نام تلفن‌ها کند یا خراب است: {why}. جا باز کنید یا دیسک را بررسی کنید."}
	Recordings     = &Kind{Name: "recordings", Severity: Critical, En: "Recordings have trouble ({about}): {why}. Calls go on.", Fa: "ضبط مکالمه‌ها مشکل دارد ({about}): {why}. تماس‌ها ادامه دارند."}
	DatabaseAway   = &Kind{Name: "database-away", Severity: Critical, En: "The database does not answer: {why}. Calls go on, and their records are made when it is back.", Fa: "پایگاه داده پاسخ نمی‌دهد: {why}. تماس‌ها ادامه دارند و ریز تماس‌ها پس از بازگشت آن ساخته می‌شود."}
	TrunkDown      = &Kind{Name: "trunk-down", Severity: Warning, En: "No calls are tried by the trunk {about}: {why}.", Fa: "هیچ تماسی از ترانک {about} نمی‌گذرد: {why}."}
	TrunkRefused   = &Kind{Name: "trunk-refused", Severity: Critical, En: "The carrier of the trunk {about} refuses us: {why}. See to its user and password.", Fa: "اپراتور ترانک {about} ما را نمی‌پذیرد: {why}. نام کاربری و گذرواژهٔ آن را بررسی کنید."}
	TrunkFull      = &Kind{Name: "trunk-nearly-full", Severity: Warning, En: "The trunk {about} is nearly full: {why} of its channels are in use.", Fa: "ترانک {about} نزدیک به پر شدن است: {why} از کانال‌های آن در کار است."}
	ProofDiffers   = &Kind{Name: "proof-differs", Severity: Critical, En: "Call records differ from what the ledger says: {why}. Nothing was changed; compare them before they are made anew.", Fa: "ریز تماس‌ها با دفتر نمی‌خواند: {why}. چیزی تغییر نکرده است؛ پیش از ساختن دوباره آن‌ها را بسنجید."}
	FeedBehind     = &Kind{Name: "feed-behind", Severity: Warning, En: "{about} does not take call records: {why}. They wait in their order.", Fa: "{about} ریز تماس‌ها را نمی‌گیرد: {why}. به ترتیب در صف می‌مانند."}
	WebhookGivenUp = &Kind{Name: "webhook-given-up", Severity: Warning, En: "The webhook {about} has not taken what it was sent for 24 hours: {why}. Mend it and have the deliveries sent again.", Fa: "وب‌هوک {about} بیست‌وچهار ساعت پیام‌ها را نگرفته است: {why}. آن را درست کنید و پیام‌ها را دوباره بفرستید."}
	WebhookOff     = &Kind{Name: "webhook-off", Severity: Warning, En: "The webhook {about} answered 410 Gone and is switched off. Change its URL, or switch it on again.", Fa: "وب‌هوک {about} پاسخ 410 داد و خاموش شد. نشانی آن را عوض کنید یا دوباره روشنش کنید."}
	WebhookBehind  = &Kind{Name: "webhook-behind", Severity: Critical, En: "Events were not kept for webhooks: {why}.", Fa: "برخی رویدادها برای وب‌هوک‌ها نگه داشته نشد: {why}.", Once: true}
	Certificate    = &Kind{Name: "certificate", Severity: Warning, En: "The certificate {about} ends soon: {why}. See how it is renewed.", Fa: "گواهی {about} به‌زودی پایان می‌یابد: {why}. تمدید آن را بررسی کنید."}
	MailFails      = &Kind{Name: "mail-fails", Severity: Warning, En: "Mails can't be sent: {why}. They wait.", Fa: "رایانامه فرستاده نمی‌شود: {why}. نامه‌ها در صف می‌مانند."}
	MailGivenUp    = &Kind{Name: "mail-given-up", Severity: Warning, En: "A mail was given up ({about}): {why}.", Fa: "فرستادن یک نامه رها شد ({about}): {why}.", Once: true}
)

// text puts the thing and the reason in.
func text(s, about, why string) string {
	return strings.NewReplacer("{about}", about, "{why}", why).Replace(s)
}
