package assure

import (
	"time"

	"countersign/internal/pin"
)

// What tests of the arithmetic reach into.
var (
	TOTPOfStep = totp
	IsPIN      = isPIN
	IsWeak     = pin.Weak
	HashPIN    = pin.Make
)

// SamePIN reports whether a hash is that of the PIN.
func SamePIN(hashed, typed string) (bool, error) {
	h, err := pin.Read(hashed)
	return err == nil && h.Is(typed), err
}

// StepOf finds the step of a code.
func StepOf(secret, code string, now time.Time) (int64, error) {
	raw, err := readTOTP(secret)
	if err != nil {
		return 0, err
	}
	return stepOf(raw, code, now), nil
}

// Hurry gives votes another time than the usual.
func Hurry(d *Desk, life time.Duration) { d.castLife = life }
