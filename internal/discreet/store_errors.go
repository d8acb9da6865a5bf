package discreet

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// refused is what the database says.
type refused = *pgconn.PgError

// database keeps the code, and the names of what is ours: a message repeats values.
func database(e refused) string {
	return strings.Join(strings.Fields("database "+e.Code+" "+e.TableName+" "+e.ColumnName+" "+e.ConstraintName), " ")
}
