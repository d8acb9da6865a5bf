package telegram

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
)

// Scope says in which chats a menu of commands is shown. It is display only and protects nothing.
type Scope string

// The scopes that are used.
const (
	ScopeDefault Scope = "default"
	ScopePrivate Scope = "all_private_chats"
	ScopeGroups  Scope = "all_group_chats"
)

// MenuCommand is a line of the menu of commands.
type MenuCommand struct {
	Name        string
	Description string
}

// SetCommands sets the menu of commands for a scope and a language, an empty language meaning all others.
func (c *Client) SetCommands(ctx context.Context, scope Scope, language string, commands []MenuCommand) error {
	t := &exchange{method: "setMyCommands"}
	params := &bot.SetMyCommandsParams{LanguageCode: language, Commands: make([]models.BotCommand, len(commands))}
	for i, m := range commands {
		if !CommandName(m.Name) || m.Description == "" {
			return c.failed(t, Bug, fmt.Errorf("command %q has a bad name or no description", m.Name))
		}
		params.Commands[i] = models.BotCommand{Command: m.Name, Description: m.Description}
	}
	switch scope {
	case ScopePrivate:
		params.Scope = &models.BotCommandScopeAllPrivateChats{}
	case ScopeGroups:
		params.Scope = &models.BotCommandScopeAllGroupChats{}
	case ScopeDefault, "":
		params.Scope = &models.BotCommandScopeDefault{}
	default:
		return c.failed(t, Bug, fmt.Errorf("unknown scope %q", string(scope)))
	}
	return c.perform(ctx, t, func(ctx context.Context) error {
		_, err := c.bot.SetMyCommands(ctx, params)
		return err
	})
}

// SetMenuButton puts a button that opens the Mini App at url, https, beside the message field of all private chats.
func (c *Client) SetMenuButton(ctx context.Context, text, url string) error {
	t := &exchange{method: "setChatMenuButton"}
	if text == "" || !linkAllowed(url, "https") {
		return c.failed(t, Bug, errors.New("menu button needs a text and an https address"))
	}
	params := map[string]any{"menu_button": map[string]any{
		"type": "web_app", "text": text, "web_app": map[string]string{"url": url},
	}}
	return c.raw(ctx, t, params, nil)
}

// GetChat returns a chat that the bot can see.
func (c *Client) GetChat(ctx context.Context, chatID int64) (Chat, error) {
	var w wireChat
	if err := c.raw(ctx, &exchange{method: "getChat"}, map[string]any{"chat_id": chatID}, &w); err != nil {
		return Chat{}, err
	}
	return w.chat(), nil
}

// GetChatMember returns what a person, or the bot, is in a chat. Statuses that are new are passed on as they are.
func (c *Client) GetChatMember(ctx context.Context, chatID, userID int64) (ChatMember, error) {
	var w wireMember
	params := map[string]any{"chat_id": chatID, "user_id": userID}
	if err := c.raw(ctx, &exchange{method: "getChatMember"}, params, &w); err != nil {
		return ChatMember{}, err
	}
	return w.member(), nil
}
