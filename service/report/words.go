package report

// words are names of columns and of what stands in cells, in English and Persian.
var words = map[string][2]string{
	"report.calls": {"Calls", "تماس‌ها"}, "report.days": {"Days", "روزها"}, "report.hours": {"Hours of the day", "ساعت‌های روز"}, "report.departments": {"Departments", "بخش‌ها"},
	"report.accounts": {"Accounts", "داخلی‌ها و خطوط"}, "report.trunks": {"Trunks", "ترانک‌ها"}, "report.destinations": {"Destinations", "مقصدها"}, "report.causes": {"Causes", "علت‌ها"},
	"report.missed": {"Missed and not returned", "بی‌پاسخ و پیگیری‌نشده"}, "report.records": {"Call records", "سوابق تماس"},
	"total": {"Total", "جمع"},

	"calls": {"Calls", "تماس"}, "answered": {"Answered", "پاسخ‌داده"}, "busy": {"Busy", "مشغول"}, "no_answer": {"No answer", "بی‌پاسخ"}, "cancelled": {"Cancelled", "انصراف"}, "failed": {"Failed", "ناموفق"},
	"asr": {"ASR", "نسبت پاسخ (ASR)"}, "ner": {"NER", "کارایی شبکه (NER)"}, "talk": {"Talk time", "مدت مکالمه"}, "acd": {"Average call", "میانگین مکالمه"}, "pdd": {"Post-dial delay", "تأخیر پس از شماره‌گیری"}, "mos": {"MOS", "کیفیت (MOS)"},
	"direction": {"Direction", "جهت"}, "day": {"Day", "روز"}, "hour": {"Hour", "ساعت"}, "department": {"Department", "بخش"}, "trunk": {"Trunk", "ترانک"}, "causes": {"Causes (Q.850: calls)", "علت‌ها (Q.850: تماس)"},
	"kind": {"Kind", "نوع"}, "country": {"Country code", "پیش‌شمارهٔ کشور"}, "area": {"Area", "ناحیه"}, "q850": {"Q.850 cause", "علت Q.850"}, "account": {"Account", "داخلی یا خط"},
	"number": {"Number", "شماره"}, "name": {"Name", "نام"}, "attempts": {"Attempts", "تلاش‌ها"}, "last": {"Last call", "آخرین تماس"}, "waited": {"Waited", "مدت انتظار"}, "called": {"Called", "مقصد"}, "state": {"Result", "نتیجه"},

	"direction.in": {"in", "ورودی"}, "direction.out": {"out", "خروجی"}, "direction.internal": {"internal", "داخلی"}, "direction.transit": {"transit", "عبوری"}, "direction.unknown": {"", ""},
	"state.answered": {"answered", "پاسخ داده شد"}, "state.busy": {"busy", "مشغول"}, "state.no answer": {"no answer", "پاسخ نداد"}, "state.cancelled": {"cancelled", "انصراف"}, "state.failed": {"failed", "ناموفق"},
	"state.interrupted": {"interrupted", "قطع‌شده"}, "state.unknown": {"", ""},
	"kind.internal": {"internal", "داخلی"}, "kind.local": {"local", "شهری"}, "kind.national": {"national", "بین‌شهری"}, "kind.mobile": {"mobile", "همراه"}, "kind.international": {"international", "بین‌الملل"},
	"kind.premium": {"premium", "ویژه"}, "kind.emergency": {"emergency", "اضطراری"}, "kind.service": {"service", "خدماتی"}, "kind.free": {"free", "رایگان"}, "kind.unknown": {"unknown", "نامشخص"}, "kind.": {"", ""},
	"by.caller": {"caller", "تماس‌گیرنده"}, "by.callee": {"callee", "طرف مقابل"}, "by.exchange": {"exchange", "مرکز تماس"}, "by.": {"", ""},

	"began": {"Began", "آغاز"}, "began_jalali": {"Date (Jalali)", "تاریخ"}, "answered_at": {"Answered at", "زمان پاسخ"}, "ended": {"Ended", "پایان"}, "from_number": {"From", "از شماره"}, "from_name": {"Caller's name", "نام تماس‌گیرنده"},
	"from_account": {"Caller's account", "داخلی تماس‌گیرنده"}, "said": {"Number as received", "شمارهٔ دریافتی"}, "dialled": {"Dialled", "شمارهٔ گرفته‌شده"}, "sent": {"Number as sent", "شمارهٔ ارسالی"}, "to": {"To", "مقصد داخلی"},
	"answered_by": {"Answered by", "پاسخ‌دهنده"}, "to_department": {"Called department", "بخش مقصد"}, "site": {"Site", "شعبه"}, "to_site": {"Called site", "شعبهٔ مقصد"}, "from_trunk": {"Trunk in", "ترانک ورودی"}, "to_trunk": {"Trunk out", "ترانک خروجی"},
	"post_dial_delay": {"Post-dial delay", "تأخیر پس از شماره‌گیری"}, "ring": {"Ringing", "مدت زنگ"}, "held": {"On hold", "مدت نگه‌داشتن"}, "ended_by": {"Ended by", "پایان‌دهنده"}, "sip": {"SIP", "SIP"}, "cause": {"Cause", "علت"},
	"codec": {"Codec", "کدک"}, "mos_worst": {"Worst MOS", "بدترین کیفیت"}, "because": {"Route", "مسیر"}, "revision": {"Revision", "نسخهٔ پیکربندی"}, "caller_agent": {"Caller's phone", "دستگاه تماس‌گیرنده"}, "callee_agent": {"Callee's phone", "دستگاه مقصد"},
	"recordings": {"Recordings", "ضبط‌ها"}, "parts": {"Parts", "بخش‌های تماس"}, "call": {"Call", "شناسهٔ تماس"}, "tenant": {"Tenant", "مشترک"}, "to_tenant": {"Called tenant", "مشترک مقصد"},

	"mail.subject": {"Report", "گزارش"}, "mail.text": {"The report is attached.", "گزارش پیوست است."}, "mail.from": {"From", "از"}, "mail.until": {"Until", "تا"},
}

// word gives what a person reads for a key; the key's own last part where there is none.
func word(language, key string) string {
	w, ok := words[key]
	switch {
	case !ok:
		for i := len(key) - 1; i >= 0; i-- {
			if key[i] == '.' {
				return key[i+1:]
			}
		}
		return key
	case language == "fa":
		return w[1]
	}
	return w[0]
}
