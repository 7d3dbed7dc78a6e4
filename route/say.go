package route

import "strings"

// What steps find.
const (
	callerInside    = "caller.inside"
	callerState     = "caller.state"
	codeHides       = "code.hides"
	codeShows       = "code.shows"
	featureCode     = "code.feature"
	noNumber        = "number.none"
	numberMeans     = "number.means"
	numberBegins    = "number.begins"
	numberUnknown   = "number.unknown"
	numberState     = "number.state"
	numberLeads     = "number.leads"
	nobodysNumber   = "number.nobodys"
	emergencyNumber = "emergency.number"
	noWay           = "emergency.noway"
	siteCode        = "inside.code"
	isAccount       = "inside.account"
	calleeState     = "inside.state"
	isGroup         = "inside.group"
	isRoom          = "inside.room"
	isPBX           = "inside.pbx"
	byCarrier       = "inbound.carrier"
	noTrunk         = "inbound.notrunk"
	notByThis       = "inbound.foreign"
	ownedBy         = "inbound.owner"
	ruleHolds       = "inbound.rule"
	refuses         = "inbound.refuses"
	scheduleIs      = "time.schedule"
	classSays       = "class.says"
	lockHolds       = "class.lock"
	prefixSays      = "class.prefix"
	toldMeans       = "class.told"
	asksPIN         = "class.pin"
	pinProved       = "class.proved"
	noPIN           = "class.nopin"
	routeTaken      = "route.taken"
	routeNotFor     = "route.kind"
	routeClosed     = "route.closed"
	wayWorse        = "route.worse"
	presentsSaid    = "presents.said"
	presentsNot     = "presents.not"
	presentsOwn     = "presents.own"
	presentsTenant  = "presents.tenant"
	goesAccount     = "goes.account"
	goesService     = "goes.service"
	goesTrunk       = "goes.trunk"
	goesNowhere     = "goes.nowhere"
)

// sentences are what steps say, in English and in Persian. {name} is a value; what stands between [ and ] is left out where
// a value in it is not there.
var sentences = map[string][2]string{
	callerInside:    {"[Account {account}][trunk {trunk}] of {tenant} calls[, at site {site}].", "[شماره‌ی {account}][ترانک {trunk}] از {tenant} تماس می‌گیرد[، در محل {site}]."},
	callerState:     {"The caller's number is {state}.", "وضعیت شماره‌ی تماس‌گیرنده {state} است."},
	codeHides:       {"A code before the number hides the caller's number for this call.", "کد پیش از شماره، شماره‌ی تماس‌گیرنده را در این تماس پنهان می‌کند."},
	codeShows:       {"A code before the number shows the caller's number for this call.", "کد پیش از شماره، شماره‌ی تماس‌گیرنده را در این تماس نشان می‌دهد."},
	featureCode:     {"{code} is the code of a service: {service}.", "{code} کد یک سرویس است: {service}."},
	noNumber:        {"[{dialled} is] no number that can be dialled.", "[{dialled}] شماره‌ای نیست که بتوان گرفت."},
	numberMeans:     {"{number} is[ the number {e164},] a call of kind {calls}[, as dialled in {country}][ within area {area}].", "{number} تماسی از نوع {calls} است[، شماره‌ی {e164}][، چنان که در {country} گرفته می‌شود][ و در کد شهر {area}]."},
	numberBegins:    {"Numbers of the tenant begin so, and have more digits.", "شماره‌هایی از مشترک چنین آغاز می‌شوند و رقم‌های بیشتری دارند."},
	numberUnknown:   {"Nobody has the number, and no route is for it.", "این شماره از آنِ کسی نیست و هیچ مسیری برای آن نیست."},
	numberState:     {"The number is {state}.", "وضعیت شماره {state} است."},
	numberLeads:     {"The number[ ({name})] leads to {target}.", "شماره[ ({name})] به {target} می‌رود."},
	nobodysNumber:   {"No tenant of the exchange has the number.", "هیچ مشترکی از این مرکز صاحب این شماره نیست."},
	emergencyNumber: {"{number} is an emergency number: it is never refused[; the caller is at site {site}].", "{number} شماره‌ی اضطراری است و هرگز رد نمی‌شود[؛ تماس‌گیرنده در محل {site} است]."},
	noWay:           {"There is no trunk that could carry it.", "هیچ ترانکی نیست که آن را ببرد."},
	siteCode:        {"{code} is the code of site {site}.", "{code} کد محل {site} است."},
	isAccount:       {"{account} is a telephone of {tenant}.", "{account} تلفنی از {tenant} است."},
	calleeState:     {"{account} is {state}.", "وضعیت {account}، {state} است."},
	isGroup:         {"Group {group} of {tenant} is rung.", "گروه {group} از {tenant} زنگ می‌خورد."},
	isRoom:          {"{room} is a conference room.", "{room} اتاق کنفرانس است."},
	isPBX:           {"The number belongs to the PBX behind trunk {trunk} of {tenant}.", "شماره از آنِ سانترال پشت ترانک {trunk} از {tenant} است."},
	byCarrier:       {"The call comes by trunk {trunk} of {tenant}, for {number}[, that is {e164}].", "تماس از ترانک {trunk} از {tenant} می‌آید، برای {number}[، یعنی {e164}]."},
	noTrunk:         {"There is no trunk {trunk}.", "ترانک {trunk} وجود ندارد."},
	notByThis:       {"The number does not come by trunk {trunk}.", "این شماره از ترانک {trunk} نمی‌آید."},
	ownedBy:         {"The number belongs to {tenant}.", "شماره از آنِ {tenant} است."},
	ruleHolds:       {"A rule for calls from outside holds[ ({rule})]: {target}.", "قاعده‌ای برای تماس‌های بیرون برقرار است[ ({rule})]: {target}."},
	refuses:         {"The rule refuses the call: {word}.", "قاعده تماس را رد می‌کند: {word}."},
	scheduleIs:      {"Schedule {schedule} is open: {open}[; the day is a holiday, {holiday}].", "زمان‌بندی {schedule} باز است: {open}[؛ روز تعطیل است، {holiday}]."},
	classSays:       {"[Class {class}: ]calls of kind {calls} are permitted: {permit}.", "[کلاس {class}: ]اجازه‌ی تماس از نوع {calls}: {permit}."},
	lockHolds:       {"Class {class} is locked by schedule {schedule}.", "کلاس {class} با زمان‌بندی {schedule} قفل است."},
	prefixSays:      {"A prefix of class {class} decides.", "پیش‌شماره‌ای از کلاس {class} تعیین می‌کند."},
	toldMeans:       {"The carrier would be told {number}[, that is {e164}], a call of kind {calls}.", "به اپراتور {number}[، یعنی {e164}] گفته می‌شود، تماسی از نوع {calls}."},
	asksPIN:         {"The caller is asked for its PIN.", "از تماس‌گیرنده رمز خواسته می‌شود."},
	pinProved:       {"The PIN was right.", "رمز درست بود."},
	noPIN:           {"The caller has no PIN that could be asked for.", "تماس‌گیرنده رمزی ندارد که پرسیده شود."},
	routeTaken:      {"Route {route} of {tenant} is taken[, for numbers that begin with {prefix}].", "مسیر {route} از {tenant} گرفته می‌شود[، برای شماره‌هایی که با {prefix} آغاز می‌شوند]."},
	routeNotFor:     {"Route {route} is not for calls of kind {calls}.", "مسیر {route} برای تماس از نوع {calls} نیست."},
	routeClosed:     {"Route {route} does not hold at this time.", "مسیر {route} در این زمان برقرار نیست."},
	wayWorse:        {"Trunk {trunk} did worse lately than the route bears ({answered} answered[, MOS {mos}]): it is tried last.", "ترانک {trunk} به‌تازگی بدتر از حد مسیر بوده است ({answered} پاسخ[، MOS {mos}]): در آخر آزموده می‌شود."},
	presentsSaid:    {"The phone says {number}, which the caller owns.", "تلفن شماره‌ی {number} را می‌گوید که از آنِ تماس‌گیرنده است."},
	presentsNot:     {"The phone says {number}, which the caller does not own.", "تلفن شماره‌ی {number} را می‌گوید که از آنِ تماس‌گیرنده نیست."},
	presentsOwn:     {"The caller presents {number}.", "تماس‌گیرنده شماره‌ی {number} را نشان می‌دهد."},
	presentsTenant:  {"The caller owns no number, and presents its tenant's {number}.", "تماس‌گیرنده شماره‌ای ندارد و شماره‌ی {number} مشترک را نشان می‌دهد."},
	goesAccount:     {"→ {account}[ ({name})] of {tenant} rings[, and is shown {presents}].", "← {account}[ ({name})] از {tenant} زنگ می‌خورد[ و {presents} را می‌بیند]."},
	goesService:     {"→ service {service} of {tenant}[, number {number}].", "← سرویس {service} از {tenant}[، شماره‌ی {number}]."},
	goesTrunk:       {"→ {place}. trunk {trunk} of {tenant} is told {number}[, from {presents}].", "← {place}. به ترانک {trunk} از {tenant} گفته می‌شود {number}[، از {presents}]."},
	goesNowhere:     {"→ refused: {cause} (SIP {status}, Q.850 {q850}).", "← رد می‌شود: {cause} (SIP {status}، Q.850 {q850})."},
}

