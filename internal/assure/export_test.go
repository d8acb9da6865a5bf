package assure

import "time"

// What tests of the arithmetic reach into.
var (
	TOTPOfStep = totp
	IsPIN      = isPIN
	IsWeak     = isWeak
	HashPIN    = hashPIN
)

// SamePIN reports whether a hash is that of the PIN.
func SamePIN(hashed, pin string) (bool, error) {
	h, err := readPIN(hashed)
	return err == nil && h.is(pin), err
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
