#pragma once

#include "common/config/setting.h"
#include "common/log/log.h"
#include "dataplane/gateway/key_file.h"
#include "dataplane/gateway/master_key.h"
#include "dataplane/gateway/shard_server.h"

namespace millrace::gateway {

// The settings of millrace-shard, declared on construction, read after Parse. Lives in main beside
// the config::Settings that its references point into.
struct ShardSettings {
  explicit ShardSettings(config::Settings& settings);

  log::Level LogLevel() const;
  // What the settings alone say of the server; keys and callbacks are filled in by main.
  ShardServerOptions ServerOptions() const;
  // The access keys where requests must be signed, null where not.
  Result<std::unique_ptr<KeyFile>> OpenAccessKeys() const;
  // From the environment, the file, or the data folder's own.
  Result<std::unique_ptr<MasterKey>> OpenMasterKey() const;

  const std::string& data;
  const std::string& name;
  const std::string& store;
  const std::string& kubeconfig;
  const std::string& watch_namespaces;
  const std::string& listen;
  const std::string& tls_listen;
  const std::string& tls_cert;
  const std::string& tls_key;
  const std::string& admin_listen;
  const std::string& control_endpoint;
  const std::string& internal_token;
  const std::string& auth;
  const std::string& access_keys;
  const std::string& account;
  const std::string& master_key_file;
  const std::string& master_key;
  const std::string& stream_keys_folder;
  const bool& enforce_on_demand_limits;
  const uint64_t& log_bytes_max;
  const uint64_t& tail_cache_bytes;
  const std::string& peer_listen;
  const std::string& peers;
  const std::string& peer_domain;
  const std::string& peer_home;
  const int64_t& peer_port;
  const std::string& peer_tls_cert;
  const std::string& peer_tls_key;
  const std::string& peer_tls_ca;
  const std::string& peer_tls_folder;
  const int64_t& linger_seconds;
  const std::string& iterator_key_file;
  const int64_t& io_threads;
  const std::string& log_level;
};

}  // namespace millrace::gateway
