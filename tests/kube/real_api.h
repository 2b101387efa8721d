#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <thread>

#include "common/base/random.h"
#include "common/kube/client.h"

namespace millrace::kube {

inline bool Eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds time_max = std::chrono::seconds(15)) {
  const auto give_up = std::chrono::steady_clock::now() + time_max;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// A test with a namespace of its own on the API server that tests/kube/run.py has started.
class RealApi : public ::testing::Test {
 protected:
  static ClusterAccess Access() {
    const char* path = std::getenv("MILLRACE_TEST_KUBECONFIG");
    CHECK(path != nullptr);  // run by tests/kube/run.py
    Result<ClusterAccess> access = ClusterAccess::FromKubeconfig(path);
    CHECK(access.ok());
    return *access;
  }
  RealApi() {
    json::Value ns;
    ns["metadata"].Set("name", ns_);
    Result<json::Value> made = client_.Create(types::Namespace(), ns);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
  }
  json::Value ConfigMap(const std::string& name, const std::string& value = "1") const {
    json::Value map;
    map["metadata"].Set("name", name);
    map["metadata"].Set("namespace", ns_);
    map["data"].Set("key", value);
    return map;
  }
  const std::string ns_ = "t-" + NewUuid().substr(0, 8);
  Client client_{Access()};
};

}  // namespace millrace::kube
