#pragma once

#include "dataplane/peer/peers.h"

namespace millrace::peer {

// One AppendOrder on its way: sent, repeated while its owner is away, given up in the end. Never
// sent to anybody but its owner: whoever routes by a newer map makes a new order. Lives on the
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
};

}  // namespace millrace::peer
