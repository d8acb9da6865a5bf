// Package postgres owns the private database server: it finds or fetches the
// server's programs, makes a cluster under the data folder, runs it for as
// long as the process lives, and tells the two roles of the service apart
// (the owner of the schema, and the role that serves and owns nothing).
// It also reads the settings of any server at boot and says which of them
// would lose a decision, and what a role lacks that is to serve.
//
// One process owns the cluster. Others that open the same data folder as the
// same user join it: they get the addresses and stop nothing. When the owner
// ends, the connections of those who joined break, and one of those that are
// in Run becomes the owner, at the same addresses.
//
// It leaves tables, grants on them and migrations to the packages that own
// the tables, and pools to their users.
package postgres
