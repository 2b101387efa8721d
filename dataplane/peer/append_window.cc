#include "dataplane/peer/append_window.h"

#include <algorithm>

namespace millrace::peer {

Result<bool> AppendWindow::Begin(const AppendRequest& request, MonoTime now, Done& done) {
  std::unique_lock lock(mu_);
  if (channels_.size() >= limits_.channels_max && !channels_.contains(request.channel)) Expire(now);
  if (channels_.size() >= limits_.channels_max && !channels_.contains(request.channel))
    return Status(Code::kThrottled, "too many channels between pods");
  ChannelState& channel = channels_[request.channel];
  channel.used = now;
  channel.settled_below = std::max(channel.settled_below, request.settled_below);
  channel.entries.erase(channel.entries.begin(),
                        channel.entries.lower_bound(channel.settled_below));
  if (request.number < channel.settled_below)
    return Status(Code::kConflict, "the request is settled already");
  const auto known = channel.entries.find(request.number);
  if (known != channel.entries.end()) {
    if (!known->second.outcomes) {
      known->second.waiting.push_back(std::move(done));
      return false;
    }
    Outcomes outcomes = *known->second.outcomes;
    lock.unlock();
    done(std::move(outcomes));
    return false;
  }
  if (request.repeated && request.incarnation != incarnation_)
    return Status(Code::kConflict, "a former incarnation of this pod may have done it");
  if (channel.entries.size() >= limits_.unsettled_max)
    return Status(Code::kThrottled, "too many requests between pods are unsettled");
  channel.entries[request.number];
  return true;
}

void AppendWindow::End(uint64_t channel, uint64_t number, const Outcomes& outcomes) {
  std::vector<Done> waiting;
  {
    std::lock_guard lock(mu_);
    const auto state = channels_.find(channel);
    if (state == channels_.end()) return;
    const auto entry = state->second.entries.find(number);
    if (entry == state->second.entries.end()) return;  // its sender has given it up
    entry->second.outcomes = outcomes;
    waiting = std::move(entry->second.waiting);
  }
  for (Done& done : waiting) done(outcomes);
}

void AppendWindow::Expire(MonoTime now) {
  std::erase_if(channels_, [&](const auto& item) {
    const ChannelState& channel = item.second;
    const bool under_way =
        std::any_of(channel.entries.begin(), channel.entries.end(),
                    [](const auto& entry) { return !entry.second.outcomes.has_value(); });
    return !under_way && now - channel.used > limits_.channel_idle_max;
  });
}

size_t AppendWindow::unsettled() const {
  std::lock_guard lock(mu_);
  size_t count = 0;
  for (const auto& [id, channel] : channels_) count += channel.entries.size();
  return count;
}

}  // namespace millrace::peer
