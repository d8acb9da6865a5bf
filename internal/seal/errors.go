package seal

import "errors"

// Errors that callers tell apart. None ever holds key material.
var (
	// ErrMissing: there is no key file.
	ErrMissing = errors.New("the key file is missing")
	// ErrUnreadable: the key file cannot be read or written by the account that runs.
	ErrUnreadable = errors.New("the key file is out of reach")
	// ErrExposed: accounts other than its owner may read the key file.
	ErrExposed = errors.New("other accounts may reach the key file")
	// ErrGarbage: the key file holds something else than keys for sealing.
	ErrGarbage = errors.New("the key file holds no keyset for sealing")
	// ErrForeign: the key file is not the one with which this database was sealed.
	ErrForeign = errors.New("the key file is not that of this database")
	// ErrUnknownKey: it was sealed under a key that the key file does not hold.
	ErrUnknownKey = errors.New("sealed under a key that is not in the key file")
	// ErrRefused: it was changed, or sealed for another place.
	ErrRefused = errors.New("the seal is broken: changed, or moved from another place")
	// ErrNotSealed: it is too short to be sealed, or was made by something else.
	ErrNotSealed = errors.New("not a sealed value")
	// ErrPlace: table, column and row must all be named.
	ErrPlace = errors.New("no place to seal for")
	// ErrNoSeal: there is no seal here, and the value needs one.
	ErrNoSeal = errors.New("no key file is open here")
)