// words of values in Persian.
var persian = map[string]string{
	"internal": "داخلی", "local": "شهری", "national": "بین‌شهری", "mobile": "همراه", "international": "بین‌المللی", "premium": "گران", "emergency": "اضطراری", "unknown": "ناشناخته",
	"allow": "آزاد", "pin": "با رمز", "deny": "ممنوع", "yes": "بله", "no": "نه",
	"active": "فعال", "free": "آزاد", "reserved": "رزرو", "assigned": "واگذارشده", "porting": "در حال ترابرد", "barred": "خروجی‌بسته", "suspended": "تعلیق", "ceased": "پایان‌یافته", "quarantine": "قرنطینه",
}

// translated are the values that are words, not names.
var translated = map[string]bool{"calls": true, "permit": true, "open": true, "state": true}

// Say puts a step into words of a language, "fa" or "en".
func (s Step) Say(language string) string {
	i := 0
	if language == "fa" {
		i = 1
	}
	sentence, ok := sentences[s.What]
	if !ok {
		return s.What
	}
	var b strings.Builder
	for rest := sentence[i]; rest != ""; {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			text, _ := s.fill(rest, language)
			b.WriteString(text)
			break
		}
		text, _ := s.fill(rest[:open], language)
		b.WriteString(text)
		part, after, _ := strings.Cut(rest[open+1:], "]")
		if text, whole := s.fill(part, language); whole {
			b.WriteString(text)
		}
		rest = after
	}
	return b.String()
}

// fill puts values into a text; whole is false where one is not there.
func (s Step) fill(text, language string) (filled string, whole bool) {
	var b strings.Builder
	whole = true
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), whole
		}
		name, after, _ := strings.Cut(rest, "}")
		value := s.With[name]
		whole = whole && value != ""
		if language == "fa" && translated[name] && persian[value] != "" {
			value = persian[value]
		}
		b.WriteString(value)
		text = after
	}
}
