package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"countersign/internal/assure"
	"countersign/internal/audiodesk"
	"countersign/internal/chat"
	"countersign/internal/console"
	"countersign/internal/directory"
	"countersign/internal/erp"
	"countersign/internal/handout"
	"countersign/internal/hook"
	"countersign/internal/inbox"
	"countersign/internal/journal"
	"countersign/internal/ledger"
	"countersign/internal/link"
	"countersign/internal/meet"
	"countersign/internal/notice"
	"countersign/internal/pace"
	"countersign/internal/roster"
	"countersign/internal/videodesk"
	"countersign/internal/videowatch"
)

// duties are jobs of the queue that look after the rest. Each looks for what is due, so
// that one that was missed is made good by the next.
type duties struct {
	pool    *pgxpool.Pool
	ledger  *ledger.DB
	inbox   *inbox.Inbox
	dialogs *chat.Dialogs
	pace    *pace.Pace
	erp     *erp.Door
	hook    *hook.Hook
	links   *link.Store
	console *console.Store
	assure  *assure.Store
	notices *notice.Store
	roster  *roster.Sync // nil: people come by other ways
	video   *videodesk.Store
	watch   *videowatch.Store
	audio   *audiodesk.Desk

	directory *directory.Store
	handout   *handout.Store
	tellChats func(context.Context) error // which groups are lost, or well again
	log       *slog.Logger

	meet         *meet.Desk
	journal      *journal.Store
	keep         journal.Keep
	syncEvery    time.Duration
	tellDeputies func(ctx context.Context) error
	digests      func(ctx context.Context) error // what waits for whom, once a day
}

// keepUpdates is how long a settled update is kept: Telegram repeats one for a day.
const keepUpdates = 7 * 24 * time.Hour

// keepDeliveries is how far back the log of webhooks goes, and what can be sent again.
const keepDeliveries = 90 * 24 * time.Hour

// keepAttempts is how far back attempts to tie an account, and sessions, can be looked at.
const keepAttempts = 90 * 24 * time.Hour

// keepDoor is how far back it can be looked up who signed in to the console and who was
// turned away. The database gives up nothing that is younger than a year.
const keepDoor = 366 * 24 * time.Hour

// jobTime is for the longest: a company's directory may have many pages.
const jobTime = 10 * time.Minute

type recheckArgs struct{}

// Kind names the job.
func (recheckArgs) Kind() string { return "recheck_blocked" }

type indexArgs struct{}

// Kind names the job.
func (indexArgs) Kind() string { return "index_documents" }

type purgeArgs struct{}

// Kind names the job.
func (purgeArgs) Kind() string { return "purge" }

type tellArgs struct{}

// Kind names the job.
func (tellArgs) Kind() string { return "tell_chats" }

type standInArgs struct{}

// Kind names the job.
func (standInArgs) Kind() string { return "stand_in" }

type digestArgs struct{}

// Kind names the job.
func (digestArgs) Kind() string { return "digests" }

type syncArgs struct{}

// Kind names the job.
func (syncArgs) Kind() string { return "workspace_sync" }

func (d *duties) run(ctx context.Context) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[recheckArgs]) error {
		_, err := d.ledger.Recheck(ctx)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[standInArgs]) error {
		return errors.Join(d.ledger.StandIn(ctx), d.tellDeputies(ctx))
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[indexArgs]) error {
		_, err := d.ledger.Index(ctx)
		return err
	}))
	river.AddWorker(workers, river.WorkFunc(d.purge))
	river.AddWorker(workers, river.WorkFunc(d.sweepMeetings))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[syncArgs]) error { return d.syncWorkspace(ctx) }))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[tellArgs]) error { return d.tellChats(ctx) }))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, _ *river.Job[digestArgs]) error { return d.digests(ctx) }))
	jobs := []*river.PeriodicJob{
		periodic(time.Minute, recheckArgs{}), periodic(time.Minute, standInArgs{}), periodic(time.Minute, tellArgs{}),
		periodic(time.Minute, indexArgs{}), periodic(time.Minute, digestArgs{}), periodic(time.Hour, purgeArgs{}),
		periodic(sweepEvery, meetArgs{}),
	}
	if d.roster != nil {
		jobs = append(jobs, periodic(d.syncEvery, syncArgs{}))
	}
	client, err := river.NewClient(riverpgxv5.New(d.pool), &river.Config{
		Logger:  slog.New(quiet{d.log.Handler()}),
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Workers: workers, PeriodicJobs: jobs, JobTimeout: jobTime,
	})
	if err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	for err = client.Start(ctx); err != nil; err = client.Start(ctx) { // the database may be away for a moment
		if ctx.Err() != nil {
			return nil
		}
		d.log.WarnContext(ctx, "job queue not started yet", slog.Any("error", err))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return client.Stop(stop)
}

func periodic(every time.Duration, args river.JobArgs) *river.PeriodicJob {
	once := &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: every}}
	return river.NewPeriodicJob(river.PeriodicInterval(every), func() (river.JobArgs, *river.InsertOpts) { return args, once }, nil)
}

// purge forgets what is older than it is kept. Each part is done whatever becomes of the others.
func (d *duties) purge(ctx context.Context, _ *river.Job[purgeArgs]) error {
	ago := func(keep time.Duration) time.Time { return time.Now().Add(-keep) }
	return errors.Join(
		fault(d.inbox.Purge(ctx, ago(keepUpdates))),
		fault(d.dialogs.Purge(ctx, ago(keepUpdates))),
		fault(d.erp.Tidy(ctx)),
		fault(d.links.Purge(ctx, keepAttempts)),
		d.console.Purge(ctx, console.Keep{Sessions: keepAttempts, Journal: keepDoor}),
		fault(d.assure.Purge(ctx, keepAttempts)),
		fault(d.notices.Purge(ctx, keepDeliveries)),
		d.directory.PurgeCodes(ctx, ago(keepAttempts)),
		d.handout.Purge(ctx, ago(keepAttempts)),
		d.meet.Purge(ctx, ago(keepAttempts)),
		fault(d.pace.Sweep(ctx)),
		fault(d.journal.Purge(ctx, d.keep)),
		fault(d.video.Purge(ctx)),
		fault(d.watch.Purge(ctx, keepAttempts)),
		d.audio.Purge(ctx, keepAttempts),
		fault(d.hook.Purge(ctx, ago(keepDeliveries))), // last: the first time there may be much to do
	)
}

// fault is what went wrong, without how much was done.
func fault[N int | int64](_ N, err error) error { return err }

// quiet lets through what the queue warns of, not what it does.
type quiet struct{ slog.Handler }

// Enabled says whether a record is worth writing.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs keeps quiet.
func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }

// WithGroup keeps quiet.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
