package courier

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"countersign/internal/approval"
	"countersign/internal/card"
)

// mostPosted is how many posted cards of one case are kept up to date. Each change of the
// case edits them all; the others go on saying as of when they are.
const mostPosted = 50

// Posted is a status card in a chat that nobody knows, as it was accepted.
type Posted struct {
	card.Posting

	No     int64
	Digest string // empty: not known, to be edited
	Fault  string
}

// Follow notes where a posted card stands. One that is known stays what it is, and is
// edited once more. It reports false when there are too many of the case.
func (s *Store) Follow(ctx context.Context, bot int64, p card.Posting) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `insert into inline_card (bot_id, inline_id, case_id, person_id, account, language, at)
		select $1, $2, $3, $4, $5, $6, now()
		where (select count(*) from inline_card where case_id = $3 and bot_id = $1) < $7
			or exists (select from inline_card where bot_id = $1 and inline_id = $2)
		on conflict (bot_id, inline_id) do update set digest = '', fault = ''`,
		bot, p.InlineID, p.Case, p.Person, p.Account, p.Language, mostPosted)
	if err != nil {
		return false, fmt.Errorf("posted card of %s: %w", p.Case, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Posted lists the posted cards of a case.
func (s *Store) Posted(ctx context.Context, bot int64, id approval.ID) ([]Posted, error) {
	rows, err := s.Pool.Query(ctx, `select no, inline_id, case_id, person_id, account, language, digest, fault from inline_card
		where case_id = $1 and bot_id = $2 order by no`, id, bot)
	if err != nil {
		return nil, fmt.Errorf("posted cards of %s: %w", id, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Posted, err error) {
		err = row.Scan(&p.No, &p.InlineID, &p.Case, &p.Person, &p.Account, &p.Language, &p.Digest, &p.Fault)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("posted cards of %s: %w", id, err)
	}
	return out, nil
}

// MarkPosted notes that a posted card is about to be edited, as Mark does of a message.
func (s *Store) MarkPosted(ctx context.Context, p Posted) (bool, error) {
	tag, err := s.Pool.Exec(ctx, `update inline_card set digest = '', fault = '' where no = $1 and digest = $2`, p.No, p.Digest)
	if err != nil {
		return false, fmt.Errorf("posted card %d: %w", p.No, err)
	}
	return tag.RowsAffected() == 1, nil
}

// EditedPosted notes what a posted card shows now, as Edited does of a message.
func (s *Store) EditedPosted(ctx context.Context, p Posted, digest string) (alone bool, err error) {
	err = s.Pool.QueryRow(ctx, `update inline_card set digest = case digest when '' then $2 else '' end, at = now()
		where no = $1 returning digest = $2`, p.No, digest).Scan(&alone)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) { // none: somebody else found it gone
		return false, fmt.Errorf("posted card %d: %w", p.No, err)
	}
	return alone, nil
}

// ForgetPosted drops a posted card that is no longer there.
func (s *Store) ForgetPosted(ctx context.Context, p Posted) error {
	if _, err := s.Pool.Exec(ctx, `delete from inline_card where no = $1`, p.No); err != nil {
		return fmt.Errorf("posted card %d: %w", p.No, err)
	}
	return nil
}

// FaultPosted notes why a posted card cannot be edited. It is tried again with the next
// change of the case.
func (s *Store) FaultPosted(ctx context.Context, p Posted, fault string) error {
	text := []rune(strings.ToValidUTF8(strings.ReplaceAll(fault, "\x00", ""), ""))
	if _, err := s.Pool.Exec(ctx, `update inline_card set fault = $2, at = now() where no = $1`, p.No, string(text[:min(len(text), 500)])); err != nil {
		return fmt.Errorf("posted card %d: %w", p.No, err)
	}
	return nil
}
