package page

// words are what the pages say themselves, in each language; what is described is in the language that it is written in.
var words = map[string]map[string]string{
	"en": {
		"search": "Search operations", "none": "Nothing of that name", "types": "Types", "start": "Overview", "parameters": "Parameters", "body": "Body",
		"answers": "Answers", "example": "Example", "try": "Try it", "required": "required", "secret": "taken, never shown", "copy": "Copy", "copied": "Copied",
		"open": "needs no token", "document": "OpenAPI document", "operations": "operations", "missing": "There is no such page. The list beside this has all of them.",
		"path": "path", "query": "query", "header": "header", "cookie": "cookie", "menu": "Menu", "event": "event", "skip": "To the text", "fields": "Keys", "version": "version",
	},
	"fa": {
		"search": "جست‌وجو میان عملیات", "none": "چیزی به این نام نیست", "types": "نوع‌ها", "start": "آغاز", "parameters": "پارامترها", "body": "بدنه",
		"answers": "پاسخ‌ها", "example": "نمونه", "try": "آزمودن", "required": "الزامی", "secret": "گرفته می‌شود و هرگز نشان داده نمی‌شود", "copy": "رونوشت", "copied": "رونوشت شد",
		"open": "بی‌نیاز از توکن", "document": "سند OpenAPI", "operations": "عملیات", "missing": "چنین صفحه‌ای نیست. فهرست کنار صفحه همه را دارد.",
		"path": "مسیر", "query": "پرسش", "header": "سرآیند", "cookie": "کوکی", "menu": "فهرست", "event": "رویداد", "skip": "رفتن به متن", "fields": "کلیدها", "version": "نسخه",
		"Tenants": "مشترکان", "Accounts": "حساب‌ها", "Numbers": "شماره‌ها", "Routing": "مسیریابی", "People": "افراد", "Places": "مکان‌ها", "Revisions": "بازنگری‌ها",
		"Calls": "تماس‌ها", "Records": "سوابق", "Media": "صدا و رسانه", "Events": "رویدادها", "Access": "دسترسی", "Other": "دیگر",
		"Customers of the operator, and the operator's own settings.":                               "مشترکان اپراتور، و تنظیمات خود اپراتور.",
		"Lines, extensions, and what carries them.":                                                 "خط‌ها، داخلی‌ها، و دستگاه‌هایی که آن‌ها را دارند.",
		"Public numbers and where they lead.":                                                       "شماره‌های عمومی و جایی که به آن می‌رسند.",
		"Trunks, routes, classes of service, schedules and calendars; what would happen to a call.": "ترانک‌ها، مسیرها، رده‌های خدمت، زمان‌بندی‌ها و تقویم‌ها؛ و این‌که با یک تماس چه می‌شد.",
		"Users, departments and groups.":                                                            "کاربران، بخش‌ها و گروه‌ها.",
		"Sites, buildings, units and brands.":                                                       "محل‌ها، ساختمان‌ها، واحدها و نام‌های تجاری.",
		"Documents, plans, changes and undoing them.":                                               "سندها، پیش‌نمایش، تغییرها و بازگرداندن آن‌ها.",
		"What is going on: calls, rooms, registrations, trunks.":                                    "آنچه در جریان است: تماس‌ها، اتاق‌ها، ثبت‌ها، ترانک‌ها.",
		"What has been: call records, reports, recordings, traces.":                                 "آنچه گذشته است: سوابق تماس، گزارش‌ها، ضبط‌ها، ردگیری‌ها.",
		"Announcements, music, recordings.":                                                         "پیام‌ها، موسیقی، ضبط‌ها.",
		"Being told of what happens.":                                                               "باخبر شدن از آنچه رخ می‌دهد.",
		"Who may do what: sessions, tokens, audit, bans.":                                           "چه کسی چه می‌تواند: نشست‌ها، توکن‌ها، رد کارها، مسدودها.",
	},
}

// introduction is the description of the whole in Persian.
const introduction = `سانترال مرکز تلفن SIP برای اپراتورها و سازمان‌هاست. این همهٔ رابط HTTP آن است و فرمان ` + "`santral`" + ` نیز جز این به زبانی سخن نمی‌گوید.

## آغاز

با هر درخواست ` + "`Authorization: Bearer TOKEN`" + ` را بفرستید. هر توکن نقشی دارد (user، reporter، manager، admin، operator) و دامنه‌هایی مانند ` + "`lines:read`" + ` یا ` + "`calls:write`" + `، و می‌تواند به یک مشترک، یک محل یا یک بخش محدود باشد. آنچه اجازهٔ دیدنش را ندارید نیست (404)، و آنچه می‌بینید ولی اجازهٔ انجامش را ندارید 403 است.

## پیکربندی

هر مشترک یک سند YAML است با بازنگری‌های شماره‌دار، و اپراتور هم یک سند دارد. فهرست‌های این سندها (خط‌ها، ترانک‌ها، مسیرها و جز آن) اینجا منبع‌اند: کلیدهای JSON هر مورد درست همان کلیدهای سند است. هر تغییر، چه یک کلید و چه یک سند کامل، یک بازنگری است: یا همه‌اش انجام می‌شود یا هیچ، هیچ تماسی نیمی از آن را نمی‌بیند، پیش از انجام می‌توان آن را دید (` + "`POST /api/v1/plan`" + `) و پس از آن بایت به بایت بازگرداند (` + "`POST /api/v1/revisions/{number}/undo`" + `). پاسخ هر تغییر شمارهٔ آن را در سرآیند ` + "`Revision`" + ` می‌گوید؛ دلیل را در ` + "`?why=`" + ` یا سرآیند ` + "`Why`" + ` بنویسید. گذرواژه‌ها گرفته می‌شوند و هرگز نشان داده نمی‌شوند.

- **فهرست‌ها** صفحه‌صفحه‌اند: ` + "`next`" + ` را به‌صورت ` + "`?cursor=`" + ` برای صفحهٔ بعد بفرستید؛ ` + "`?q=`" + ` متنی را می‌جوید.
- **PATCH** آنچه را نام نمی‌برد نگه می‌دارد (RFC 7396)، و null کلید را برمی‌دارد.
- **ETag** با هر چیز هست: آن را با تغییر در ` + "`If-Match`" + ` بفرستید (412 اگر دیگر همان نباشد)، یا با پرسش در ` + "`If-None-Match`" + ` (304).
- **Idempotency-Key** با POST: همان کلید و همان درخواست یک بار انجام می‌شود، هر چند بار که فرستاده شود.

## خطاها

هر چه انجام نشود با سند خطا پاسخ داده می‌شود (RFC 9457، ` + "`application/problem+json`" + `): ` + "`detail`" + ` می‌گوید چه کنید و ` + "`errors`" + ` می‌گوید چه چیز و کجا نادرست است.

## رویدادها

آنچه رخ می‌دهد با SSE و WebSocket گفته می‌شود، و به وب‌هوک‌ها، که امضا شده‌اند (Standard Webhooks). نوع آن‌ها در گروه *رویدادها* آمده است.`
