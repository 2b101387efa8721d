#!/usr/bin/env bash
# Millrace on a real Kubernetes on this machine (e2e/cluster): helm install, streams, losses, upgrades.
# Builds Kubernetes once (about 12 minutes on 2 cores, then cached), needs root.
# usage: tests/e2e/run.sh [pytest argument]...
#   MILLRACE_E2E_NODES=1   fewer nodes (default 3); what needs more is skipped
#   MILLRACE_E2E_AUTHENTICATION=None   calls are not signed (default SigV4)
#   MILLRACE_E2E_KEEP=1    leaves the cluster up, and uses one that is up
#   MILLRACE_E2E_STREAMS=2000   how many streams the last test makes (default 10000; 0: none)
#   MILLRACE_PREVIOUS_BIN=DIR   the binaries of another version, to serve beside this one; without it that is skipped
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
if [ "$(id -u)" != 0 ]; then
  echo "SKIPPED: a cluster can be made by root only"
  echo "0 passed, 0 failed, 1 skipped"
  exit 0
fi
cmake/install_dependencies.sh e2e
e2e/cluster build cluster helm storage
[ -n "${MILLRACE_BIN:-}" ] || { cmake --preset release && ninja -C build millrace millrace-shard millrace-delivery millrace-operator millrace-controlplane; } >build/e2e-build.log 2>&1 ||
  { tail -n 40 build/e2e-build.log; exit 1; }
python=$(cd tests/integration && python3 -c 'import clients; print(clients.install_python())')
# Sizes, names and figures are those of a cluster that nobody has used.
[ -n "${MILLRACE_E2E_KEEP:-}" ] || timeout 120 e2e/cluster down
log=$(mktemp)
finish() {
  rm -f "$log"
  [ -n "${MILLRACE_E2E_KEEP:-}" ] || timeout 120 e2e/cluster down
}
trap finish EXIT
status=0
"$python" -m pytest -p no:cacheprovider --color=no -v --tb=short -s tests/e2e "$@" 2>&1 | tee "$log" || status=$?
number() { tail -n 1 "$log" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+' || echo 0; }
echo "$(number passed) passed, $(($(number failed) + $(number error))) failed, $(number skipped) skipped"
exit $status
