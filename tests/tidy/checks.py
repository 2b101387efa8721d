"""One function a rule. Each takes a tree, {path: text}, and yields what breaks the rule; its documentation
is its name in the report."""

import fnmatch
import re

import house
import source
from source import folder_of


def cpp(tree):
    return {path: text for path, text in tree.items() if path.endswith((".h", ".cc"))}


def is_test(path):
    return path.startswith("tests/")


def lies_in(folder, pattern):
    """Whether `folder` is what the pattern names, or below it."""
    parts = folder.split("/")
    return fnmatch.fnmatchcase("/".join(parts[:pattern.count("/") + 1]), pattern)


def allowed_for(folder):
    """What the layer table lets `folder` include; None where it has no place in it."""
    return next((allowed for pattern, allowed in house.LAYERS if lies_in(folder, pattern)), None)


def include_layers(tree):
    """a folder includes only what stands below it"""
    for path, text in cpp(tree).items():
        folder = folder_of(path)
        if is_test(path) and not lies_in(folder, "tests/support"):
            continue
        allowed = allowed_for(folder)
        if allowed is None:
            yield f"{path}: {folder} has no place in tests/tidy/house.py"
            continue
        for include in source.QUOTED.findall(text):
            target = folder_of(include)
            if target != folder and not any(lies_in(target, pattern) for pattern in allowed):
                yield f"{path}: may not include {include}"


