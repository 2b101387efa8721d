"""Seeds bugs on purpose, one at a time, into a copy of the tree and sees that a test finds each.

usage: run.sh [--list] [--left] [word...]      all mutants, or those with one of the words in their name, or of
                                               that table; with --left only those not found before

A mutant is a text in a file and what to put in its place (*.toml beside this file). A mutant that no test
finds is a hole in the tests: mend the tests. One whose text is not in the tree any more fails too: write
it anew. Which test found which, and when, is kept in build/mutants/found.tsv. The last line counts:
"N passed, N failed, N skipped".
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = ROOT / "build" / "mutants"
COPY = WORK / "tree"
# Where every checkout has it, so that the compiler cache knows what it compiled for another.
BUILD = COPY / "build"
FOUND = WORK / "found.tsv"
FIRST_BUILD_SECONDS_MAX = 7200
BUILD_SECONDS_MAX = 900
# One test that finds the bug is enough.
ENVIRONMENT = os.environ | {"GTEST_FAIL_FAST": "1"}


def load():
    """Every mutant with the checks of its file."""
    mutants = []
    for path in sorted(HERE.glob("*.toml")):
        data = tomllib.loads(path.read_text())
        for mutant in data["mutant"]:
            mutant["checks"] = data["check"]
            mutant["table"] = path.stem
            mutants.append(mutant)
    names = [m["name"] for m in mutants]
    assert len(names) == len(set(names)), "two mutants have one name"
    return mutants


def copy_tree():
    """Brings the copy up to the tree; files that did not change keep their times, so ninja does little."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    files = {f for f in listed if f and (ROOT / f).is_file()}
    for name in files:
        source, target = ROOT / name, COPY / name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    for target in [p for p in COPY.rglob("*") if p.is_file()]:
        if BUILD not in target.parents and str(target.relative_to(COPY)) not in files:
            target.unlink()


def build(targets, seconds_max=BUILD_SECONDS_MAX):
    """None where it builds, else the end of what the compiler said."""
    made = subprocess.run(["ninja", "-C", BUILD, "-j2", *targets], capture_output=True, text=True,
                          timeout=seconds_max)
    return None if made.returncode == 0 else made.stdout[-2000:]


def run_check(check):
    """None where the check passes, else how it failed."""
    try:
        # From the root of the copy, as ctest does: tests read files of the tree.
        ran = subprocess.run(f"exec {BUILD}/{check['command']}", shell=True, env=ENVIRONMENT, cwd=COPY, capture_output=True, text=True,
                             errors="replace", timeout=check["seconds"])
    except subprocess.TimeoutExpired:
        return "it hangs"
    if ran.returncode == 0:
        return None
    return describe(ran.stdout.split("\n"), ran.stderr.split("\n"))


def describe(out, err):
    """The test that failed, or the seed; where the process died, the test it was in and its last words."""
    for line in out + err:
        if "[  FAILED  ]" in line:
            return line.split("]", 1)[1].strip()
        if "PROBLEM" in line:
            return line[line.find("PROBLEM"):]
    words = [line for line in err + out if any(w in line for w in ("broken invariant", "signal", "terminate"))]
    running = [line.split("]", 1)[1].strip() for line in out if "[ RUN      ]" in line]
    return " ".join(running[-1:] + (words or [line for line in err if line] or ["no word"])[-1:])


def find(checks):
    """Builds and runs one check after another. Whether one fails and how; or why that is not known."""
    for check in checks:
        error = build([check["target"]])
        if error is not None:
            return False, "it does not build: " + error
        failure = run_check(check)
        if failure is not None:
            return True, f"{check['name']}: {failure[:150]}"
    return False, "SURVIVED"


def run_mutant(mutant):
    """Whether it was found, and by what."""
    path = COPY / mutant["file"]
    original = path.read_text()
    if original.count(mutant["old"]) != 1:
        return False, f"its text is {original.count(mutant['old'])} times in {mutant['file']}"
    path.write_text(original.replace(mutant["old"], mutant["new"]))
    try:
        return find(mutant["checks"])
    finally:
        path.write_text(original)


def found_before():
    return {line.split("\t")[0] for line in FOUND.read_text().splitlines()} if FOUND.exists() else set()


def choose(words, left):
    """The mutants to run."""
    before = found_before() if left else set()
    return [m for m in load() if m["name"] not in before and
            (not words or any(w in m["name"] or w == m["table"] for w in words))]


def passes_without(mutants):
    """None where all their checks pass on the tree as it is, else what fails."""
    checks = {check["name"]: check for mutant in mutants for check in mutant["checks"]}.values()
    error = build([check["target"] for check in checks], FIRST_BUILD_SECONDS_MAX)
    if error is not None:
        return error
    fails, how = find(checks)
    return how if fails else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--left", action="store_true")
    parser.add_argument("words", nargs="*")
    arguments = parser.parse_args()
    mutants = choose(arguments.words, arguments.left)
    if arguments.list:
        print("\n".join(m["name"] for m in mutants))
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    copy_tree()
    subprocess.run(["cmake", "--preset", "release"], cwd=COPY, check=True, capture_output=True)
    error = passes_without(mutants)
    if error is not None:
        print(f"FAILED without any mutant: {error}\n0 passed, 1 failed, 0 skipped")
        return 1
    failed = 0
    for mutant in mutants:
        begin = time.monotonic()
        found, how = run_mutant(mutant)
        failed += not found
        seconds = time.monotonic() - begin
        print(f"{'found ' if found else 'FAILED'} {mutant['name']} ({seconds:.0f} s): {how}", flush=True)
        if found:
            with FOUND.open("a") as out:
                out.write(f"{mutant['name']}\t{how}\t{time.strftime('%FT%TZ', time.gmtime())}\n")
    print(f"{len(mutants) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
