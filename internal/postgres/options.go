package postgres

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"time"
)

// Names that every cluster has.
const (
	Database  = "countersign"       // the service's database
	AdminRole = "countersign_admin" // superuser of a private cluster; makes roles and databases, nothing else
	OwnerRole = "countersign_owner" // owns the schema; migrations run as this role
	AppRole   = "countersign_app"   // serves; owns nothing
)

// MinMajor is the oldest major version of PostgreSQL that will do.
const MinMajor = 14

var (
	// ErrUnsupported comes back on systems where no private server can be run.
	ErrUnsupported = errors.New("no private PostgreSQL on this system: set database.url to a server of your own")
	// ErrNoServer comes back when no suitable server is on the machine and none could be fetched.
	ErrNoServer = errors.New("no suitable PostgreSQL server found")
	// ErrHeld comes back when another process holds the cluster and does not come up in time.
	ErrHeld = errors.New("another process holds the private database and does not answer")
	// ErrMoved comes back when the cluster that was joined is no longer to be had at the addresses given out.
	ErrMoved = errors.New("the private database is not the one that was joined; start this process anew")
	// ErrNotEntered comes back when the server's account may not enter a folder it needs.
	ErrNotEntered = errors.New("folder cannot be entered by the server's account")
)

// Options says which cluster to open and how. Only DataDir is required.
type Options struct {
	// DataDir is the data folder of the service; the cluster lives in DataDir/postgres.
	DataDir string
	// Finder looks for the server's programs; nil looks in PATH and the usual folders.
	Finder *Finder
	// Fetcher brings a private copy where the machine has no server; nil is the standard one.
	Fetcher *Fetcher
	// Test trades durability for speed and size: nothing is synced, little memory is taken.
	Test bool
	// Settings are further settings of the server; they win over the built-in ones.
	Settings map[string]string
	// JoinTimeout bounds the wait for another process that is starting the cluster; 2 minutes when zero.
	JoinTimeout time.Duration
	// Log hears what is done; nil is silence.
	Log *slog.Logger
	// ServerLog gets every line the server writes; nil keeps only the tail.
	ServerLog io.Writer
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.ServerLog == nil {
		o.ServerLog = io.Discard
	}
	if o.Finder == nil {
		o.Finder = &Finder{Path: os.Getenv("PATH"), Folders: UsualFolders()}
	}
	if o.Fetcher == nil {
		o.Fetcher = &Fetcher{Ways: StandardWays(), Log: o.Log}
	}
	if o.JoinTimeout == 0 {
		o.JoinTimeout = 2 * time.Minute
	}
	return o
}

// serverSettings are the settings the server is started with, in order; later ones win.
func (o Options) serverSettings() []string {
	s := []string{
		"listen_addresses=",
		"port=5432",
		"unix_socket_permissions=0700",
		"fsync=on",
		"synchronous_commit=on",
		"full_page_writes=on",
		"max_connections=100",
		"shared_buffers=128MB",
		"maintenance_work_mem=32MB",
		"max_wal_size=256MB",
		"jit=off",                           // latency spikes, and a large library that a fetched copy lacks
		"max_parallel_workers_per_gather=0", // containers give little shared memory
		"idle_in_transaction_session_timeout=10s",
		"timezone=UTC",
		"log_timezone=UTC",
		"logging_collector=off",
		"log_destination=stderr",
		"log_line_prefix=%m [%p] ",
		"log_min_error_statement=panic", // statements carry people's data
	}
	if o.Test {
		s = append(s,
			"fsync=off", "full_page_writes=off", // commits still outlive a killed server, if not a power cut
			"shared_buffers=16MB", "max_wal_size=64MB", "min_wal_size=32MB",
			"autovacuum=off", "checkpoint_timeout=1h", "max_wal_senders=0", "wal_level=minimal",
		)
	}
	for name, value := range o.Settings {
		s = append(s, name+"="+value)
	}
	return s
}
