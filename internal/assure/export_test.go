package assure

import "time"

// What tests of the arithmetic reach into.
var (
	TOTPOfStep = totp
	IsPIN      = isPIN
	IsWeak     = isWeak
	HashPIN    = hashPIN
	SamePIN    = samePIN
)

// StepOf finds the step of a code.
func StepOf(secret, code string, now time.Time) (int64, error) { return stepOf(secret, code, now) }
