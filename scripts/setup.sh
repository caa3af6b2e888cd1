#!/usr/bin/env bash
# Installs what the build and the tests need beside Swift; says nothing when it is all there.
#
# The Debian packages are the libraries that ubpd links (liblz4, libcrypto, SQLite) and the tools
# that the tests and the demo compare it with. Runs as root, or through sudo.
set -euo pipefail

PACKAGES=(liblz4-dev libssl-dev libsqlite3-dev lz4 pkg-config python3 sqlite3 make)

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [[ $(id -u) == 0 ]]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "this needs root, and there is no sudo; as root, run: $*"
        exit 1
    fi
}

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
    if ! command -v apt-get >/dev/null; then
        say "this is no Debian; install what corresponds to: $*"
        exit 1
    fi
    say "installing $*"
    # With a log in place of the two tools' words, which are of interest only when they fail.
    local log
    log=$(mktemp)
    if ! {
        as_root apt-get update -q &&
            as_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends "$@"
    } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "apt-get could not install them; the whole log is $log"
        exit 1
    fi
    rm "$log"
}

if ! command -v swift >/dev/null; then
    say "no swift in PATH; install Swift 6.3 or newer from https://www.swift.org/install/linux/"
    exit 1
fi

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${PACKAGES[@]}"; do
        installed "$package" || missing+=("$package")
    done
else
    say "no dpkg here: trusting that these are installed: ${PACKAGES[*]} python3-numpy"
fi
# A python3 of one's own, before Debian's in PATH, does not see Debian's numpy.
own_python=$(command -v python3 || echo /usr/bin/python3)
if [[ $own_python == /usr/bin/python3 || $own_python == /bin/python3 ]] &&
    command -v dpkg-query >/dev/null && ! python3 -c 'import numpy' 2>/dev/null; then
    missing+=(python3-numpy)
fi
if ((${#missing[@]})); then install_packages "${missing[@]}"; fi

if ! python3 -c 'import numpy' 2>/dev/null; then
    say "$(command -v python3) has no numpy; installing it with pip"
    python3 -m pip install --quiet --user numpy </dev/null >&2 || true
    if ! python3 -c 'import numpy' 2>/dev/null; then
        say "that failed; install numpy for $(command -v python3), or put /usr/bin first in PATH"
        say "and have Debian's python3-numpy"
        exit 1
    fi
fi
