package asterisk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// SpoolFault is why call files cannot be put.
type SpoolFault int

// The faults.
const (
	SpoolBroken  SpoolFault = iota // none of the below
	SpoolMissing                   // there is no such folder
	SpoolDenied                    // nothing may be written there
	SpoolApart                     // files are made in another file system than Asterisk takes them from
	SpoolOwner                     // files may not be given to Asterisk
)

// SpoolError is a folder that call files cannot be put into.
type SpoolError struct {
	Fault  SpoolFault
	Folder string
	Err    error
}

func (e *SpoolError) Error() string {
	what := map[SpoolFault]string{
		SpoolBroken:  "call files cannot be put",
		SpoolMissing: "there is no such folder: make it, or name Asterisk's own in asterisk.spool",
		SpoolDenied:  "the gateway may not write there: let its user into the group of the folder, and the group write",
		SpoolApart:   "it is in another file system than the folder tmp beside it: share or mount the folder above both",
		SpoolOwner:   "the gateway may not give files to another user: leave asterisk.spool_owner empty and have a group in common, or run it with the right to",
	}
	return fmt.Sprintf("call files: %s: %s: %v", e.Folder, what[e.Fault], e.Err)
}

// Unwrap gives what lies below. It counts as refused: nobody is called.
func (e *SpoolError) Unwrap() []error { return []error{ErrRefused, e.Err} }

// unnamed is what went wrong with a file, and in which folder: the name of a call file is a
// telephone number, and errors go into the log.
func unnamed(err error) error {
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: link.Op, Path: filepath.Dir(link.New), Err: link.Err}
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: path.Op, Path: filepath.Dir(path.Path), Err: path.Err}
	}
	return err
}

// wrong says what is wrong with the folder.
func (s *Spool) wrong(err error) error {
	out := &SpoolError{Folder: s.Outgoing, Err: err}
	if path, ok := errors.AsType[*fs.PathError](err); ok && slices.Contains([]string{path.Path, filepath.Dir(path.Path)}, s.beside()) {
		out.Folder = s.beside()
	}
	chown, _ := errors.AsType[*fs.PathError](err)
	switch {
	case chown != nil && chown.Op == "chown":
		out.Fault = SpoolOwner
	case errors.Is(err, fs.ErrNotExist):
		out.Fault = SpoolMissing
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		out.Fault = SpoolDenied
	case errors.Is(err, syscall.EXDEV):
		out.Fault = SpoolApart
	}
	return out
}

func (s *Spool) wrongIf(err error) error {
	if err == nil {
		return nil
	}
	return s.wrong(err)
}

// Check tries whether files can be put, and calls nobody: what it moves into the folder is a
// folder, which Asterisk passes over.
func (s *Spool) Check() error {
	made, err := s.write("", time.Unix(0, 0))
	if err == nil {
		err = os.Remove(made)
	}
	if err != nil {
		return s.wrong(err)
	}
	if at, err := os.Stat(s.Outgoing); err != nil || !at.IsDir() {
		return s.wrong(errors.Join(err, fs.ErrNotExist))
	}
	probe, err := os.MkdirTemp(s.beside(), filePart+"probe-")
	if err != nil {
		return s.wrong(err)
	}
	there := filepath.Join(s.Outgoing, filepath.Base(probe))
	if err := os.Rename(probe, there); err != nil {
		return errors.Join(s.wrong(err), os.Remove(probe))
	}
	if err := os.Remove(there); err != nil {
		return s.wrong(err)
	}
	return nil
}
