#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "dataplane/client/cursors.h"
#include "dataplane/client/stream_reader.h"

namespace millrace::delivery {

// A shard's row in the cursor table: who delivers it, and how far it is delivered. As JSON:
// {"owner":"orders-0/5f0c…","counter":17,"position":"4960…","complete":false}.
struct Lease {
  std::string owner;         // "": nobody, handed back
  uint64_t counter = 0;      // grows with every renewal; one that stands still is a dead owner's
  std::string position;      // the last sequence number that is delivered; "": none
  bool is_complete = false;  // the shard ended and all of it is delivered

  static Result<Lease> Parse(const std::string& text);
  std::string ToText() const;
};

// What a worker has seen of other workers' rows, by its own clock.
struct LeaseSeen {
  uint64_t version = 0;
  MonoTime since{};  // when this version was first seen
};

struct LeaseInput {
  std::string me;
  std::vector<client::StreamShard> shards;
  std::map<std::string, Lease> leases;    // by shard
  std::map<std::string, LeaseSeen> seen;  // by shard
  MonoTime now{};
  Duration lease_time = std::chrono::seconds(5);
};

// What a worker should do with shards that are not its own.
struct LeasePlan {
  std::vector<std::string> take;    // free, or left by a dead worker, or more than another's share
  std::vector<std::string> forget;  // rows of shards that are delivered and no longer listed
};

// Pure. A shard is ready once its listed parents are complete, so that its records come after
// theirs. Workers share the ready shards evenly: one that has less than its share takes what is
// free or expired first, and then one at a time from the worker that has the most.
LeasePlan PlanLeases(const LeaseInput& input);

}  // namespace millrace::delivery
