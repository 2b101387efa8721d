#pragma once

#include "dataplane/peer/peers.h"

namespace millrace::peer {

// One AppendOrder on its way: sent, repeated while its owner is away, given up in the end, or soon
// after the map has taken the shard's writes from an owner that says nothing. Never sent to anybody
// but its owner: whoever routes by a newer map makes a new order. Lives on the
// executor that asked; shared by what it waits for.
class RemoteAppend : public std::enable_shared_from_this<RemoteAppend> {
 public:
  using Done = UniqueFunction<void(std::vector<AppendOutcome>)>;
  RemoteAppend(Peers& peers, Executor& executor, AppendOrder order, Done done)
      : peers_(peers), executor_(executor), order_(std::move(order)), done_(std::move(done)) {}
  void Start();

 private:
  void Try();
  void Take(PeerAnswer<std::vector<AppendOutcome>> answer);
  void TryLater();
  // Looks, while an answer is awaited, whether the owner still has the writes.
  void Watch();
  void LookWhetherMoved();
  bool Moved() const;
  // Every batch has this outcome.
  void End(Code code);
  void End(std::vector<AppendOutcome> outcomes);

  Peers& peers_;
  Executor& executor_;
  const AppendOrder order_;
  Done done_;
  AppendRequest request_;
  Peers::Link* link_ = nullptr;
  Executor::TimerId watch_ = 0;
  bool ended_ = false;
  std::optional<MonoTime> moved_since_;  // as far as was looked
};

}  // namespace millrace::peer
