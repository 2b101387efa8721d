"""Processes that outlive this program: started with a log of their own, remembered by pid and start time, so that a pid
that has since gone to somebody else is never signalled."""

import json
import os
import signal
import subprocess
import time

from layout import LOGS, STATE

_RECORDS = STATE / "processes"


def wait_until(what, question, seconds, pause=0.1):
    """Asks until the answer is true and gives it back; TimeoutError says what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {seconds} s")
        time.sleep(pause)


def start(name, command, environment=None):
    """Starts it if it does not run yet; true if it was started now."""
    if pid_of(name):
        return False
    LOGS.mkdir(parents=True, exist_ok=True)
    _RECORDS.mkdir(parents=True, exist_ok=True)
    with open(LOGS / f"{name}.log", "ab") as log:
        child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, cwd=STATE, env={**os.environ, **(environment or {})})
    record = {"pid": child.pid, "started": _start_time(child.pid)}
    (_RECORDS / f"{name}.json").write_text(json.dumps(record))
    return True


def pid_of(name):
    """Of a process that was started under this name and still runs; else None."""
    try:
        record = json.loads((_RECORDS / f"{name}.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    alive = record["started"] is not None and _start_time(record["pid"]) == record["started"]
    return record["pid"] if alive else None


def stop(name, seconds=10, first=signal.SIGTERM):
    """Asks it to end, and ends it when it does not; returns once it is gone."""
    pid = pid_of(name)
    if pid:
        os.kill(pid, first)
        try:
            wait_until(f"the end of {name}", lambda: not pid_of(name), seconds, pause=0.02)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            wait_until(f"the end of {name} after SIGKILL", lambda: not pid_of(name), 20, pause=0.02)
    (_RECORDS / f"{name}.json").unlink(missing_ok=True)


def names():
    return sorted(path.stem for path in _RECORDS.glob("*.json")) if _RECORDS.exists() else []


def children_of(pid):
    """Pids of all descendants, nearest first."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry))
    found = []
    waiting = [pid]
    while waiting:
        below = parents.get(waiting.pop(0), [])
        found += below
        waiting += below
    return found


def resident_mib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
    except (OSError, ValueError):
        return 0


def _stat(pid):
    """Fields of /proc/PID/stat from the state on; None where there is no such process or only its corpse."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def _start_time(pid):
    fields = _stat(pid)
    return fields[19] if fields else None
