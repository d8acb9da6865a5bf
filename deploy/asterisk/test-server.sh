#!/bin/sh
# What it is for: an Asterisk for tests in a root of its own, Debian 11 with its Asterisk 16 or,
# with "22" behind the name, Debian's unstable with its Asterisk 22, in the cache of .ci/run;
# prints where. The machine's own Asterisk, if any, is not touched, nothing is started. Needs root
# and debootstrap; takes a minute, 250 MB, and a mirror of Debian.
# What to change: nothing; it serves no production.
set -eu

case ${1:-16} in
  16) RELEASE=bullseye ;;
  22) RELEASE=sid ;;
  *)
    echo "usage: $0 [16|22]" >&2
    exit 2
    ;;
esac
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/countersign-ci
ROOT=$CACHE/asterisk-$RELEASE-1 # a new number whenever what is below changes

if [ -e "$ROOT/.ready" ]; then
  echo "$ROOT"
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "NOT ROOT: an Asterisk for tests is installed in a root of its own, which takes root; run as root: $0" >&2
  exit 1
fi
PATH=$PATH:/usr/sbin:/sbin
if ! command -v debootstrap >/dev/null; then
  echo "debootstrap is missing: apt-get install debootstrap" >&2
  exit 1
fi

mirror() { # the one that this machine uses, if it is of Debian; else debootstrap's own
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ -r "$file" ] || continue
    awk '/^URIs:/ { print $2; exit } /^deb / { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' "$file"
    return
  done
}

mkdir -p "$CACHE"
exec 9>"$CACHE/asterisk.lock"
flock 9
if [ ! -e "$ROOT/.ready" ]; then
  rm -rf "$ROOT" "$CACHE/asterisk-$RELEASE"-*
  from=$(mirror)
  debootstrap --variant=minbase --include=asterisk "$RELEASE" "$ROOT" ${from:+"$from"} >"$CACHE/asterisk.log" 2>&1 || {
    tail -n 20 "$CACHE/asterisk.log" >&2
    rm -rf "$ROOT"
    exit 1
  }
  rm -rf "$ROOT"/var/cache/apt/* "$ROOT"/var/lib/apt/lists/* "$ROOT"/usr/share/doc "$ROOT"/usr/share/man "$ROOT"/usr/share/locale
  : >"$ROOT/.ready"
fi
echo "$ROOT"
