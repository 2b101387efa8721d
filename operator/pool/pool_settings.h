#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace::op {

// What this installation gives to every pool, from the operator's flags (docs/designs/0002).
struct PoolSettings {
  std::string release = "millrace";   // of Helm
  std::string ns = "millrace";        // where it is
  std::string image;                  // for pools that name none
  std::string watch_namespaces;       // separated by commas; "": all
  std::string control_endpoint;       // "http://<release>-controlplane.<ns>.svc:8080"
  std::string internal_token_secret;  // with the key `token`, in `ns`
  std::string internal_token;         // what is in it, to copy to pools elsewhere
  // Secrets in `ns` that images are pulled with, for pools that name none; copied to pools
  // elsewhere.
  std::vector<std::string> image_pull_secrets;
  bool peer_tls = true;  // pods have certificates for each other (operator/certificates)
  // The ClusterRoleBinding of shard pods' accounts outside `ns`; "": all accounts are there.
  std::string account_binding;
  std::string account = "000000000000";
  std::string region = "us-east-1";
};

// What the pods of a pool tell of their volumes.
struct VolumeFigures {
  int64_t live_bytes_max = 0;  // of the fullest: what cannot be dropped
  bool is_any_full = false;    // one takes no writes for lack of room
};

// The ports of a shard pod, named http, https, peer and admin.
inline constexpr uint16_t kShardHttpPort = 4567;
inline constexpr uint16_t kShardHttpsPort = 4568;
inline constexpr uint16_t kShardPeerPort = 4569;
inline constexpr uint16_t kShardAdminPort = 8080;

}  // namespace millrace::op
