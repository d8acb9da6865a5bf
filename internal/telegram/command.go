package telegram

import "strings"

const maxCommand = 32

// Command reads a command such as "/start@bot args" and returns its name in lower case and the rest of
// the text, trimmed. It is none if it is addressed to another bot, and none if it is not spelled as a command.
func Command(text, botName string) (name, args string, ok bool) {
	word, found := strings.CutPrefix(strings.TrimSpace(text), "/")
	if !found {
		return "", "", false
	}
	if i := strings.IndexAny(word, " \t\r\n\u00a0"); i >= 0 {
		word, args = word[:i], strings.TrimSpace(word[i:])
	}
	word, bot, addressed := strings.Cut(word, "@")
	if addressed && (bot == "" || !strings.EqualFold(bot, botName)) {
		return "", "", false
	}
	word = strings.ToLower(word)
	if !CommandName(word) {
		return "", "", false
	}
	return word, args, true
}

// CommandName says whether s can be the name of a command: 1 to 32 of a-z, 0-9 and underscore.
func CommandName(s string) bool {
	if s == "" || len(s) > maxCommand {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return true
}
