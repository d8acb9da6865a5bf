package asterisk

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Spool has phones called through call files, where Asterisk and the gateway share a folder.
// It may be used by several processes at once.
//
// The file of a number stands in the outgoing folder from [Spool.Put] until the call is over:
// Asterisk removes it, or moves it to outgoing_done, at the hang-up. While it stands there no
// second one for the number can be put there, by whichever process. So a call in progress is
// known by its file, and by nothing else. What the file cannot tell:
//
//   - whether Asterisk runs. One that does not calls when it starts, however late.
//   - whether Asterisk liked it. A file that it cannot read or understand it removes at once,
//     with a line in its log; the call then looks like one that is over.
//   - what became of the call. The events tell, as of any call; without a connection, nothing.
//   - that a call was cut off. An Asterisk that was killed in the middle of one finds the file
//     when it starts, and calls again, the ringing and five minutes after the first time.
//   - other calls to the number, as by [Client.Originate]: they have no file.
type Spool struct {
	Outgoing string // Asterisk's folder, as /var/spool/asterisk/outgoing
	Beside   string // where files are made, in the same file system; "tmp" beside Outgoing when empty
	Owner    int    // numeric, of the files; 0 leaves it as it is
	Group    int    // numeric, of the files; 0 leaves it as it is
	Mode     fs.FileMode
	Archive  bool // Asterisk keeps files of calls that are over
	Now      func() time.Time
}

const (
	ownMode  = 0o660 // Asterisk writes its attempts into the file
	filePart = "countersign-"
	fileEnd  = ".call"
	stale    = time.Hour // what was being made for so long was left behind by a kill
)

// Put has a call made. [ErrInProgress] says that one to the number is waiting or going on.
func (s *Spool) Put(c Call) error {
	o, err := c.Originate()
	if err != nil {
		return err
	}
	text, err := s.text(o)
	if err != nil {
		return err
	}
	busy, err := s.InProgress(c.Number)
	switch {
	case err != nil:
		return err
	case busy:
		return ErrInProgress
	}
	if err := s.sweep(); err != nil {
		return err
	}
	made, err := s.write(text)
	if err != nil {
		return fmt.Errorf("call file: %w", err)
	}
	err = renameNew(made, s.file(c.Number))
	if err != nil {
		err = errors.Join(err, os.Remove(made))
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return ErrInProgress
	case err != nil:
		return fmt.Errorf("call file: %w", err)
	}
	return syncFolder(s.Outgoing)
}

// InProgress tells whether a call to the number is waiting or going on, as far as files tell.
func (s *Spool) InProgress(number string) (bool, error) {
	if err := (checked{"Number", number, isNumber, "must be 2 to 15 digits, after a + or not"}).check(); err != nil {
		return false, err
	}
	_, err := os.Lstat(s.file(number))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Withdraw takes a call file away: a call that has not begun is not made, now or when Asterisk
// starts. One that goes on goes on, and is not known by its file any more.
func (s *Spool) Withdraw(number string) error {
	if err := (checked{"Number", number, isNumber, "must be 2 to 15 digits, after a + or not"}).check(); err != nil {
		return err
	}
	if err := os.Remove(s.file(number)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("call file: %w", err)
	}
	return nil
}

// file is the one name that a number has, with a + or without.
func (s *Spool) file(number string) string {
	return filepath.Join(s.Outgoing, filePart+strings.TrimPrefix(number, "+")+fileEnd)
}

func (s *Spool) beside() string {
	return cmp.Or(s.Beside, filepath.Join(filepath.Dir(s.Outgoing), "tmp"))
}

// write makes the file whole, as Asterisk may read it and with what it may read it.
func (s *Spool) write(text string) (name string, err error) {
	f, err := os.CreateTemp(s.beside(), filePart+"*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.WriteString(text)
	if err == nil && (s.Owner != 0 || s.Group != 0) {
		err = f.Chown(orSame(s.Owner), orSame(s.Group))
	}
	if err == nil {
		err = f.Chmod(cmp.Or(s.Mode, ownMode))
	}
	if err == nil {
		err = f.Sync()
	}
	return f.Name(), errors.Join(err, f.Close())
}

func orSame(id int) int {
	if id == 0 {
		return -1
	}
	return id
}

// sweep removes what a process that was killed left half made.
func (s *Spool) sweep() error {
	left, err := filepath.Glob(filepath.Join(s.beside(), filePart+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if at, err := os.Lstat(name); err == nil && s.Now().Sub(at.ModTime()) > stale {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("call file left behind: %w", err)
			}
		}
	}
	return nil
}

// syncFolder has a file's place outlive a power cut.
func syncFolder(name string) error {
	d, err := os.Open(name) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// text is what the file holds. No value can end its line, and none has what begins a comment.
func (s *Spool) text(o Originate) (string, error) {
	lines := []field{
		{"Channel", o.Channel},
		{"CallerID", callerID(o)},
		{"MaxRetries", "0"},
		{"WaitTime", fmt.Sprint(int(o.Timeout.Seconds()))},
		{"Account", account + o.Job},
		{"Context", o.Context},
		{"Extension", o.Exten},
		{"Priority", fmt.Sprint(o.Priority)},
	}
	for _, v := range o.Variables {
		lines = append(lines, field{"Setvar", v.Name + "=" + v.Value.Reveal()})
	}
	if s.Archive {
		lines = append(lines, field{"Archive", "yes"})
	}
	var b strings.Builder
	for _, l := range lines {
		if !writable(l.value) {
			return "", &FieldError{l.key, "must be text without line breaks and other control characters"}
		}
		b.WriteString(l.key + ": " + l.value + "\n")
	}
	return b.String(), nil
}

// linkNew gives a file a new name unless there is one of that name, and takes the old one
// away: of two processes one succeeds.
func linkNew(from, to string) error {
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
