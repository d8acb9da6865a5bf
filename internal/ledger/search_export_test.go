package ledger

// Searches are the statements of a search by name, for those who look at their plans.
func Searches() (settings string, statements map[string]string) {
	return searchSettings, map[string]string{
		"many": searchMany, "near": searchNear, "deep": searchDeep, "number": searchNumber,
	}
}
