#!/bin/sh
# What it is for: a certificate that signs itself, for nginx and for Telegram, and a new
# one in its place without a gap. Browsers warn of such a certificate: it is enough for
# Telegram, and for people who log in an ordinary one is better (tls.conf).
#
# What to change: nothing; say where the files go, if not to /etc/countersign/tls.
#
#   certificate.sh new HOST [FOLDER]     the first one; HOST as in server.public_url
#   certificate.sh next HOST [FOLDER]    the next one, which Telegram is told of beside the first
#   certificate.sh switch [FOLDER]       nginx takes the next one, and Telegram forgets the first
#   certificate.sh show [FOLDER]         what there is, and until when
#
# FOLDER gets key.pem (for nginx only), cert.pem (for nginx) and telegram.pem, which
# telegram.certificate of the gateway names. RELOAD is how nginx is told.
set -eu

RELOAD="${RELOAD:-nginx -t && nginx -s reload}"
DAYS="${DAYS:-3650}"

fail() { echo "certificate.sh: $1" >&2; exit 1; }

# make HOST KEY CERT: the host stands in the CN and in the SAN, as Telegram wants it. The
# number makes the names of two certificates differ: of two with the same name OpenSSL, and
# so Telegram, believes the first only.
make() {
  host=$1
  case "$host" in
    '' | *[!A-Za-z0-9.-]*) fail "HOST is a name or an IPv4 address, without https:// and without a port" ;;
    *[!0-9.]*) san="DNS:$host" ;;
    *.*.*.*) san="IP:$host" ;;
    *) fail "HOST is a name or an IPv4 address" ;;
  esac
  [ "${#host}" -le 64 ] || fail "HOST is longer than 64, which a CN cannot be"
  work=$(mktemp -d "$FOLDER/.new.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cat >"$work/openssl.cnf" <<CNF
[req]
distinguished_name = name
x509_extensions = own
prompt = no
[name]
serialNumber = $(date -u +%Y%m%d%H%M%S)-$$
CN = $host
[own]
subjectAltName = $san
basicConstraints = critical, CA:TRUE
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CNF
  (umask 077 && openssl req -x509 -newkey rsa:2048 -sha256 -nodes -days "$DAYS" -config "$work/openssl.cnf" \
    -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/said") || { cat "$work/said" >&2; fail "openssl made no certificate"; }
  chmod 644 "$work/cert.pem"
  mv "$work/key.pem" "$2"
  mv "$work/cert.pem" "$3"
}

# tell CERT...: Telegram is given these, all at once.
tell() {
  cat "$@" >"$FOLDER/.telegram.pem"
  chmod 644 "$FOLDER/.telegram.pem"
  mv "$FOLDER/.telegram.pem" "$FOLDER/telegram.pem"
}

digest() { sha256sum "$FOLDER/telegram.pem" | cut -d ' ' -f 1; }

act=${1:-}
case "$act" in
  new | next) FOLDER=${3:-/etc/countersign/tls} ;;
  switch | show) FOLDER=${2:-/etc/countersign/tls} ;;
  *) sed -n '2,17s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

case "$act" in
  new)
    mkdir -p "$FOLDER"
    [ ! -e "$FOLDER/cert.pem" ] || fail "$FOLDER has a certificate; say next, and then switch"
    make "${2:-}" "$FOLDER/key.pem" "$FOLDER/cert.pem"
    tell "$FOLDER/cert.pem"
    echo "Set telegram.certificate to $FOLDER/telegram.pem and start nginx and the gateway."
    ;;
  next)
    [ -e "$FOLDER/cert.pem" ] || fail "$FOLDER has no certificate yet; say new"
    [ ! -e "$FOLDER/next-cert.pem" ] || [ -e "$FOLDER/next-key.pem" ] || fail "switch was cut short; say it again"
    make "${2:-}" "$FOLDER/next-key.pem" "$FOLDER/next-cert.pem"
    tell "$FOLDER/cert.pem" "$FOLDER/next-cert.pem"
    echo "Wait until the gateway's log says \"Telegram has the certificate\" with sha256"
    echo "$(digest), and then say switch."
    ;;
  switch)
    # nginx reads both only when it is told to; cut short between the two, say switch again.
    [ -e "$FOLDER/next-cert.pem" ] || fail "$FOLDER has no next certificate; say next"
    [ ! -e "$FOLDER/next-key.pem" ] || mv "$FOLDER/next-key.pem" "$FOLDER/key.pem"
    cp "$FOLDER/next-cert.pem" "$FOLDER/.cert.pem"
    mv "$FOLDER/.cert.pem" "$FOLDER/cert.pem"
    sh -c "$RELOAD" || fail "nginx does not take it; mend that and say switch again"
    tell "$FOLDER/cert.pem"
    rm "$FOLDER/next-cert.pem"
    echo "nginx has the next certificate. Telegram is told within ten seconds to forget the first."
    ;;
  show)
    openssl x509 -in "$FOLDER/cert.pem" -noout -subject -ext subjectAltName -enddate
    echo "sha256 of telegram.pem: $(digest)"
    ;;
esac
