package call

// statuses are the rows of RFC 3398 §7.2.4.1: what a Q.850 cause means as a final response. The causes
// of a party that was reached and left (16) and of an interworking that tells nothing (127) are those of
// the section too.
var statuses = [128]uint16{
	1: 404, 2: 404, 3: 404, 16: 480, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484,
	29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403,
	88: 503, 102: 504, 111: 500, 127: 500,
}

// classes are the causes that stand for every other one of their class (ITU-T Q.850 §2.2.6).
var classes = [8]uint8{31, 31, 47, 63, 79, 95, 111, 127}

// StatusOf gives the final response that a Q.850 cause means when nothing else says more
// (RFC 3398 §7.2.4.1). A cause without a row means what the unspecified one of its class does, and what
// is no cause at all 500.
func StatusOf(q850 int) int {
	if q850 <= 0 || q850 >= len(statuses) {
		return 500
	}
	if s := statuses[q850]; s != 0 {
		return int(s)
	}
	if s := statuses[classes[q850>>4]]; s != 0 {
		return int(s)
	}
	return 500
}