def includes_exist(tree):
    """a quoted include is a path from the root, and its own header comes first"""
    for path, text in cpp(tree).items():
        for include in source.QUOTED.findall(text):
            if include not in tree:
                yield f"{path}: there is no {include}"
        header = path[:-3] + ".h"
        if path.endswith(".cc") and header in tree:
            first = re.search(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', text, re.M)
            if first is None or first[1] != header:
                yield f"{path}: {header} must be the first include"


def declared_dependencies(tree):
    """what a library includes is among the libraries it links"""
    libraries = source.libraries({p: t for p, t in tree.items() if p.endswith("CMakeLists.txt")})
    by_folder = {folder: name for name, (folder, _) in libraries.items()}
    direct = {name: linked for name, (_, linked) in libraries.items()}
    for path, text in cpp(tree).items():
        name = by_folder.get(folder_of(path))
        if name is None or path.endswith("main.cc"):
            continue
        linked = source.closure(name, direct)
        for include in source.QUOTED.findall(text):
            target = by_folder.get(folder_of(include))
            if target not in (None, name) and target not in linked:
                yield f"{path}: includes {include}, but {name} does not link {target}"


def third_party_doors(tree):
    """third parties come in by their one door"""
    for path, text in cpp(tree).items():
        # A test may look at what its own folder wraps.
        folder = folder_of(path).removeprefix("tests/")
        for include in source.ANGLED.findall(text):
            for prefix, folders, in_headers in house.DOORS:
                if not include.startswith(prefix):
                    continue
                if not any(lies_in(place, door) for door in folders for place in (folder, folder_of(path))):
                    yield f"{path}: <{include}> belongs in {', '.join(folders)}"
                elif path.endswith(".h") and not in_headers and not is_test(path):
                    yield f"{path}: <{include}> belongs in a .cc file"


def folder_cycles(tree):
    """no cycle among folders"""
    edges = {}
    for path, text in cpp(tree).items():
        folder = folder_of(path)
        edges.setdefault(folder, set()).update({folder_of(i) for i in source.QUOTED.findall(text)} - {folder})
    for group in source.cycles(edges):
        yield "cycle: " + ", ".join(group)


def file_cycles(tree):
    """no cycle among files"""
    for group in source.cycles({path: set(source.QUOTED.findall(text)) for path, text in cpp(tree).items()}):
        yield "cycle: " + ", ".join(group)


def file_sizes(tree):
    """files keep to their budgets"""
    lines = {path: text.count("\n") for path, text in tree.items() if path.endswith((".h", ".cc", ".py", ".sh"))}
    for path, count in lines.items():
        if count > house.FILE_LINES_MAX:
            yield f"{path}: {count} lines, over {house.FILE_LINES_MAX}"
    for suffix, limit in ((".h", house.HEADER_LINES_P90), (".cc", house.SOURCE_LINES_P90)):
        p90 = source.percentile([n for path, n in lines.items() if path.endswith(suffix) and not is_test(path)], 0.9)
        if p90 > limit:
            yield f"one in ten {suffix} files has over {p90} lines; the budget is {limit}"


def folder_sizes(tree):
    """folders and common libraries keep to their budgets"""
    things, lines = {}, {}
    for path, text in cpp(tree).items():
        folder = folder_of(path)
        things.setdefault(folder, set()).add(path.rsplit(".", 1)[0])
        if folder.startswith("common/"):
            lines[folder] = lines.get(folder, 0) + text.count("\n")
    for folder, held in things.items():
        limit = house.CROWDED_FOLDERS.get(folder, house.FOLDER_THINGS_MAX)
        if len(held) > limit:
            yield f"{folder}: {len(held)} things; at most {limit}"
    for folder, count in lines.items():
        limit = house.LARGE_LIBRARIES.get(folder, house.COMMON_LIBRARY_LINES_MAX)
        if count > limit:
            yield f"{folder}: {count} lines; a common library has at most {limit}"


def function_sizes(tree):
    """a function fits on a screen"""
    for path, text in cpp(tree).items():
        if is_test(path):
            continue
        for name, lines in source.functions(text):
            if lines > house.FUNCTION_LINES_MAX and f"{path}: {name}" not in house.LONG_FUNCTIONS:
                yield f"{path}: {name} has {lines} lines; at most {house.FUNCTION_LINES_MAX}"


def everything_is_built(tree):
    """every source, test and fuzz target is built"""
    mirrored = source.mirrored_folders(tree.get("tests/CMakeLists.txt", ""))
    for path in cpp(tree):
        folder, _, name = path.rpartition("/")
        cmake = tree.get(f"{folder}/CMakeLists.txt", "")
        if not is_test(path):
            if name.endswith(".cc") and not cmake:
                yield f"{path}: {folder} has no CMakeLists.txt"
        elif name.endswith("_test.cc"):
            if folder.removeprefix("tests/") not in mirrored and not re.search(r"millrace_test|_test\.cc", cmake):
                yield f"{path}: no CMakeLists.txt builds its folder"
        elif name.endswith(("_fuzz.cc", "_bench.cc")) and name not in cmake and name[:-3] not in cmake:
            yield f"{path}: is not in {folder}/CMakeLists.txt"


def local_names(tree):
    """files that are compiled together share no local name"""
    for path, cmake in tree.items():
        if not path.endswith("CMakeLists.txt") or "millrace_library(" not in cmake or "UNITY_BUILD OFF" in cmake:
            continue
        alone = re.findall(r"\w+\.cc", " ".join(re.findall(r"ALONE ([^)]*)", cmake)))
        seen = {}
        for file in sorted(cpp(tree)):
            folder, _, name = file.rpartition("/")
            if folder == folder_of(path) and file.endswith(".cc") and name not in ("main.cc", *alone):
                for local, declared in source.local_names(tree[file]).items():
                    other, before = seen.setdefault(local, (file, declared))
                    if other != file and not (declared and declared == before):
                        yield f"{file}: has {local}, as {other} has; rename one, or list it as ALONE in {path}"


def names(tree):
    """files are snake_case, in folders that say what they hold"""
    for path in cpp(tree):
        *folders, name = path.split("/")
        for folder in house.FORBIDDEN_FOLDERS.intersection(folders):
            yield f"{path}: a folder named {folder} says nothing"
        if not re.fullmatch(r"[a-z0-9_]+\.(h|cc)", name):
            yield f"{path}: file names are snake_case"


def headers(tree):
    """headers are included once and open no namespace"""
    for path, text in cpp(tree).items():
        if path.endswith(".h") and "#pragma once" not in text:
            yield f"{path}: no #pragma once"
        if path.endswith(".h") and re.search(r"^using namespace", text, re.M):
            yield f"{path}: using namespace in a header"


def threads_are_joined(tree):
    """nothing runs on after its owner"""
    for path, text in cpp(tree).items():
        if folder_of(path) != "common/async" and not is_test(path) and ".detach()" in source.code_of(text):
            yield f"{path}: detaches a thread"


def nothing_unfinished(tree):
    """no unfinished marks, no paths of one machine"""
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b")
    places = re.compile(r"(^|[^\w./-])/(work|root|home/\w+)/", re.M)
    for path, text in tree.items():
        if path.startswith("tests/tidy/"):
            continue
        if path.endswith((".h", ".cc", ".py", ".sh", ".txt", ".cmake")) and marks.search(text):
            yield f"{path}: has an unfinished mark"
        if places.search(text):
            yield f"{path}: names a folder of one machine"


def text_files(tree):
    """C++ has plain line feeds, also at its end, and no tabs"""
    for path, text in cpp(tree).items():
        if text and not text.endswith("\n"):
            yield f"{path}: no line feed at the end"
        if "\r" in text or "\t" in text:
            yield f"{path}: has tabs or carriage returns"


ALL = [include_layers, includes_exist, declared_dependencies, third_party_doors, folder_cycles, file_cycles,
       file_sizes, folder_sizes, function_sizes, everything_is_built, local_names, names, headers, threads_are_joined,
       nothing_unfinished, text_files]
