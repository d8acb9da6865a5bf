package telegram

import (
	"context"
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
	ScopeAdmins  Scope = "all_chat_administrators" // those who run a group see this in it
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
	case ScopeAdmins:
		params.Scope = &models.BotCommandScopeAllChatAdministrators{}
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
