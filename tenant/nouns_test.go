package tenant

import (
	"strings"
	"testing"

	"santral/base/doc"
)

// sampleFolder has documents that hold every key of every noun (test/lint sees to that).
const sampleFolder = "../docs/sample/tenants"

func TestTheSampleIsRead(t *testing.T) {
	var problems doc.Problems
	operator, tenants := ReadFolder(sampleFolder, &problems)
	CheckAll(operator, tenants, &problems)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	a := tenants[0]
	if len(operator.Carriers) != 2 || operator.Carriers[0].Tenant != OperatorID || operator.Routes[0].Ways[1] != (RouteWay{Trunk: "second", Priority: 1}) || operator.Blocks[1].State != NumberReserved {
		t.Errorf("the operator is %+v", operator)
	}
	if n := a.Numbers[0]; n.Target != (Target{ToGroup, "front"}) || n.Inbound[2].Target != (Target{ToAccount, "102"}) || !n.Inbound[2].Closed || n.Inbound[1].Target.String() != "refuse:declined" {
		t.Errorf("numbers are %+v", n)
	}
	if a.Groups[0].Overflow != (Target{ToAccount, "101"}) || !a.Groups[0].InTurn || a.Classes[0].Permits[International] != AskPIN || a.Classes[0].Locks[0].Permits[Mobile] != AskPIN {
		t.Errorf("group %+v, class %+v", a.Groups[0], a.Classes[0])
	}
	if a.Sites[0].Code != "7" || a.Units[0].Residents[0].Since.Format("2006-01-02") != "2026-04-04" || a.Schedules[0].Spans[2].Last.String() != "31 shahrivar" {
		t.Errorf("site %+v, unit %+v, schedule %+v", a.Sites[0], a.Units[0], a.Schedules[0])
	}
}

