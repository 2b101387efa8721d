#include "dataplane/gateway/shard_settings.h"

#include <algorithm>
#include <thread>

namespace millrace::gateway {
namespace {

constexpr uint64_t kLogBytesMost = 1024 * 1024 * kGiB;

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

}  // namespace

ShardSettings::ShardSettings(config::Settings& s)
    : data(s.String("data", "", "The folder of this process: its log, maps and keys.", "DIR")),
      name(s.String("name", "shard-0", "What shard maps call this process.", "NAME")),
      store(s.String("store", "",
                     "Where shard maps come from: the folder of the file resource store, or "
                     "`kubernetes` for the Kubernetes API.",
                     "DIR|kubernetes")),
      kubeconfig(s.String("kubeconfig", "",
                          "How the Kubernetes API is reached; from inside a pod, by its service "
                          "account.",
                          "FILE")),
      watch_namespaces(s.String("watch-namespaces", "",
                                "Whose shard maps are followed, separated by commas; empty: all.",
                                "LIST")),
      listen(s.String("listen", "127.0.0.1:4566", "Where to serve HTTP.", "HOST:PORT|fd:N")),
      tls_listen(
          s.String("tls-listen", "", "Where to serve HTTPS; nowhere if empty.", "HOST:PORT|fd:N")),
      tls_cert(
          s.String("tls-cert", "", "PEM certificate; one is made where none is given.", "FILE")),
      tls_key(s.String("tls-key", "", "PEM key of the certificate.", "FILE")),
      admin_listen(s.String("admin-listen", "127.0.0.1:0", "Where to serve health and metrics.",
                            "HOST:PORT")),
      control_endpoint(s.String("control-endpoint", "",
                                "The control plane, for operations that are its.", "URL")),
      internal_token(s.String("internal-token", "",
                              "Secret of this run, for the environment (MILLRACE_INTERNAL_TOKEN).",
                              "TEXT")),
      auth(s.Choice("auth", "none", {"none", "sigv4"}, "Whether requests must be signed.")),
      access_keys(
          s.String("access-keys", "", "YAML list of accessKeyId and secretAccessKey.", "FILE")),
      account(s.String("account", "000000000000", "The account of every stream.", "DIGITS")),
      master_key_file(s.String(
          "master-key-file", "",
          "32 bytes in hexadecimal or base64 that wrap the keys of encrypted streams.", "FILE")),
      master_key(s.String("master-key", "", "The same, for the environment (MILLRACE_MASTER_KEY).",
                          "TEXT")),
      stream_keys_folder(s.String("stream-keys-folder", "",
                                  "Folder of the keys of streams that have one of their own.",
                                  "DIR")),
      enforce_on_demand_limits(s.Bool("enforce-on-demand-limits", false,
                                      "AWS's per-shard limits for ON_DEMAND streams, too.")),
      log_bytes_max(s.Size("log-bytes-max", kLogBytesMost, {256 * kMiB, kLogBytesMost},
                           "Size of the whole log on disk, past which puts are throttled.")),
      tail_cache_bytes(s.Size("tail-cache-bytes", 128 * kMiB, {kMiB, 64 * kGiB},
                              "Newest records kept in memory for live readers.")),
      peer_listen(s.String("peer-listen", "",
                           "Where the other pods of the service are served; nowhere if empty: this "
                           "process is alone.",
                           "HOST:PORT")),
      peers(s.String("peers", "", "Where other pods are: name=host:port, separated by commas.",
                     "LIST")),
      peer_domain(s.String("peer-domain", "",
                           "Any other pod is at its name under this domain, on --peer-port.",
                           "DOMAIN")),
      peer_home(s.String("peer-home", "",
                         "Namespace of other pools whose maps name none; pods of other pools are "
                         "at POD.POOL.NAMESPACE, and what follows in --peer-domain.",
                         "NAMESPACE")),
      peer_port(s.Int("peer-port", 0, {0, 65535}, "See --peer-domain.")),
      peer_tls_cert(s.String("peer-tls-cert", "",
                             "PEM certificate of this pod for other pods; none: no TLS among them.",
                             "FILE")),
      peer_tls_key(s.String("peer-tls-key", "", "PEM key of that certificate.", "FILE")),
      peer_tls_ca(s.String("peer-tls-ca", "", "PEM authority that other pods' certificates are of.",
                           "FILE")),
      peer_tls_folder(s.String("peer-tls-folder", "",
                               "Folder of tls.crt, tls.key and ca.crt for other pods, instead of "
                               "the three flags; with `prefer` in its file `mode`, pods that know "
                               "no TLS are spoken to in clear text.",
                               "DIR")),
      linger_seconds(
          s.Int("linger-seconds", 0, {0, 300},
                "How long it serves on after it was told to stop, so that load balancers "
                "hear of it first; a second signal ends it.")),
      iterator_key_file(s.String("iterator-key-file", "",
                                 "32 bytes that sign shard iterators, the same for all pods; "
                                 "without it they are derived from the internal token where there "
                                 "are other pods, and made in the data folder where not.",
                                 "FILE")),
      io_threads(
          s.Int("io-threads", 0, {0, 256}, "Event loops, each with a lane; 0 is one a core.")),
      log_level(s.Choice("log-level", "info", {"debug", "info", "warning", "error"},
                         "What is worth a line.")) {}

log::Level ShardSettings::LogLevel() const {
  if (log_level == "debug") return log::Level::kDebug;
  if (log_level == "warning") return log::Level::kWarning;
  return log_level == "error" ? log::Level::kError : log::Level::kInfo;
}

ShardServerOptions ShardSettings::ServerOptions() const {
  ShardServerOptions options;
  if (store == "kubernetes")
    options.kube_maps = KubeMapsOptions{kubeconfig, SplitList(watch_namespaces)};
  options.data = data;
  options.name = name;
  options.store = store;
  options.stream_keys = stream_keys_folder;
  options.listen = listen;
  options.tls_listen = tls_listen;
  options.tls_cert = tls_cert;
  options.tls_key = tls_key;
  options.admin_listen = admin_listen;
  options.token = internal_token;
  options.control_endpoint = control_endpoint;
  options.account = account;
  options.enforce_on_demand_limits = enforce_on_demand_limits;
  options.peer_listen = peer_listen;
  options.peers = peers;
  options.peer_domain = peer_domain;
  options.peer_home = peer_home;
  options.peer_port = static_cast<uint16_t>(peer_port);
  options.peer_tls_cert = peer_tls_cert;
  options.peer_tls_key = peer_tls_key;
  options.peer_tls_ca = peer_tls_ca;
  if (!peer_tls_folder.empty()) {
    options.peer_tls_cert = peer_tls_folder + "/tls.crt";
    options.peer_tls_key = peer_tls_folder + "/tls.key";
    options.peer_tls_ca = peer_tls_folder + "/ca.crt";
    options.peer_tls_mode = peer_tls_folder + "/mode";
  }
  options.linger = std::chrono::seconds(linger_seconds);
  options.iterator_key_file = iterator_key_file;
  options.io_threads = io_threads > 0 ? static_cast<size_t>(io_threads)
                                      : std::max<size_t>(1, std::thread::hardware_concurrency());
  // The process's budgets, shared out evenly among its lanes.
  options.lane.bytes_max = log_bytes_max / options.io_threads;
  options.lane.tail_cache_bytes = tail_cache_bytes / options.io_threads;
  return options;
}

Result<std::unique_ptr<KeyFile>> ShardSettings::OpenAccessKeys() const {
  if (auth != "sigv4") return std::unique_ptr<KeyFile>();
  if (access_keys.empty()) return InvalidArgument("--auth sigv4 needs --access-keys");
  return KeyFile::Open(access_keys);
}

Result<std::unique_ptr<MasterKey>> ShardSettings::OpenMasterKey() const {
  if (!master_key.empty()) return MasterKey::FromText(master_key);
  if (!master_key_file.empty()) return MasterKey::FromFile(master_key_file);
  return MasterKey::FromOwnFile(data + "/master.key");
}

}  // namespace millrace::gateway
