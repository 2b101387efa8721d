"""Checks the house as data (each rule: checks.py; the tables: house.py), then the checks themselves on
small trees that break each rule. Prints what is wrong; the last line is "N passed, N failed, N skipped"."""

import os
import pathlib
import shutil
import subprocess
import sys

import checks
import house
import violations

ROOT = pathlib.Path(__file__).resolve().parents[2]


def tracked_files():
    """What git tracks or would, as {path: text}; what is no text is left out."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True,
                            stdout=subprocess.PIPE).stdout.decode().split("\0")
    tree = {}
    for path in filter(None, listed):
        try:
            tree[path] = (ROOT / path).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return tree


def executables():
    """what people start has its executable bit"""
    for path in house.EXECUTABLES:
        if not os.access(ROOT / path, os.X_OK):
            yield f"{path}: is missing or not executable"


def formatting(tree):
    """C++ is formatted by clang-format 19"""
    done = subprocess.run(["clang-format-19", "--dry-run", "--ferror-limit=1", *sorted(checks.cpp(tree))], cwd=ROOT,
                          check=False, stderr=subprocess.PIPE, text=True)
    for path in dict.fromkeys(line.split(":")[0] for line in done.stderr.splitlines() if "[-Wclang-format" in line):
        yield f"{path}: is not formatted"


def report(title, problems):
    problems = list(problems)
    print(f"{'not ok' if problems else 'ok'} {title}")
    for problem in problems[:40]:
        print(f"    {problem}")
    return not problems


def main():
    tree = tracked_files()
    results = [report(check.__doc__, check(tree)) for check in checks.ALL]
    results.append(report(executables.__doc__, executables()))
    if shutil.which("clang-format-19"):
        results.append(report(formatting.__doc__, formatting(tree)))
    else:
        print(f"skipped {formatting.__doc__}: it is not installed")
    skipped = 0 if shutil.which("clang-format-19") else 1
    results += [report(title, problems) for title, problems in violations.missed()]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed, {skipped} skipped")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
