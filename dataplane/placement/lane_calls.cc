#include "dataplane/placement/lane_calls.h"

namespace millrace::shard {

void LaneCalls::AddSimple(size_t lane, std::function<void(storage::Lane&)> call) {
  Add(lane, [call = std::move(call)](storage::Lane& l, const std::function<void()>& finished) {
    call(l);
    finished();
  });
}

void LaneCalls::Run() {
  auto shared = std::make_shared<Shared>();
  for (const auto& calls : calls_) shared->left += calls.size();
  const auto finished = [shared] {
    std::lock_guard lock(shared->mu);
    if (--shared->left == 0) shared->idle.notify_all();
  };
  for (size_t i = 0; i < calls_.size(); ++i) {
    if (calls_[i].empty()) continue;
    log_.lane_executor(i).Post([&lane = log_.lane(i), calls = std::move(calls_[i]), finished] {
      for (const Call& call : calls) call(lane, finished);
    });
  }
  std::unique_lock lock(shared->mu);
  shared->idle.wait(lock, [&] { return shared->left == 0; });
}

}  // namespace millrace::shard
