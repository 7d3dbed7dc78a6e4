package tenant

// Kinds and lengths by the beginning of national numbers, as the countries' own plans (ITU-T E.129 notices) have them: of
// structure only what tells the price of a call, and how many digits it has. Numbers of services that charge their caller
// are premium; those that are free for the caller are national.

// dearCodes are country codes that are no country's: satellites, networks and premium services of the ITU.
var dearCodes = []string{"870", "878", "881", "882", "883", "979"}

// free gives rows of numbers that cost their caller nothing, or no more than a national call.
func free(of lengths, bare bool, prefixes ...string) []planRow {
	return kind(National, of, bare, prefixes...)
}

func kind(calls Calls, of lengths, bare bool, prefixes ...string) (rows []planRow) {
	for _, p := range prefixes {
		rows = append(rows, planRow{prefix: p, calls: calls, of: of, bare: bare})
	}
	return rows
}

// areas gives rows of numbers with an area code.
func areas(of lengths, bare bool, prefixes ...string) (rows []planRow) {
	for _, p := range prefixes {
		rows = append(rows, planRow{prefix: p, calls: National, of: of, area: true, bare: bare})
	}
	return rows
}

func all(lists ...[]planRow) (rows []planRow) {
	for _, l := range lists {
		rows = append(rows, l...)
	}
	return rows
}

var plans = []Plan{
	{
		// Two digits of area and eight of the subscriber, or four or five of a service within the area; mobiles with nine and
		// nine more; 094 of fixed wireless; 0909 at a price.
		Country: "ir", Code: 98, Trunk: "0", Abroad: "00",
		Emergency: []string{"110", "112", "115", "125"},
		rows: all(
			areas(digitsOf(6, 7, 10), false, "1", "2", "3", "4", "5", "6", "7", "8"),
			kind(Mobile, digitsOf(10), false, "9"),
			free(digitsOf(10), false, "94"),
			free(digitsOf(4, 5), false, "96"),
			kind(Premium, digitsOf(10), true, "909"),
		),
		short: all(kind(Local, from(3, 5), false, "1"), kind(Local, digitsOf(4, 5), false, "20")),
		local: digitsOf(8), begins: "23456789",
	},
	{
		Country: "tr", Code: 90, Trunk: "0", Abroad: "00",
		Emergency: []string{"112", "110", "155"},
		rows: all(
			areas(digitsOf(10), false, "2", "3", "4"),
			kind(Mobile, digitsOf(10), false, "5"),
			free(digitsOf(10, 12), false, "800", "811", "822", "850"),
			free(digitsOf(7), true, "444"),
			kind(Premium, digitsOf(10), false, "888", "898", "900"),
		),
		short: kind(Local, from(3, 5), false, "1"),
		local: digitsOf(7), begins: "2345678",
	},
	{
		Country: "ae", Code: 971, Trunk: "0", Abroad: "00",
		Emergency: []string{"112", "999", "998", "997"},
		rows: all(
			areas(digitsOf(8), false, "2", "3", "4", "6", "7", "9"),
			kind(Mobile, digitsOf(9), false, "5"),
			free(from(5, 12), true, "800"),
			free(digitsOf(9), true, "400", "600", "700"),
			kind(Premium, digitsOf(9), true, "900"),
		),
		short: all(kind(Local, digitsOf(3, 4), false, "1"), kind(Local, digitsOf(4), false, "445")),
		local: digitsOf(7), begins: "2345678",
	},
	{
		// Numbers are dialled whole within the country, without anything before.
		Country: "es", Code: 34, Abroad: "00",
		Emergency: []string{"112", "061", "062", "080", "085", "088", "091", "092"},
		rows: all(
			areas(digitsOf(9), true, "8", "9"),
			kind(Mobile, digitsOf(9), true, "6", "7"),
			free(digitsOf(9), true, "51", "800", "900", "901", "902"),
			kind(Premium, digitsOf(9), true, "70", "803", "806", "807", "905"),
		),
		short: all(kind(Local, digitsOf(3), false, "0"), kind(Local, from(3, 6), false, "1"), kind(Premium, digitsOf(5), false, "118")),
	},
	{
		Country: "fr", Code: 33, Trunk: "0", Abroad: "00",
		Emergency: []string{"112", "15", "17", "18", "114", "115", "119", "191", "196", "197"},
		rows: all(
			areas(digitsOf(9), false, "1", "2", "3", "4", "5"),
			kind(Mobile, digitsOf(9), false, "6", "7"),
			free(digitsOf(9), false, "9", "80"),
			kind(Premium, digitsOf(9), false, "8"),
		),
		short: all(kind(Local, from(3, 6), false, "1"), kind(Premium, digitsOf(6), false, "118"), kind(Premium, digitsOf(4), false, "3"),
			kind(Local, digitsOf(4), false, "30", "31")),
	},
	{
		Country: "gb", Code: 44, Trunk: "0", Abroad: "00",
		Emergency: []string{"999", "112"},
		rows: all(
			areas(digitsOf(9, 10), false, "1"),
			areas(digitsOf(10), false, "2"),
			free(digitsOf(10), false, "3", "5"),
			kind(Mobile, digitsOf(10), false, "7"),
			free(digitsOf(7, 9, 10), false, "80"),
			kind(Premium, digitsOf(10), false, "70", "76", "84", "87", "9"),
		),
		short: all(kind(Local, from(3, 5), false, "1"), kind(Local, digitsOf(6), false, "116"), kind(Premium, digitsOf(6), false, "118")),
		local: from(4, 8), begins: "23456789",
	},
	{
		// Numbers of one area have unlike lengths.
		Country: "de", Code: 49, Trunk: "0", Abroad: "00",
		Emergency: []string{"110", "112"},
		rows: all(
			areas(from(5, 13), false, "2", "3", "4", "5", "6", "7", "8", "9"),
			kind(Mobile, digitsOf(10, 11), false, "15", "16", "17"),
			free(from(8, 13), false, "18", "32"),
			free(digitsOf(11), false, "700"),
			free(from(10, 13), false, "800"),
			kind(Premium, from(7, 13), false, "12", "137", "138", "180", "19", "900"),
		),
		short: all(kind(Local, digitsOf(3), false, "115"), kind(Local, digitsOf(6), false, "116"), kind(Premium, digitsOf(5, 6), false, "118")),
		local: from(3, 11), begins: "23456789",
	},
	{
		// Mobiles are dialled without anything before; areas have two digits (10, 2x) or three.
		Country: "cn", Code: 86, Trunk: "0", Abroad: "00",
		Emergency: []string{"110", "119", "120", "122"},
		rows: all(
			kind(Mobile, digitsOf(11), true, "1"),
			areas(digitsOf(10), false, "10", "2"),
			areas(digitsOf(10, 11), false, "3", "4", "5", "6", "7", "8", "9"),
			free(digitsOf(10), true, "400", "800"),
			kind(Premium, digitsOf(8), true, "160", "168"),
		),
		short: all(kind(Local, from(3, 5), false, "1"), kind(Local, digitsOf(5, 6), false, "95", "96")),
		local: digitsOf(7, 8), begins: "2345678",
	},
	northAmerica("us", canada, "911", "112"),
	northAmerica("ca", nil, "911", "112"),
	{Country: "itu", Abroad: "00", Emergency: []string{"112", "911"}},
}

