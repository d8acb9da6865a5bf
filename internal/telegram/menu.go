package telegram

import (
	"cmp"
	"context"
)

// Commands reads the menu of commands that was set for a scope and a language.
func (c *Client) Commands(ctx context.Context, scope Scope, language string) ([]MenuCommand, error) {
	var found []struct {
		Name        string `json:"command"`
		Description string `json:"description"`
	}
	params := map[string]any{"scope": map[string]string{"type": string(cmp.Or(scope, ScopeDefault))}}
	if language != "" {
		params["language_code"] = language
	}
	if err := c.raw(ctx, &exchange{method: "getMyCommands"}, params, &found); err != nil {
		return nil, err
	}
	out := make([]MenuCommand, len(found))
	for i, m := range found {
		out[i] = MenuCommand{Name: m.Name, Description: m.Description}
	}
	return out, nil
}

// Profile is what the bot says of itself: Long in a chat that was not begun yet, Short in its
// profile.
type Profile struct {
	Long, Short string
}

// Profile reads what the bot says of itself in a language, an empty one meaning all others.
func (c *Client) Profile(ctx context.Context, language string) (Profile, error) {
	var long struct {
		Text string `json:"description"`
	}
	var short struct {
		Text string `json:"short_description"`
	}
	err := c.raw(ctx, &exchange{method: "getMyDescription"}, inLanguage(language), &long)
	if err == nil {
		err = c.raw(ctx, &exchange{method: "getMyShortDescription"}, inLanguage(language), &short)
	}
	return Profile{Long: long.Text, Short: short.Text}, err
}

// SetProfile sets what is not empty of that.
func (c *Client) SetProfile(ctx context.Context, language string, a Profile) error {
	for _, one := range []struct{ method, name, text string }{
		{"setMyDescription", "description", a.Long}, {"setMyShortDescription", "short_description", a.Short},
	} {
		if one.text == "" {
			continue
		}
		params := inLanguage(language)
		params[one.name] = one.text
		if err := c.raw(ctx, &exchange{method: one.method}, params, nil); err != nil {
			return err
		}
	}
	return nil
}

func inLanguage(language string) map[string]any {
	if language == "" {
		return map[string]any{}
	}
	return map[string]any{"language_code": language}
}
