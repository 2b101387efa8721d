"""What the checks know of C++ and CMake: includes, functions, libraries. Works on text; no compiler."""

import re

QUOTED = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
ANGLED = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.M)
NO_FUNCTION = re.compile(
    r"^(?:if|for|while|switch|do|else|try|catch|namespace|class|struct|enum|union|extern|return)\b")
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(?:\(|\{?$|mutable|->)")
NOT_CODE = re.compile(
    r'R"([^(\s]*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/|'
    r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)


def folder_of(path):
    return path.rpartition("/")[0]


def code_of(text):
    """The text with comments, strings and preprocessor lines blanked; its lines stay where they are."""
    text = re.sub(r"(?<=\d)'(?=\d)", "", text)  # a digit separator is no quote
    return NOT_CODE.sub(lambda found: "\n" * found[0].count("\n"), text)


def local_names(text):
    """{name: how it is declared} of what only this file sees; relies on clang-format: such lines begin in column 0."""
    found = {}
    for body in re.findall(r"^namespace \{\n(.*?)^\}", re.sub(r"^\}(?!  //)", " }", text, flags=re.M), re.M | re.S):
        for line in re.findall(r"^[A-Za-z_].*", code_of(body), re.M):
            line = re.sub(r"__attribute__\(\(.*?\)\)\)?|\[\[\w+\]\]|<[^()]*>", "", line).split(" : ")[0]
            name = (re.search(r"^using (?:[\w:]*::)?(\w+)", line) or re.search(r"\b(?:class|struct|enum) (\w+)", line)
                    or re.search(r"(\w+)(?:\[\w*\])* ?(?:[({=;]|$)", line))
            if name and name[1] != "template":  # what it is follows in the next line
                found[name[1]] = line if line.startswith("using ") else ""
    return found


def is_function(head):
    return "(" in head and not NO_FUNCTION.match(head) and not head.endswith("=") and not LAMBDA.search(head)


def functions(text):
    """(name, lines) of every function; those inside another function are a part of it."""
    stack = []  # (header, first line, whether it is a function)
    header, header_line, line = "", 1, 1
    for token in re.findall(r"[{};\n]|[^{};\n]+", code_of(text)):
        if token == "\n":
            line += 1
            header += " "
        elif token == "{":
            head = " ".join(header.split())
            inside = any(entry[2] for entry in stack)
            stack.append((head, header_line, not inside and is_function(head)))
            header = ""
        elif token == "}":
            head, first, counts = stack.pop() if stack else ("", 0, False)
            if counts:
                name = re.search(r"([\w:~]+|operator[^\s(]*)\s*\(", head)
                yield (name[1] if name else head, line - first + 1)
            header = ""
        elif token == ";":
            header = ""
        else:
            if not header.strip():
                header, header_line = "", line
            header += token


def libraries(cmake_files):
    """{library: (folder, what it links)} of {path: text} of CMakeLists.txt files."""
    found = {}
    for path, text in cmake_files.items():
        for name, rest in re.findall(r"millrace_library\(\s*(\w+)([^)]*)\)", text):
            words = rest.split()
            linked = words[words.index("DEPS") + 1:] if "DEPS" in words else []
            if "EXTERNAL" in linked:
                linked = linked[:linked.index("EXTERNAL")]
            found[name] = (folder_of(path), linked)
    return found


def mirrored_folders(cmake):
    """The source folders whose tests tests/CMakeLists.txt builds."""
    lists = re.findall(r"foreach\(folder([^)]*)\)", cmake) + re.findall(r"millrace_mirror\((\S+)", cmake)
    return set(" ".join(lists).split())


def closure(name, direct):
    """Everything reachable from `name` in {name: [names]}."""
    seen, todo = set(), [name]
    while todo:
        for other in direct.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def cycles(edges):
    """Groups of nodes of {node: set of nodes} that reach each other."""
    reach = {node: closure(node, edges) for node in edges}
    groups, placed = [], set()
    for node in sorted(edges):
        group = sorted({node} | {other for other in reach[node] if node in reach.get(other, ())})
        if len(group) > 1 and node not in placed:
            groups.append(group)
            placed.update(group)
    return groups


def percentile(values, share):
    values = sorted(values)
    return values[round(share * (len(values) - 1))] if values else 0
