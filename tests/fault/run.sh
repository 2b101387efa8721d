#!/bin/sh
# Crashes, full and failing disks, and linearizability, against `millrace up` processes of its own.
# MILLRACE_KILLS=300 kills that often (default 20); MILLRACE_SEED=N repeats a run.
exec "$(dirname "$0")/../integration/run.sh" fault
