#!/bin/sh
# The chart by itself: linted, rendered with many values, and every object tried on a real API server.
# Needs helm and kube-apiserver in the cache of e2e/cluster (e2e/cluster build); skipped, and said so, where they are not.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
bin=${MILLRACE_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace-e2e}/bin
for name in helm kube-apiserver kubectl; do
  if [ ! -x "$bin/$name" ]; then
    echo "SKIPPED: the chart was not tried: no $name in $bin; e2e/cluster build makes it"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
  fi
done
python=$(cd "$here/../integration" && python3 -c 'import clients; print(clients.install_python())')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
PATH=$bin:$PATH "$python" -m pytest -q -p no:cacheprovider --color=no "$here" "$@" >"$log" 2>&1 || status=$?
cat "$log"
number() { grep -oE "[0-9]+ $1" "$log" | tail -n 1 | grep -oE '[0-9]+' || echo 0; }
echo "$(number passed) passed, $(($(number failed) + $(number error))) failed, $(number skipped) skipped"
exit $status
