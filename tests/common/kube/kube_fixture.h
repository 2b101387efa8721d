#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/kube/watch.h"
#include "tests/support/fake_kube_api.h"

namespace millrace::kube {

inline bool Eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds time_max = std::chrono::seconds(5)) {
  const auto give_up = std::chrono::steady_clock::now() + time_max;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline json::Value Pod(const std::string& name, const std::string& ns = "default") {
  json::Value pod;
  pod["metadata"].Set("name", name);
  pod["metadata"].Set("namespace", ns);
  pod["spec"].Set("nodeName", "node-1");
  return pod;
}

class KubeTest : public ::testing::Test {
 protected:
  Result<json::Value> CreatePod(const std::string& name) {
    return client_.Create(types::Pod(), Pod(name));
  }
  testing_support::FakeKubeApi api_;
  Client client_{api_.access()};
};

// Notes in words what a watch says.
class NotingSink final : public WatchSink {
 public:
  void OnRelistBegin() override { Note("begin"); }
  void OnRelistEnd(const std::string&) override { Note("end"); }
  void OnEvent(EventType type, json::Value object) override {
    const char* names[] = {"+", "~", "-"};
    Note(names[static_cast<int>(type)] + NameOf(object).name);
  }
  void OnBookmark(const std::string&) override { Note("bookmark"); }
  void OnHealth(const Status& health) override {
    std::lock_guard lock(mu_);
    if (!health.ok()) problems_.push_back(health.ToString());
  }
  std::vector<std::string> Heard() const {
    std::lock_guard lock(mu_);
    return heard_;
  }
  size_t CountOf(const std::string& word) const {
    std::lock_guard lock(mu_);
    return static_cast<size_t>(std::count(heard_.begin(), heard_.end(), word));
  }
  bool Hears(const std::string& word) const {
    return Eventually([&] { return CountOf(word) > 0; });
  }
  size_t problem_count() const {
    std::lock_guard lock(mu_);
    return problems_.size();
  }

 private:
  void Note(std::string word) {
    std::lock_guard lock(mu_);
    heard_.push_back(std::move(word));
  }
  mutable std::mutex mu_;
  std::vector<std::string> heard_;
  std::vector<std::string> problems_;
};

}  // namespace millrace::kube
