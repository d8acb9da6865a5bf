package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func chatsCommand(p process) *cobra.Command {
	chats := &cobra.Command{Use: "chats", Short: "Group chats that get notices"}
	chats.AddCommand(chatsCode(p), chatsList(p))
	return chats
}

func chatsCode(p process) *cobra.Command {
	var n struct {
		chat, notices string
		json          bool
	}
	c := &cobra.Command{
		Use: "code", Short: "Make a code that binds a group or topic when it is sent there as /bind CODE; it works once and for 15 minutes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := needed("chat", n.chat); err != nil {
				return err
			}
			var notices []string
			if cmd.Flags().Changed("notices") {
				notices = strings.FieldsFunc(n.notices, func(r rune) bool { return r == ',' || r == ' ' })
				if notices == nil {
					notices = []string{}
				}
			}
			return p.onRecords(cmd, func(r *records) error {
				code, until, err := r.directory.MakeChatCode(cmd.Context(), actor(), n.chat, notices)
				if err != nil {
					return err
				}
				if n.json {
					return json.NewEncoder(p.Out).Encode(map[string]string{"chat": n.chat, "code": code.Reveal(), "expires_at": until.Format(time.RFC3339)})
				}
				fmt.Fprintf(p.Out, "Send this in the group or topic, before %s:\n\n/bind %s\n", until.Format(time.RFC3339), code.Reveal())
				return nil
			})
		},
	}
	c.Flags().StringVar(&n.chat, "chat", "", "your own name for the chat, as in PUT /v1/chats")
	c.Flags().StringVar(&n.notices, "notices", "", "types of document that it is told of, separated by commas; left out: as they are")
	c.Flags().BoolVar(&n.json, "json", false, `print {"chat":…,"code":…,"expires_at":…}`)
	return c
}

func chatsList(p process) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List group chats with what is wrong with them", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.onRecords(cmd, func(r *records) error {
				all, err := r.directory.Chats(cmd.Context())
				if err != nil {
					return err
				}
				return table(p.Out, "CHAT\tTITLE\tTELEGRAM\tTOPIC\tNOTICES\tHIDDEN\tSTATE", func(w io.Writer) {
					for _, c := range all {
						state := "well"
						switch {
						case c.Disabled:
							state = "disabled"
						case c.Fault != "":
							state = c.Fault
						}
						fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", c.ExternalID, c.Title, c.TelegramID, c.Thread, strings.Join(c.Notices, ","), strings.Join(c.Hidden, ","), state)
					}
				})
			})
		},
	}
}
