package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"
)

// Layout says where things lie inside a fetched copy, relative to its folder.
type Layout struct {
	Bin       string   `json:"bin"`
	Libraries []string `json:"libraries,omitempty"`
}

// Way is one way to bring a server.
type Way struct {
	// Name tells people what is tried; it also names the copy's folder.
	Name string
	// Major is the version it brings; 0 when any can be asked for.
	Major int
	// Fetch unpacks a server into an empty folder.
	Fetch func(ctx context.Context, folder string, major int) (Layout, error)
}

// Fetcher brings a private copy of the server's programs into a cache. Nothing
// is installed: the copy is a folder, and removing the folder removes it.
type Fetcher struct {
	// Cache is the folder of copies; empty picks the user's, or one that the server's account can reach.
	Cache string
	// Ways are tried in order.
	Ways []Way
	// Log hears what is fetched and where it goes; nil is silence.
	Log *slog.Logger
}

const fetchLimit = 15 * time.Minute

// layoutFile marks a copy that is whole.
const layoutFile = "countersign.json"

// fetch returns a cached copy or brings one. The error of the search before it is part of its own.
func (f *Fetcher) fetch(ctx context.Context, major int, a account, searched error) (Binaries, error) {
	log := f.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cache, err := f.folder(a)
	if err != nil {
		return Binaries{}, errors.Join(searched, err)
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // programs, for the server's account to run
		return Binaries{}, errors.Join(searched, err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	unlock, err := lockCache(ctx, cache)
	if err != nil {
		return Binaries{}, errors.Join(searched, err)
	}
	defer unlock()
	if b, err := cached(ctx, cache, major); err == nil {
		return b, nil
	}
	failed := []error{searched}
	for _, way := range f.Ways {
		if major != 0 && way.Major != 0 && way.Major != major {
			failed = append(failed, fmt.Errorf("%s brings version %d, the cluster was made by %d", way.Name, way.Major, major))
			continue
		}
		log.WarnContext(ctx, "no PostgreSQL on this machine: fetching a private copy", "way", way.Name, "into", cache)
		b, err := bring(ctx, way, cache, major)
		if err == nil {
			log.InfoContext(ctx, "private copy of PostgreSQL is ready", "folder", b.Dir, "postgres", b.Version)
			return b, nil
		}
		log.WarnContext(ctx, "this way did not work", "way", way.Name, "error", err)
		failed = append(failed, fmt.Errorf("%s: %w", way.Name, err))
	}
	return Binaries{}, errors.Join(append(failed, errors.New(advice))...)
}

const advice = `install PostgreSQL 14 or newer, or set database.url to a server of your own:
  Debian, Ubuntu:   apt-get install postgresql
  Fedora, RHEL:     dnf install postgresql-server postgresql-contrib
  Alpine:           apk add postgresql postgresql-contrib
  macOS:            brew install postgresql@17, or Postgres.app
  Windows:          only with database.url; the installer from postgresql.org makes such a server`

// folder picks a cache that the server's account can enter.
func (f *Fetcher) folder(a account) (string, error) {
	var tried []string
	places := []string{f.Cache}
	if f.Cache == "" {
		places = nil
		if dir, err := os.UserCacheDir(); err == nil {
			places = append(places, filepath.Join(dir, "countersign", "postgres"))
		}
		if a.drop {
			places = append(places, "/var/cache/countersign/postgres") // root's own is closed to others
		}
	}
	for _, dir := range places {
		at := blockedAt(dir, a)
		if at == "" {
			return dir, nil
		}
		tried = append(tried, at)
	}
	return "", fmt.Errorf("cache for a private copy: user %s: %w: %q", a.name, ErrNotEntered, tried)
}

// lockCache lets one process at a time fetch; the others then find its copy.
func lockCache(ctx context.Context, cache string) (func(), error) {
	for {
		lock, err := lockFile(filepath.Join(cache, "lock"))
		if err != nil {
			return nil, err
		}
		if lock != nil {
			return func() { _ = lock.Close() }, nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("another process fetches into %s: %w", cache, err)
		}
	}
}

// cached finds the newest copy that is whole and runs.
func cached(ctx context.Context, cache string, major int) (Binaries, error) {
	marks, err := filepath.Glob(filepath.Join(cache, "*", layoutFile))
	if err != nil {
		return Binaries{}, err
	}
	var best Binaries
	for _, mark := range marks {
		b, err := open(ctx, filepath.Dir(mark))
		if err == nil && b.Major >= MinMajor && (major == 0 || b.Major == major) && newer(b.Version, best.Version) {
			best = b
		}
	}
	if best.Dir == "" {
		return best, fs.ErrNotExist
	}
	return best, nil
}

// open reads a copy's layout and tries the server.
func open(ctx context.Context, folder string) (Binaries, error) {
	content, err := os.ReadFile(filepath.Join(folder, layoutFile)) //nolint:gosec // a file of ours
	if err != nil {
		return Binaries{}, err
	}
	var at Layout
	if err := json.Unmarshal(content, &at); err != nil {
		return Binaries{}, fmt.Errorf("%s: %w", filepath.Join(folder, layoutFile), err)
	}
	b := Binaries{Dir: filepath.Join(folder, at.Bin)}
	for _, dir := range at.Libraries {
		b.Libraries = append(b.Libraries, filepath.Join(folder, dir))
	}
	return probe(ctx, b)
}

// bring fetches into a side folder, tries the server there, and moves it into place when it runs.
func bring(ctx context.Context, way Way, cache string, major int) (Binaries, error) {
	side, err := os.MkdirTemp(cache, "fetching-*")
	if err != nil {
		return Binaries{}, err
	}
	defer os.RemoveAll(side)
	if err := os.Chmod(side, 0o755); err != nil { //nolint:gosec // programs, for the server's account to run
		return Binaries{}, err
	}
	at, err := way.Fetch(ctx, side, major)
	if err != nil {
		return Binaries{}, err
	}
	content, err := json.Marshal(at)
	if err != nil {
		return Binaries{}, err
	}
	if err := writeWhole(filepath.Join(side, layoutFile), content); err != nil {
		return Binaries{}, err
	}
	b, err := open(ctx, side)
	if err != nil {
		return Binaries{}, err
	}
	final := filepath.Join(cache, way.Name+"-"+b.Version)
	if err := os.RemoveAll(final); err != nil { // one that no longer runs, or it would have been found
		return Binaries{}, err
	}
	if err := os.Rename(side, final); err != nil {
		return Binaries{}, err
	}
	return open(ctx, final)
}
