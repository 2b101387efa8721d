"""The rules of the house as data: who may include whom, where third parties come in, how large things
may get. A folder that is in no table is refused: it gets its place here first."""

BASE = ["common/base"]
FOUNDATION = BASE + ["common/codec", "common/pki", "common/async", "common/json", "common/log", "common/metrics",
                     "common/config"]
NET = FOUNDATION + ["common/net"]
SERVER = NET + ["common/http_server"]
CLIENT = NET + ["common/http_client"]
COMMON = SERVER + ["common/http_client", "common/admin", "common/aws", "common/aws_framing", "common/kube_access",
                   "common/kube", "common/resources", "common/delivery", "common/kube_store"]
DELIVERY = ["dataplane/delivery/model", "dataplane/delivery/prefix", "dataplane/delivery/formats"]

# A folder, and what its files may include besides itself. The first pattern that fits counts.
LAYERS = [
    ("common/base", []),
    ("common/config", BASE + ["common/json"]),
    ("common/codec", BASE),
    ("common/pki", BASE),
    ("common/async", BASE),
    ("common/json", BASE),
    ("common/log", BASE),
    ("common/metrics", BASE),
    ("common/net", FOUNDATION),
    ("common/http_server", NET),
    ("common/http_client", NET),
    ("common/admin", SERVER),
    ("common/aws", NET),
    ("common/aws_framing", NET),
    ("common/kube_access", FOUNDATION),
    ("common/kube", CLIENT + ["common/kube_access"]),
    ("common/resources", NET),
    ("common/delivery", NET + ["common/resources"]),
    ("common/kube_store", NET + ["common/kube", "common/resources"]),
    ("operator/engine", COMMON),
    ("operator/runtime", COMMON),
    ("operator/rollout", COMMON),
    ("operator/autoscale", COMMON),
    ("operator/*", COMMON + ["operator/engine", "operator/runtime", "operator/autoscale", "operator/rollout"]),
    ("operator", COMMON + ["operator/*"]),
    ("controlplane/catalog", COMMON),
    ("controlplane/identity", COMMON),
    ("controlplane/server", COMMON + ["controlplane/*"]),
    ("controlplane/*", COMMON + ["controlplane/catalog", "controlplane/identity"]),
    ("controlplane", COMMON + ["controlplane/*"]),
    ("dataplane/disk", COMMON),
    ("dataplane/format", COMMON + ["dataplane/disk"]),
    ("dataplane/storage", COMMON + ["dataplane/disk", "dataplane/format"]),
    ("dataplane/placement", COMMON + ["dataplane/storage", "dataplane/format"]),
    ("dataplane/shard", COMMON + ["dataplane/storage", "dataplane/format", "dataplane/placement", "dataplane/client"]),
    ("dataplane/peer", COMMON + ["dataplane/shard", "dataplane/placement", "dataplane/storage", "dataplane/format"]),
    ("dataplane/kinesis", COMMON + ["dataplane/peer", "dataplane/shard", "dataplane/placement", "dataplane/storage", "dataplane/format"]),
    ("dataplane/gateway", COMMON + ["dataplane/firehose", "dataplane/kinesis", "dataplane/peer", "dataplane/shard", "dataplane/placement", "dataplane/storage", "dataplane/format"]),
    ("dataplane/client", COMMON),
    ("dataplane/delivery/model", COMMON),
    ("dataplane/delivery/sinks/*", COMMON + DELIVERY + ["dataplane/client"]),
    ("dataplane/delivery/engine", COMMON + DELIVERY + ["dataplane/client"]),
    ("dataplane/delivery/service", COMMON + ["dataplane/client", "dataplane/delivery/*"]),
    ("dataplane/delivery/processing", COMMON + ["dataplane/delivery/model", "dataplane/delivery/formats"]),
    ("dataplane/delivery/*", COMMON + ["dataplane/delivery/model"]),
    ("dataplane/firehose", COMMON + ["dataplane/kinesis", "dataplane/peer", "dataplane/shard", "dataplane/placement", "dataplane/storage", "dataplane/format"]),
    ("dataplane/sql", COMMON + ["dataplane/client"]),
    ("dataplane/bin", COMMON + ["dataplane/*"]),
    ("dataplane", COMMON + ["dataplane/*"]),
    ("cli/*", COMMON + ["cli"]),
    ("cli", COMMON + ["operator", "operator/*", "controlplane", "controlplane/*", "dataplane/*"]),
    ("tests/support", COMMON + ["operator/*", "controlplane/*", "dataplane/*"]),
]

# Third parties by the folders that may include them; and whether their headers may stand in ours.
DOORS = [
    ("boost/asio", ["common/async", "common/net"], False),
    ("boost/beast", [], False),
    ("nghttp2/", ["common/http_server"], False),
    ("httplib.h", ["common/http_client"], False),
    ("openssl/", ["common/net", "common/http_client", "common/codec", "common/pki", "common/aws", "dataplane/format",
                  "tests/common/http_server"], False),
    ("nlohmann/", ["common/json"], False),
    ("yaml-cpp/", ["common/json"], False),
    ("prometheus/", ["common/metrics"], False),
    ("spdlog/", ["common/log"], False),
    ("re2/", ["common/aws", "cli/agent"], False),
    ("isa-l", ["common/codec", "dataplane/delivery/formats"], False),
    ("snappy", ["dataplane/delivery/formats"], False),
    ("zstd.h", ["dataplane/delivery/formats"], False),
    ("jq.h", ["dataplane/delivery/processing"], False),
    ("jv.h", ["dataplane/delivery/processing"], False),
    ("date/", ["dataplane/delivery/prefix"], False),
    ("libaio.h", ["dataplane/disk"], True),
    ("gtest/", ["tests"], True),
    ("gmock/", ["tests"], True),
]

FILE_LINES_MAX = 1000  # of any file
FUNCTION_LINES_MAX = 70
HEADER_LINES_P90 = 300
SOURCE_LINES_P90 = 500
FOLDER_THINGS_MAX = 25  # a header and its source are one thing
COMMON_LIBRARY_LINES_MAX = 3000

# Ratchets: what is over a limit already, and what it may have. May only get smaller.
LONG_FUNCTIONS = set()  # "path: name"
CROWDED_FOLDERS = {}
LARGE_LIBRARIES = {}

FORBIDDEN_FOLDERS = {"include", "src", "util", "utils", "misc", "helpers", "helper"}
EXECUTABLES = ["run", "test", ".ci/run", "cmake/install_dependencies.sh", "cmake/make_image_root.py", "e2e/cluster",
               "e2e/cluster.d/build_binaries.sh", "e2e/cluster.d/build_image.sh", "e2e/cluster.d/find_go.sh"]
