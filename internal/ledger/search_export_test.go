package ledger

// Searches are the statements of a search by name, for those who look at their plans.
func Searches() (settings string, statements map[string]string) {
	return searchSettings, map[string]string{
		"many": searchMany, "near": searchNear, "deep": searchDeep, "number": searchNumber,
	}
}

// Listing is the statement of a list, for those who look at its plan.
func Listing(l List) (settings, sql string) { return searchSettings, listSQL(l) }
