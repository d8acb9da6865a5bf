package notice

import "countersign/internal/telegram"

// Button is one under the text of a notice. It comes back as any button of the bot does, so
// it is for private chats.
type Button struct {
	Text string `json:"text,omitempty"`
	Key  string `json:"key,omitempty"` // of a text of ours in the language of the reader, in place of Text
	Data string `json:"data"`
}

// keyboard is that of a notice.
func keyboard(rows [][]Button, say func(key string) string) (telegram.Keyboard, error) {
	out := make([][]telegram.Button, len(rows))
	for i, row := range rows {
		for _, b := range row {
			if b.Key != "" {
				b.Text = say(b.Key)
			}
			out[i] = append(out[i], telegram.Button{Text: b.Text, Data: b.Data})
		}
	}
	return telegram.NewKeyboard(out...)
}

func fit(rows [][]Button) bool {
	_, err := keyboard(rows, func(key string) string { return key })
	return err == nil
}
