package google

import (
	"encoding/json"

	admin "google.golang.org/api/admin/directory/v1"
)

// ReadAccount makes an account of what Google says of a user.
func ReadAccount(text []byte) (Account, error) {
	var u admin.User
	if err := json.Unmarshal(text, &u); err != nil {
		return Account{}, err
	}
	return account(&u), nil
}
