package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// initialize makes the cluster beside its place and moves it there when it is
// whole: a maker that is killed leaves nothing that looks like a cluster.
func (i *Instance) initialize(ctx context.Context) error {
	i.options.Log.InfoContext(ctx, "making the private database", "folder", i.at.data, "user", i.account.name, "postgres", i.binaries.Version)
	if err := os.RemoveAll(i.at.fresh); err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	password, err := i.passwordFile()
	if err != nil {
		return err
	}
	defer os.Remove(password)
	// Byte order is the same on every system and after every upgrade of it, so
	// indexes stay right; only the classes of letters are taken from the system.
	for _, letters := range []string{"C.UTF-8", "C.utf8", "en_US.UTF-8", "C"} {
		if err := ownedDir(i.at.fresh, i.account); err != nil {
			return fmt.Errorf("private database: %w", err)
		}
		args := []string{
			"-D", i.at.fresh, "-U", AdminRole, "-E", "UTF8", "--locale=C", "--lc-ctype=" + letters, "--pwfile=" + password,
			"--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--data-checksums", "--text-search-config=simple",
		}
		if i.options.Test {
			args = append(args, "-N", "--wal-segsize=1")
		}
		out, err := i.command(ctx, "initdb", args...).CombinedOutput()
		if err == nil {
			return i.adopt()
		}
		if !bytes.Contains(out, []byte("invalid locale name")) {
			return fmt.Errorf("%w: %s", i.explain("initdb", err), strings.TrimSpace(string(out)))
		}
	}
	return errors.New("private database: initdb knows no locale with UTF-8 on this system")
}

// adopt moves a cluster that is whole into its place.
func (i *Instance) adopt() error {
	if err := os.Remove(i.at.data); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("private database: %s holds something that is not a cluster: %w", i.at.data, err)
	}
	if err := os.Rename(i.at.fresh, i.at.data); err != nil {
		return fmt.Errorf("private database: %w", err)
	}
	return syncDir(i.at.root)
}

// passwordFile hands the admin's password to initdb as a verifier, which opens nothing by itself.
func (i *Instance) passwordFile() (string, error) {
	v, err := verifier(i.secrets.Admin, i.secrets.Salt)
	if err != nil {
		return "", err
	}
	name := filepath.Join(i.at.root, "initdb.verifier")
	if err := writeWhole(name, []byte(v+"\n")); err != nil {
		return "", fmt.Errorf("private database: %w", err)
	}
	if i.account.drop {
		if err := os.Lchown(name, i.account.uid, i.account.gid); err != nil {
			return "", fmt.Errorf("private database: %w", err)
		}
	}
	return name, nil
}

// resetAdmin gives the admin role a new password without knowing the old one:
// the server's single-user mode asks for none.
func (i *Instance) resetAdmin(ctx context.Context) error {
	i.options.Log.WarnContext(ctx, "the passwords of the private database were gone, making new ones", "file", i.at.secrets)
	v, err := verifier(i.secrets.Admin, i.secrets.Salt)
	if err != nil {
		return err
	}
	c := i.command(ctx, "postgres", "--single", "-D", i.at.data, "-c", "log_min_error_statement=panic", "postgres")
	c.Stdin = strings.NewReader("ALTER ROLE " + AdminRole + " PASSWORD '" + v + "'\n")
	out, err := c.CombinedOutput()
	if err == nil && bytes.Contains(out, []byte("ERROR:")) {
		err = errors.New("refused") // this mode ends well even then
	}
	if err != nil {
		return fmt.Errorf("%w: %s", i.explain("set a new password", err), strings.TrimSpace(string(out)))
	}
	return nil
}
