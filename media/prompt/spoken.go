package prompt

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// VoiceOf says how the clips of a language were made; a change of it makes them anew.
type VoiceOf struct {
	Engine  string // program and voice
	Licence string
}

// Voices are those of our own clips. Both are synthetic.
func Voices() map[string]VoiceOf {
	return map[string]VoiceOf{
		"en": {"flite, voice slt", "text and sound are Santral's own; spoken by flite (BSD-like licence)"},
		"fa": {"espeak-ng, voice fa+f3, 140 words a minute", "text and sound are Santral's own; spoken by espeak-ng (GPL-3.0, which its output is not under)"},
	}
}

// spoken are texts as an engine must have them to say what is meant, where that is not as they are written.
var spoken = map[string]string{
	"en/month.farvardin":     "Far var deen",
	"en/month.ordibehesht":   "Or dee bay hest",
	"en/month.khordad":       "Khor dod",
	"en/month.tir":           "Teer",
	"en/month.mordad":        "Mor dod",
	"en/month.shahrivar":     "Shah ree vahr",
	"en/month.aban":          "Ah bonn",
	"en/month.esfand":        "Ess fund",
	"en/money.try-many":      "leeras",
	"en/money.try-part":      "koo roosh",
	"en/money.try-part-many": "koo roosh",
	"fa/number.9":            "نُه",
	"fa/number.9-and":        "نُهُ",
	"fa/clock.9":             "نُهِ",
	"fa/ordinal.30":          "سی‌اُم",
	"fa/day.30":              "سی‌اُمِ",
	"fa/ordinal.60":          "شَصتُم",
	"fa/ordinal.200":         "دویست‌اُم",
	"fa/ordinal.trillion":    "تریلیون‌اُم",
	"fa/ordinal.quadrillion": "کوادریلیون‌اُم",
	"fa/ordinal.quintillion": "کوینتیلیون‌اُم",
	"fa/month.june":          "ژوئَنِ",
	"fa/month.july":          "ژوییهٔ",
	"fa/money.usd-part":      "سِنت",
	"fa/money.eur-part":      "سِنت",
	"fa/money.gbp-part":      "پِنی",
	"fa/money.aed-part":      "فِلس",
	"fa/money.aed":           "دِرهَم",
	"fa/money.aed-and":       "دِرهَمُ",
	"fa/letter.d":            "دیی",
	"fa/letter.e":            "ای",
	"fa/letter.o":            "اُو",
	"fa/letter.p":            "پیی",
	"fa/letter.v":            "ویی",
	"fa/unit.milliseconds":   "میلیثانیه",
	"fa/menu.main":           "برای مِنویِ اصلی،",
	"fa/follow.taken":        "تماس در جایِ دیگری پاسخ داده شد.",
	"fa/withhold.on":         "شمارهٔ شما نِمایش داده نمی‌شود.",
	"fa/withhold.off":        "شمارهٔ شما نِمایش داده می‌شود.",
	"fa/conference.removed":  "شما از کنفرانس خارج شُدید.",
	"fa/agent.in":            "شما وارد شُدید.",
	"fa/agent.out":           "شما خارج شُدید.",
	"fa/forwarding.off":      "انتقالِ تماس غیرِفَعال شد.",
	"fa/disturb.on":          "حالتِ مزاحم نشوید فَعال شد.",
	"fa/disturb.off":         "حالتِ مزاحم نشوید غیرِفَعال شد.",
	"fa/night.on":            "حالتِ شب فَعال شد.",
	"fa/night.off":           "حالتِ شب غیرِفَعال شد.",
	"fa/menu.press-9":        "کلیدِ نُه را بزنید.",
}

// Spoken gives the text of a clip as the engine of a language gets it, "" where there is nothing to say.
func Spoken(language, id string) string {
	text, _ := Text(language, id)
	if s, ok := spoken[language+"/"+id]; ok {
		return s
	}
	if before, joins := strings.CutSuffix(text, " و"); joins && language == "fa" {
		return before + "ُ" // the o that joins is said with the word before it
	}
	return text
}

// Sum is what the manifest beside the clips holds of what is spoken: it differs when text or voice do.
func Sum(language, id string) string {
	h := sha256.Sum256([]byte(Voices()[language].Engine + "\n" + Spoken(language, id)))
	return hex.EncodeToString(h[:])
}
