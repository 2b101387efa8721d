#pragma once

#include <string>

#include "common/config/setting.h"
#include "operator/cluster_operator.h"

namespace millrace::op {

// The flags of millrace-operator. Declared here, read by its main; lives as long as the Settings.
struct OperatorSettings {
  explicit OperatorSettings(config::Settings& settings);

  // What is wrong in them, or in the file of the default pool.
  Result<ClusterOperatorOptions> Options() const;
  Status ReadDelivery(ClusterOperatorOptions& options) const;

  const std::string& ns;
  const std::string& release;
  const std::string& image;
  const std::string& watch_namespaces;
  const std::string& admin_listen;
  const std::string& control_endpoint;
  const std::string& internal_token_secret;
  const std::string& image_pull_secrets;
  const std::string& internal_token;
  const std::string& lease;
  const std::string& pod_name;
  const std::string& default_pool;
  const std::string& delivery;
  const std::string& region;
  const std::string& account;
  const std::string& endpoint;
  const bool& enforce_on_demand_limits;
  const std::string& account_binding;
  const bool& peer_tls;
  const std::string& tls_names;
  const std::string& kubeconfig;
  const std::string& context;
  const std::string& log_level;
};

}  // namespace millrace::op
