"""Counts the test cases of one ctest run: those of every GoogleTest binary by its XML report, and one
for each other test. Names what failed; the last line is "N passed, N failed, N skipped".
usage: count_results.py CTEST_JUNIT_XML GTEST_XML_FOLDER"""

import pathlib
import sys
import xml.etree.ElementTree


def parse(path):
    try:
        return xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return None  # the binary crashed before or while it wrote


def outcome_of(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    skipped = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
    return "skipped" if skipped else "passed"


def main(junit, folder):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    run = parse(junit)
    for test in run.iter("testcase") if run is not None else ():
        name = test.get("name")
        report = parse(pathlib.Path(folder) / f"{name}.xml")
        outcomes = []
        for case in report.iter("testcase") if report is not None else ():
            outcomes.append(outcome_of(case))
            if outcomes[-1] == "failed":
                print(f"FAILED: {name}: {case.get('classname')}.{case.get('name')}")
        # A crash or a time-out leaves no report, or one that tells only of successes.
        if not outcomes or (test.get("status") == "fail" and "failed" not in outcomes):
            outcomes.append(outcome_of(test))
            if outcomes[-1] == "failed":
                print(f"FAILED: {name}")
        for outcome in outcomes:
            counts[outcome] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
