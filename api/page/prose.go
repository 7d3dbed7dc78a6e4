package page

import (
	"html/template"
	"strings"
)

// prose makes HTML of the little Markdown that descriptions are written in: paragraphs, headings, lists, **words** that
// count, and `code`.
func prose(text string) template.HTML {
	var out strings.Builder
	list := false
	end := func() {
		if list {
			out.WriteString("</ul>")
			list = false
		}
	}
	for block := range strings.SplitSeq(text, "\n\n") {
		block = strings.TrimSpace(block)
		switch {
		case block == "":
		case strings.HasPrefix(block, "## "):
			end()
			out.WriteString("<h2>" + inline(block[3:]) + "</h2>")
		case strings.HasPrefix(block, "- "):
			end()
			out.WriteString("<ul>")
			list = true
			for line := range strings.SplitSeq(block, "\n") {
				out.WriteString("<li>" + inline(strings.TrimPrefix(line, "- ")) + "</li>")
			}
			end()
		default:
			out.WriteString("<p>" + inline(block) + "</p>")
		}
	}
	return template.HTML(out.String())
}

// inline makes HTML of a line. Whatever is no mark is text.
func inline(text string) string {
	text = template.HTMLEscapeString(text)
	return between(between(between(text, "`", "code"), "**", "strong"), "*", "em")
}

// bidi has code be read from the left wherever it stands.
func bidi(tag string) string {
	if tag == "code" {
		return ` dir="ltr"`
	}
	return ""
}

func between(text, mark, tag string) string {
	parts := strings.Split(text, mark)
	if len(parts)%2 == 0 { // one without its other: it is a character
		return text
	}
	var out strings.Builder
	for i, part := range parts {
		switch {
		case i == 0:
		case i%2 == 1:
			out.WriteString("<" + tag + bidi(tag) + ">")
		default:
			out.WriteString("</" + tag + ">")
		}
		out.WriteString(part)
	}
	return out.String()
}