// What is wrong between nouns is said at its place, with both sides named.
func TestWhatNounsMayNot(t *testing.T) {
	for document, want := range map[string]string{
		"extensions: [{number: 10, password: secret10}, {number: 101, password: secret101}]":                                                          "extension 10 and extension 101 overlap",
		"extensions: [{number: 8001, password: secret10}]\nrooms: 8000-8099":                                                                          "extension 8001 and room 8001 overlap",
		"extensions: [{number: 80, password: secret10}]\nrooms: 8000-8099":                                                                            "extension 80 and room 8000 overlap",
		"extensions: [{number: 80015, password: secret10}]\nrooms: 8000-8099":                                                                         "extension 80015 and room 8001 overlap",
		"extensions: [{number: 200, password: secret10}]\ngroups: [{group: a, number: 200, members: [200]}]":                                          "extension 200 and group 200 are the same number",
		"extensions: [{number: 701, password: secret10}]\nsites: [{site: a, code: \"7\"}]":                                                            "site code 7 and extension 701 overlap",
		"sites: [{site: a, code: \"7\"}, {site: b, code: \"71\"}]":                                                                                    "site code 7 and site code 71 overlap",
		"sites: [{site: a, code: \"7\"}, {site: b, code: \"7\"}]":                                                                                     "site code 7 and site code 7 are the same",
		"extensions: [{number: 19, password: secret10}]\nemergency: [197]":                                                                            "extension 19 and emergency number 197 overlap",
		"extensions: [{number: 197, password: secret10}]\nemergency: [197]":                                                                           "", // a guard's desk
		"extensions: [{number: 110, password: secret10}]\ncountry: ir":                                                                                "extension 110 is the emergency number of ir 110",
		"extensions: [{number: 110, password: secret10}]":                                                                                             "", // nobody says that this is Iran
		"extensions: [{number: 901, password: secret10}]\ntrunks: [{name: a, mode: static, to: x}]\nroutes: [{prefix: \"9\", strip: 1, trunks: [a]}]": "extension 901 begins with 9, which is dialled for the outside",
		"numbers: [{number: 02122000000-02122000099, to: refuse:gone}, {number: 02122000050-02122000150, to: refuse:gone}]":                           "numbers 02122000000-02122000099 and 02122000050-02122000150 overlap",
		"numbers: [{number: 1818, to: refuse:gone}, {number: 1818, to: refuse:gone}]":                                                                 "number 1818 stands twice",
		"numbers: [{number: 0212*, to: refuse:gone}]":                                                                                                 "the first and the last of a range",
		"numbers: [{number: 1818, to: 999}]":                                                                                                          "999 is no account, group or room",
		"numbers: [{number: 1818, to: group:no}]":                                                                                                     `no group "no"`,
		"numbers: [{number: 1818, to: mailbox:1}]":                                                                                                    "is no target",
		"numbers: [{number: 1818, state: free}]":                                                                                                      "not known here",
		"numbers: [{number: 1818, inbound: [{to: refuse:busy, closed: true}]}]":                                                                       "has schedule: beside it",
		"departments: [{department: a, parent: b}, {department: b, parent: a}]":                                                                       "a in b in a",
		"departments: [{department: a, parent: a}]":                                                                                                   "a in a",
		"departments: [{department: a}, {department: a}]":                                                                                             "department a stands twice",
		"departments: [{department: a, site: x}]":                                                                                                     `no site "x"`,
		"groups: [{group: a, members: [101]}]":                                                                                                        `no account "101"`,
		"extensions: [{number: 101, password: secret10}]\ngroups: [{group: a, members: [101], overflow: group:a}]":                                    "leads back to it",
		"class: x": `no class of service "x"`,
		"classes: [{class: a, permits: {emergency: deny}}]":                                                                                                   "always allowed",
		"classes: [{class: a, allowed: [+49], denied: [+49]}]":                                                                                                "both allowed and denied",
		"classes: [{class: a, locks: [{schedule: x, permits: {}}]}]":                                                                                          "", // known only once the operator's document is
		"present: 02122000001":                                                                                                                                "is no number of this tenant",
		"tenant: operator":                                                                                                                                    "the exchange's own",
		"extensions: [{number: 101, password: secret10, class: x}]":                                                                                           "no class of service",
		"extensions: [{number: 101, password: secret10, owns: [02122000001]}]":                                                                                "is no number of this tenant",
		"lines: [{number: 22000001, password: secret10, channels: 2}]":                                                                                        `unknown key "channels"`,
		"lines: [{number: 2200001, password: secret10}]":                                                                                                      "must have 8 digits (local) or 11 digits",
		"type: business\ntrunks: [{name: a, mode: registered, user: u, password: secret10, channels: 5}]":                                                     "has at least 10",
		"trunks: [{name: a, mode: registered, user: u, password: secret10, channels: 10, reserved: 11}]":                                                      "reserved is a part",
		"trunks: [{name: a, mode: registered, user: u, password: secret10, pool: x}]":                                                                         `no pool "x"`,
		"limits: {extensions: 1}\nextensions: [{number: 101, password: secret10}, {number: 102, password: secret10}]":                                         "has 2 extensions and may have 1",
		"users: [{user: a, role: operator}]":                                                                                                                  "not known here",
		"users: [{user: a, role: user}]":                                                                                                                      "has the role user and no account",
		"users: [{user: a, role: admin, department: d}]\ndepartments: [{department: d}]":                                                                      "bound a manager or a reporter",
		"buildings: [{building: a}]\nunits: [{unit: u, building: a, block: B}]":                                                                               `has no block "B"`,
		"schedules: [{schedule: s, spans: [{from: \"08:00\"}]}]":                                                                                              "stand together",
		"schedules: [{schedule: s, spans: [{from: \"08:00\", to: \"08:00\"}]}]":                                                                               "the same time",
		"calendars: [{calendar: s, holidays: [{first: 31 mehr}]}]":                                                                                            "there is no day",
		"schedules: [{schedule: s, spans: [{first: 1 mehr}]}]":                                                                                                "of every year stand together",
		"schedules: [{schedule: s, spans: [{first: 1 mehr, last: 1 march}]}]":                                                                                 "of one calendar",
		"schedules: [{schedule: s, spans: [{first: 2026-02-29}]}]":                                                                                            "there is no day",
		"schedules: [{schedule: s, spans: [{first: 1404-12-30}]}]":                                                                                            "there is no day",
		"schedules: [{schedule: s, spans: [{days: [foo]}]}]":                                                                                                  "must be a day",
		"calendars: [{calendar: c, base: xx}]":                                                                                                                "no calendar",
		"webhooks: [{webhook: w, url: \"ftp://x\", secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwT1f2UcVQ7rE=}]":                                              "must be an address",
		"webhooks: [{webhook: w, url: \"https://x\", secret: short}]":                                                                                         "whsec_",
		"reports: [{report: r, kind: calls, every: day, to: [nobody]}]":                                                                                       "mail address",
		"trunks: [{name: a, mode: static, to: x}]\nroutes: [{prefix: \"0\", trunks: [a]}, {prefix: \"0\", name: b, trunks: [a]}]":                             "stands in two routes",
		"trunks: [{name: a, mode: static, to: x}]\nroutes: [{prefix: \"0\", trunks: [a]}, {prefix: \"0\", priority: 1, trunks: [a]}]":                         "route 0 stands twice",
		"trunks: [{name: a, mode: static, to: x}]\nroutes: [{prefix: \"0\", trunks: [a]}, {prefix: \"0\", name: b, priority: 1, calls: mobile, trunks: [a]}]": "",
	} {
		text := document + "\n"
		if !strings.Contains(document, "tenant:") {
			text = "tenant: t\n" + text
		}
		var problems doc.Problems
		Read("t.yaml", []byte("domains: [t.example]\n"+text), &problems)
		list := problems.List()
		if want == "" && len(list) == 0 {
			continue
		}
		if len(list) != 1 || want == "" || !strings.Contains(list[0].Text, want) || list[0].Line < 1 || list[0].Column < 1 {
			t.Errorf("%s\n\twant one problem, %q, got %v", document, want, list)
		}
	}
}

