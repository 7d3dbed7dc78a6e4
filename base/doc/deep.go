package doc

// deepest is how deep brackets, and dashes of one line, may lie in one another: the whole parser's time grows with the square
// of it, and no document needs a tenth.
const deepest = 200

// tooDeep gives the line on which a text is deeper than is read, 0 for none. Brackets in quotes and comments count too where
// they are not closed: a text that people write has no two hundred of these.
func tooDeep(text string) int {
	depth, dashes, line := 0, 0, 1
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		case '-', '?':
			if dashes++; dashes > deepest && i+1 < len(text) && text[i+1] == ' ' {
				return line
			}
			continue
		case ' ':
			continue
		case '\n':
			line++
		}
		dashes = 0
		if depth > deepest {
			return line
		}
	}
	return 0
}
