#!/bin/sh
# Makes the virtual environment that the Makefile works in:  tests/environment.sh DIRECTORY
# Needs a python3 of 3.10 (or MINIMUM) or later; where Debian's lacks venv, root installs it, others are told how.
set -eu

venv="$1"
python="${PYTHON:-python3}"
minimum="${MINIMUM:-3.10}"

say() { printf '· environment: %s\n' "$*" >&2; }

"$python" -c 'import sys; sys.exit(sys.version_info < tuple(map(int, sys.argv[1].split("."))))' "$minimum" || {
    say "$("$python" --version 2>&1) is too old: $minimum or later is needed (make PYTHON=python3.12 …)"
    exit 2
}

# A directory that a stopped run left half made, or whose Python has gone, is made anew.
if "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
rm -rf "$venv"
say "making $venv"

if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    "$python" -m venv "$venv"
elif "$python" -m virtualenv --version >/dev/null 2>&1; then
    "$python" -m virtualenv --quiet "$venv"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "python3-venv is missing: installing it with apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true
    apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    "$python" -m venv "$venv"
else
    say "this Python has neither venv with ensurepip nor virtualenv. Install one of them:"
    say "  Debian, Ubuntu:  sudo apt-get install python3-venv"
    say "  elsewhere:       python3 -m pip install --user virtualenv"
    exit 2
fi