// A public number has one owner in the whole exchange, however it is spelt.
func TestNumbersHaveOneOwner(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"area: \"21\"\nlines: [{number: 22000001, password: secret10}]", "lines: [{number: 02122000001, password: secret10}]", "b.yaml:3:18: number 02122000001 is +982122000001, which belongs to tenant a already as 22000001; a public number has one owner"},
		{"area: \"21\"\nnumbers: [{number: 02122000000-02122000099, to: refuse:gone}]", "lines: [{number: 02122000001, password: secret10}]", "b.yaml:3:18: number 02122000001 is +982122000001, which belongs to tenant a already as 02122000000-02122000099"},
		{"numbers: [{number: 02122000001, to: refuse:gone}, {number: +982122000001, to: refuse:busy}]", "", "a.yaml:3:60: number +982122000001 is +982122000001, which stands here already as 02122000001; keep one"},
		{"area: \"21\"\nlines: [{number: 22000001, password: secret10}, {number: 02122000001, password: secret10}]\nnumbers: [{number: 02122000000-02122000099, to: refuse:gone}]", "", "which stands here already as 22000001; keep one"},
		{"lines: [{number: 22000001, password: secret10}]", "lines: [{number: 22000001, password: secret10}]", ""}, // of which area is not said
		{"numbers: [{number: 02122000000-02122000099, to: refuse:gone}, {number: 02122000050, to: refuse:busy}]", "", ""},
		{"country: de\narea: \"30\"\nlines: [{number: 03022000001, password: secret10}]", "lines: [{number: 02122000001, password: secret10}]", ""},
		{"numbers: [{number: 1818, to: refuse:gone}]", "numbers: [{number: 1818, to: refuse:gone}]", ""},
	} {
		var problems doc.Problems
		tenants := []*Tenant{Read("a.yaml", []byte("tenant: a\ndomains: [a.example]\n"+c.a+"\n"), &problems), Read("b.yaml", []byte("tenant: b\ndomains: [b.example]\n"+c.b+"\n"), &problems)}
		Check(tenants, &problems)
		list := problems.List()
		if c.want == "" && len(list) == 0 {
			continue
		}
		if len(list) != 1 || c.want == "" || !strings.Contains(list[0].String(), c.want) {
			t.Errorf("%s\n%s\n\twant %q, got %v", c.a, c.b, c.want, list)
		}
	}
}
