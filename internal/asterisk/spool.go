package asterisk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Spool is the folder through which Asterisk takes call files, where it and the gateway share
// one. It may be used by several processes at once; [Options.Spool] has a client call by it.
//
// A file is made beside the folder, and put there in one step, under the name of the number:
// while it stands there no second one for the number can be put there, by whichever process.
// Asterisk takes it away at the hang-up, into the folder outgoing_done where there is one. The
// file says until when the phone may begin to ring, and the dialplan holds to it. So neither
// an Asterisk that was away, nor one that was killed in a call and finds the file again when
// it starts, rings anybody late or twice.
type Spool struct {
	Outgoing string // Asterisk's folder, as /var/spool/asterisk/outgoing; "tmp" beside it is where files are made
	Owner    int    // numeric, of the files; 0 leaves it as it is
	Group    int    // numeric, of the files; 0 leaves it as it is
}

const (
	filePart = "countersign-"
	fileEnd  = ".call"
	fileMode = 0o660     // Asterisk writes its attempts into the file
	stale    = time.Hour // what is older, of what was being made or is over, is removed
	mostFile = 16 << 10
)

// put has a call made. The times are by Asterisk's clock. [ErrInProgress] says that a file
// of the number is there.
func (s *Spool) put(o Originate, now, until time.Time) error {
	text, err := s.text(o, until)
	if err != nil {
		return err
	}
	if err := s.sweep(s.beside(), now); err != nil {
		return s.wrong(err)
	}
	made, err := s.write(text, now)
	if err != nil {
		return s.wrong(err)
	}
	err = renameNew(made, s.file(o.target()))
	if err != nil {
		err = errors.Join(err, os.Remove(made))
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return ErrInProgress
	case err != nil:
		return s.wrong(err)
	}
	return syncFolder(s.Outgoing)
}

// filed is what a call file says.
type filed struct {
	name   string
	job    string
	until  time.Time // the phone may begin to ring
	status string    // of one that is over: "Completed", or why not
}

// look reads a file; false: there is none.
func look(name string) (filed, bool, error) {
	f, err := os.Open(name) //nolint:gosec // of the operator's folder
	if errors.Is(err, fs.ErrNotExist) {
		return filed{}, false, nil
	}
	if err != nil {
		return filed{}, false, unnamed(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	out := filed{name: name}
	lines := bufio.NewScanner(io.LimitReader(f, mostFile))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case key == "Account":
			out.job = accounted(value)
		case key == "Setvar" && strings.HasPrefix(value, VariableUntil+"="):
			n, err := strconv.ParseInt(strings.TrimPrefix(value, VariableUntil+"="), 10, 64)
			if err == nil {
				out.until = time.Unix(n, 0)
			}
		case key == "Status":
			out.status = value
		}
	}
	return out, true, unnamed(lines.Err())
}

// all reads our files of a folder.
func (s *Spool) all(folder string) ([]filed, error) {
	names, err := filepath.Glob(filepath.Join(folder, filePart+"*"+fileEnd))
	if err != nil {
		return nil, err
	}
	var out []filed
	var faults []error
	for _, name := range names {
		f, there, err := look(name)
		if there && err == nil {
			out = append(out, f)
		}
		faults = append(faults, err)
	}
	return out, errors.Join(faults...)
}

// withdraw takes a file away: a call that has not begun is not made, now or when Asterisk
// starts. It is moved aside first: if it is another one by then, it is put back.
func (s *Spool) withdraw(f filed) error {
	aside := filepath.Join(s.beside(), filePart+"withdrawn-"+f.job)
	err := os.Rename(f.name, aside)
	if _, gone := os.Lstat(f.name); err != nil && errors.Is(gone, fs.ErrNotExist) {
		return nil
	}
	if err != nil { // perhaps it is tmp that is not there
		return s.wrong(unnamed(err))
	}
	if now, _, err := look(aside); err != nil || now.job != f.job {
		return s.wrongIf(errors.Join(err, renameNew(aside, f.name)))
	}
	if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.wrong(err)
	}
	return nil
}

// file is the one name that a number has, with a + or without.
func (s *Spool) file(number string) string {
	return filepath.Join(s.Outgoing, filePart+strings.TrimPrefix(number, "+")+fileEnd)
}

func (s *Spool) beside() string { return filepath.Join(filepath.Dir(s.Outgoing), "tmp") }

// done is where Asterisk keeps files of calls that are over, if there is such a folder.
func (s *Spool) done() string { return filepath.Join(filepath.Dir(s.Outgoing), "outgoing_done") }

// target is the number that is called, or another name of whom: good for a file's name.
func (o Originate) target() string {
	_, to, _ := strings.Cut(o.Channel, "/")
	to, _, _ = strings.Cut(to, "@")
	if isNumber(to) || isJob(to) {
		return to
	}
	return o.Job
}

// write makes the file whole, as Asterisk may read it and with what it may read it.
func (s *Spool) write(text string, now time.Time) (name string, err error) {
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
	if err == nil {
		err = f.Sync()
	}
	if err == nil { // one of the future waits for its time
		err = os.Chtimes(f.Name(), now, now)
	}
	if err == nil {
		err = f.Chmod(fileMode)
	}
	if err == nil && (s.Owner != 0 || s.Group != 0) {
		err = f.Chown(orSame(s.Owner), orSame(s.Group))
	}
	return f.Name(), errors.Join(err, f.Close())
}

func orSame(id int) int {
	if id == 0 {
		return -1
	}
	return id
}

// sweep removes from a folder what a process that was killed left half made, and what is over
// for long.
func (s *Spool) sweep(folder string, now time.Time) error {
	left, err := filepath.Glob(filepath.Join(folder, filePart+"*"))
	if err != nil {
		return err
	}
	for _, name := range left {
		if at, err := os.Lstat(name); err == nil && at.Mode().IsRegular() && now.Sub(at.ModTime()) > stale {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return unnamed(err)
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
func (s *Spool) text(o Originate, until time.Time) (string, error) {
	lines := []field{
		{"Channel", o.Channel},
		{"CallerID", callerID(o)},
		{"MaxRetries", "0"},
		{"WaitTime", fmt.Sprint(int(o.Timeout.Seconds()))},
		{"Account", account + o.Job},
		{"Context", o.Context},
		{"Extension", o.Exten},
		{"Priority", fmt.Sprint(o.Priority)},
		{"Setvar", VariableUntil + "=" + strconv.FormatInt(until.Unix(), 10)},
	}
	for _, v := range o.Variables {
		lines = append(lines, field{"Setvar", v.Name + "=" + v.Value.Reveal()})
	}
	if at, err := os.Stat(s.done()); err == nil && at.IsDir() {
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
		return unnamed(err)
	}
	return unnamed(os.Remove(from))
}
