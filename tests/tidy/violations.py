"""Small trees that break one rule each, so that a check that finds nothing any more is itself found."""

import checks

BASE_CMAKE = {"common/base/CMakeLists.txt": "millrace_library(common_base)\n"}


def function(lines, opening="int Long(int a) {"):
    return f"#pragma once\n{opening}\n" + "  a++;\n" * (lines - opening.count("\n") - 2) + "}\n"


# (check, what the tree does wrong, the tree)
BROKEN = [
    (checks.include_layers, "base that includes json", {"common/base/a.cc": '#include "common/json/value.h"\n'}),
    (checks.include_layers, "a plane in a plane", {"operator/stream/a.cc": '#include "dataplane/shard/b.h"\n'}),
    (checks.include_layers, "a kind in a kind", {"operator/stream/a.cc": '#include "operator/flink_app/b.h"\n'}),
    (checks.include_layers, "shard in storage", {"dataplane/storage/a.h": '#include "dataplane/shard/b.h"\n'}),
    (checks.include_layers, "a folder without a place", {"common/anything/a.cc": "int a;\n"}),
    (checks.includes_exist, "a header that is not there", {"common/base/a.cc": '#include "common/base/b.h"\n'}),
    (checks.includes_exist, "an own header that is not first",
     {"common/base/a.cc": '#include <map>\n\n#include "common/base/a.h"\n', "common/base/a.h": "#pragma once\n"}),
    (checks.declared_dependencies, "an undeclared dependency",
     {**BASE_CMAKE, "common/log/CMakeLists.txt": "millrace_library(common_log EXTERNAL spdlog)\n",
      "common/log/a.cc": '#include "common/base/a.h"\n', "common/base/a.h": "#pragma once\n"}),
    (checks.third_party_doors, "nlohmann outside json", {"common/aws/a.cc": "#include <nlohmann/json.hpp>\n"}),
    (checks.third_party_doors, "asio in a header", {"common/net/a.h": "#include <boost/asio.hpp>\n"}),
    (checks.folder_cycles, "folders that include each other",
     {"common/base/a.h": '#include "common/log/b.h"\n', "common/log/b.h": '#include "common/base/c.h"\n'}),
    (checks.file_cycles, "files that include each other",
     {"common/base/a.h": '#include "common/base/b.h"\n', "common/base/b.h": '#include "common/base/a.h"\n'}),
    (checks.file_sizes, "a file of 1,001 lines", {"common/base/a.cc": "int a;\n" * 1001}),
    (checks.file_sizes, "headers over their budget", {"common/base/a.h": "int a;\n" * 301}),
    (checks.folder_sizes, "26 things in a folder", {f"dataplane/shard/f{i}.h": "" for i in range(26)}),
    (checks.folder_sizes, "a common library of 4,000 lines", {f"common/log/f{i}.cc": "\n" * 1000 for i in range(4)}),
    (checks.function_sizes, "a function of 71 lines", {"common/base/a.h": function(71)}),
    (checks.function_sizes, "a constructor of 71 lines",
     {"common/base/a.cc": function(71, "Widget::Widget(int x)\n    : a(x), b(std::move(x)) {")}),
    (checks.everything_is_built, "a test in a folder nobody builds", {"tests/common/new/a_test.cc": ""}),
    (checks.everything_is_built, "a fuzz target nobody builds", {"tests/fuzz/a_fuzz.cc": ""}),
    (checks.everything_is_built, "a source without CMakeLists.txt", {"common/new/a.cc": ""}),
    (checks.local_names, "a name that two files of a library have",
     {**BASE_CMAKE, "common/base/a.cc": "namespace {\nint Sum(int a) {\n  return a;\n}\n}  // namespace\n",
      "common/base/b.cc": "namespace {\nclass Sum final : A {\n};\n}  // namespace\n"}),
    (checks.names, "a folder named utils", {"common/utils/a.cc": ""}),
    (checks.names, "a file in CamelCase", {"common/base/FooBar.cc": ""}),
    (checks.headers, "a header without pragma once", {"common/base/a.h": "int a;\n"}),
    (checks.headers, "using namespace in a header", {"common/base/a.h": "#pragma once\nusing namespace std;\n"}),
    (checks.threads_are_joined, "a detached thread", {"common/net/a.cc": "void F() { thread.detach(); }\n"}),
    (checks.nothing_unfinished, "an unfinished mark", {"common/base/a.cc": "// TODO: later\n"}),
    (checks.nothing_unfinished, "a path of one machine", {"docs/a.md": "see /work/main\n"}),
    (checks.text_files, "a file without its last line feed", {"common/base/a.cc": "int a;"}),
]

# Trees in which a check must find nothing: what it could take for a fault and is none.
CLEAN = [
    (checks.function_sizes, "70 lines, a long class and a long namespace",
     {"common/base/a.h": function(70) + "class C {\n" + "  int a_;\n" * 100 + "};\n"
      + "namespace a {\n" + "int b;\n" * 100 + "}\n"}),
    (checks.function_sizes, "a long table and a long string",
     {"common/base/a.cc": "const int kTable[] = {\n" + "  1,\n" * 100 + "};\n"
      + 'const char* k = R"(' + "f() {\n" * 100 + ')";\n'}),
    (checks.include_layers, "a kind on the engine", {"operator/stream/a.cc": '#include "operator/engine/b.h"\n'}),
    (checks.third_party_doors, "asio in async", {"common/async/a.cc": "#include <boost/asio/post.hpp>\n"}),
]


def missed():
    """(what it is about, problems) for every check and tree."""
    for check, title, tree in BROKEN:
        yield f"finds {title}", [] if list(check(tree)) else [f"{check.__name__} found nothing"]
    for check, title, tree in CLEAN:
        yield f"lets pass {title}", list(check(tree))
    tried = {broken[0] for broken in BROKEN}
    yield "every rule is tried on a broken tree", [check.__name__ for check in checks.ALL if check not in tried]
