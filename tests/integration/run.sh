#!/bin/sh
# Real, unmodified AWS clients against `millrace up`: installs what is pinned here into build/clients
# (nothing the second time), runs every suite, and prints "N passed, N failed, N skipped" last.
# usage: tests/integration/run.sh [suite]...     MILLRACE_ENDPOINT=http://… for a server that runs
set -eu
here=$(cd "$(dirname "$0")" && pwd)

python=/usr/bin/python3
[ -x "$python" ] || python=$(command -v python3 || true)
if [ -z "$python" ] || ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
  if [ "$(id -u)" != 0 ]; then
    echo "python3 with venv is missing and only root can install it" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq python3 python3-venv >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq python3 python3-venv >/dev/null; }
  python=/usr/bin/python3
fi
exec "$python" "$here/suite.py" "$@"