// canada and islands are the areas of the numbering plan that the United States share: calls there are calls abroad.
var (
	canada = []string{
		"204", "226", "236", "249", "250", "257", "263", "289", "306", "343", "354", "365", "367", "368", "382", "387", "403", "416",
		"418", "428", "431", "437", "438", "450", "468", "474", "506", "514", "519", "548", "568", "579", "581", "584", "587", "600",
		"604", "613", "622", "639", "647", "672", "683", "705", "709", "742", "753", "778", "780", "782", "807", "819", "825", "867",
		"873", "879", "902", "905", "942",
	}
	islands = []string{
		"242", "246", "264", "268", "284", "345", "441", "473", "649", "658", "664", "721", "758", "767", "784", "809", "829", "849",
		"868", "869", "876",
	}
)

// northAmerica is the plan of one country of code 1. Mobiles have numbers like all others.
func northAmerica(country string, abroad []string, emergency ...string) Plan {
	ten := digitsOf(10)
	p := Plan{
		Country: country, Code: 1, Trunk: "1", Abroad: "011", Emergency: emergency,
		short: kind(Local, digitsOf(3), false, "211", "311", "411", "511", "611", "711", "811", "988"),
		local: digitsOf(7), begins: "23456789",
	}
	others := areas(ten, true, "2", "3", "4", "5", "6", "7", "8", "9")
	own := []planRow(nil)
	if abroad == nil { // Canada: its own areas, and all others are abroad
		others = kind(International, ten, true, "2", "3", "4", "5", "6", "7", "8", "9")
		own = areas(ten, true, canada...)
	}
	p.rows = all(others, own, kind(International, ten, true, abroad...), kind(International, ten, true, islands...),
		free(ten, true, "500", "521", "522", "533", "544", "566", "577", "588", "800", "822", "833", "844", "855", "866", "877", "888"),
		kind(Premium, ten, true, "900"))
	return p
}
