//go:build !linux

package asterisk

// renameNew gives a file a new name unless there is one of that name.
func renameNew(from, to string) error { return linkNew(from, to) }
