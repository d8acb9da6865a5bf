package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/internal/assure"
	"countersign/internal/directory"
	"countersign/internal/link"
	"countersign/internal/locale"
	"countersign/internal/notice"
	"countersign/internal/people"
	"countersign/internal/roster"
	"countersign/web"
)

func usersList(p process) *cobra.Command {
	var links bool
	c := &cobra.Command{
		Use: "list", Short: "List people with their roles, or with the state of their links", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.onRecords(cmd, func(r *records) error {
				all, err := r.directory.Users(cmd.Context())
				switch {
				case err != nil:
					return err
				case links:
					return listLinks(cmd.Context(), p.Out, r, all)
				default:
					return listUsers(p.Out, all)
				}
			})
		},
	}
	c.Flags().BoolVar(&links, "links", false, "show by which accounts each person acts, and whether they may decide")
	return c
}

func listUsers(out io.Writer, all []directory.Entry) error {
	return table(out, "EXTERNAL ID\tNAME\tEMAIL\tROLES\tACTIVE\tTELEGRAM", func(w io.Writer) {
		for _, e := range all {
			var roles []string
			for _, role := range e.Roles {
				roles = append(roles, role.String())
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%t\t%s\n", e.ExternalID, e.Name, e.Email, strings.Join(roles, "|"), e.Active, e.LinkState)
		}
	})
}

// listLinks prints the state of every link.
func listLinks(ctx context.Context, out io.Writer, r *records, all []directory.Entry) error {
	identities, err := r.directory.Identities(ctx)
	if err != nil {
		return err
	}
	past := map[people.ID][]directory.PastLink{}
	for _, e := range all {
		if e.LinkState != directory.Unlinked {
			continue
		}
		if past[e.ID], err = r.directory.Links(ctx, e.ID); err != nil {
			return err
		}
	}
	now := time.Now()
	return table(out, "EXTERNAL ID\tSTATE\tTELEGRAM\tSEEN AS\tBY\tSINCE\tPROVED\tLOGIN", func(w io.Writer) {
		for _, e := range all {
			logins := make([]string, 0, len(identities[e.ID]))
			for _, i := range identities[e.ID] {
				logins = append(logins, i.Email+" at "+i.Issuer)
			}
			account := "-"
			if e.Link.ID != 0 {
				account = fmt.Sprint(e.Link.Account)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.ExternalID, linkState(e, past[e.ID], now, r.ledger.LoginLife), account, dash(e.Link.SeenAs),
				dash(string(e.Link.How)), moment(e.Link.At), moment(e.Link.Proved), dash(strings.Join(logins, ", ")))
		}
	})
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

// linkState is how somebody stands, so that a reader knows what to do about it. Of the links
// that he had, the last one says why he has none.
func linkState(e directory.Entry, past []directory.PastLink, now time.Time, life time.Duration) string {
	switch err := e.Power.Decides(now, life); {
	case !e.Active:
		return "left: " + e.DeactivatedWhy
	case !e.FrozenAt.IsZero():
		return "frozen: " + e.FrozenWhy
	case e.LinkState == directory.NeverLinked:
		return "never linked"
	case e.Link.ID == 0:
		return unlinked(past)
	case errors.Is(err, people.ErrUnconfirmed):
		return `waits for "users confirm"`
	case errors.Is(err, people.ErrCoolingOff):
		return "can decide from " + moment(e.Power.From)
	case errors.Is(err, people.ErrLoginOld):
		return "must log in again"
	default:
		return "can decide"
	}
}

func unlinked(past []directory.PastLink) string {
	if len(past) == 0 { // linked since
		return "unlinked"
	}
	last := past[len(past)-1]
	if last.EndedBy == roster.Actor { // it unlinks whom it may not deactivate
		return "left, held back until there is a successor: " + last.Why
	}
	return "unlinked: " + last.Why
}

func usersDeactivate(p process) *cobra.Command {
	return p.personCommand("deactivate EXTERNAL_ID", "End somebody's link and rights at once", needsReason, func(r *records, cmd *cobra.Command, id, reason string) error {
		named, err := r.ledger.Leave(cmd.Context(), actor(), id, reason)
		for _, step := range named {
			fmt.Fprintf(p.Out, "still named by %s\n", step)
		}
		return err
	})
}

// linkCommands are what administrators do to links.
func linkCommands(p process) []*cobra.Command {
	forget := p.personCommand("forget EXTERNAL_ID", "Unbind somebody's login: the next one finds him by his address again", needsReason, func(r *records, cmd *cobra.Command, id, reason string) error {
		issuer, err := cmd.Flags().GetString("issuer")
		if err == nil {
			err = needed("issuer", issuer)
		}
		if err != nil {
			return err
		}
		return r.directory.Forget(cmd.Context(), actor(), id, issuer, reason)
	})
	forget.Flags().String("issuer", "https://accounts.google.com", "the login service, as users list --links shows it")
	return []*cobra.Command{
		forget,
		p.personCommand("confirm EXTERNAL_ID", "Let a link decide that waits for an administrator, or for time to pass", "", func(r *records, cmd *cobra.Command, id, _ string) error {
			l, err := r.directory.Confirm(cmd.Context(), actor(), id)
			if err == nil {
				fmt.Fprintf(p.Out, "%s decides with Telegram account %d\n", id, l.Account)
			}
			return err
		}),
		p.personCommand("freeze EXTERNAL_ID", "Take somebody's Telegram account from him at once, and let him have none", needsReason, func(r *records, cmd *cobra.Command, id, reason string) error {
			d := &link.Desk{
				Directory: r.directory, Notices: &notice.Store{Pool: r.pool, Bell: r.bell}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
				Redraw: func(context.Context, people.ID) error { return nil }, // as after each of these commands
			}
			f, err := d.Freeze(cmd.Context(), actor(), id, reason)
			if err == nil && f.Already {
				fmt.Fprintf(p.Out, "%s was frozen before\n", id)
			}
			return err
		}),
		p.personCommand("unfreeze EXTERNAL_ID", "Let somebody be linked again", "", func(r *records, cmd *cobra.Command, id, _ string) error {
			return r.directory.Unfreeze(cmd.Context(), actor(), id)
		}),
		p.personCommand("reset EXTERNAL_ID", "Take from somebody the PIN, the codes and the passkeys he confirms with: they are lost", "", func(r *records, cmd *cobra.Command, id, _ string) error {
			e, err := r.directory.User(cmd.Context(), id)
			if err != nil {
				return err
			}
			texts, err := locale.Load(web.Locales())
			if err != nil {
				return err
			}
			told := func(context.Context, int64, string) {} // the gateway is not here to write
			d := &assure.Desk{Store: &assure.Store{Pool: r.pool}, Directory: r.directory, Texts: texts, Tell: told, Log: slog.New(slog.DiscardHandler)}
			return d.Reset(cmd.Context(), actor(), e.ID)
		}),
		p.personCommand("detach EXTERNAL_ID", "Forget which account of Google Workspace somebody is: the next sync finds him by his login or his address again", needsReason, func(r *records, cmd *cobra.Command, id, reason string) error {
			return r.directory.Detach(cmd.Context(), actor(), id, reason)
		}),
		p.personCommand("unlink EXTERNAL_ID", "End somebody's link", needsReason, func(r *records, cmd *cobra.Command, id, reason string) error {
			return r.directory.UnlinkUser(cmd.Context(), actor(), id, reason)
		}),
	}
}

const needsReason = "why, for the journal"

// personCommand is an act on one person, after which what has to do with him is shown anew.
func (p process) personCommand(use, short, why string, act func(r *records, cmd *cobra.Command, id, reason string) error) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if why != "" {
				if err := needed("reason", reason); err != nil {
					return err
				}
			}
			return p.onRecords(cmd, func(r *records) error {
				if err := act(r, cmd, args[0], reason); err != nil {
					return err
				}
				_, err := r.ledger.PeopleChanged(cmd.Context(), args[0])
				return err
			})
		},
	}
	if why != "" {
		c.Flags().StringVar(&reason, "reason", "", why)
	}
	return c
}
