#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "dataplane/peer/channel.h"
#include "dataplane/peer/messages.h"
#include "dataplane/peer/peer_book.h"
#include "dataplane/peer/reach.h"
#include "dataplane/shard/remote_extents.h"

namespace millrace::peer {

struct PeerOptions {
  std::string self;  // this pod, as maps name it
  std::string token;
  PeerBook book;
  std::shared_ptr<net::TlsContext> tls;  // null: in clear text
  ChannelLimits channel;
  Duration call_time_max = std::chrono::seconds(3);  // of one try
  Duration retry_pause = std::chrono::milliseconds(50);
  // Inside a cluster; a pod whose node is cut off answers not even that it is not there.
  Duration append_connect_time_max = std::chrono::milliseconds(500);
  // A pod that has lost the write heads of an append and says nothing for so long is not waited
  // for.
  Duration moved_wait_max = std::chrono::milliseconds(500);
  // A pod that leaves a greeting unanswered for so long is silent: nobody waits until it seals.
  Duration silent_after = std::chrono::milliseconds(700);
};

// What becomes of maps that are heard of. Called on any thread; neither blocks.
struct MapNews {
  std::function<void()> look;                      // the source may have something new
  std::function<void(resources::ShardMap)> offer;  // another pod's, maybe newer than ours
};

// One try of one call.
template <typename Body>
struct PeerAnswer {
  Status status;            // of the way there, or what the other pod says
  bool maybe_done = false;  // with a failure: it may have been done all the same
  ReplyHead head;
  Body body;
};

// The records of one call for shards of one other pod.
struct AppendOrder {
  std::string owner;
  shard::StreamPtr stream;  // the map that they were routed by
  std::vector<AppendBatch> batches;
  MonoTime give_up_at{};
};

// The other pods, as this one calls them. Requests to a pod that is away are tried again until
// their time is up, appends under a token that makes a repetition no duplicate. Every answer
// carries map versions: what is newer than ours is looked for at once. Made in main after the
// IoThreads; called on any of their executors, where `done` runs, too. Stop, from outside them,
// when nothing is called any more.
class Peers final : public shard::RemoteExtents {
 public:
  Peers(IoThreads& io, PeerOptions options, shard::Placement& placement, Reach& reach,
        MapNews news);
  ~Peers() override { Stop(); }
  void Stop();

  // One outcome a batch, all of them: kResourceInUse where a batch is to be routed again by a newer
  // map, kThrottled and kNoSpace as the owner says, kInternal where nobody knows whether it was
  // done. By `give_up_at` and a little.
  void Append(Executor& executor, AppendOrder order,
              UniqueFunction<void(std::vector<AppendOutcome>)> done);

  void Read(Executor& executor, const shard::ShardRef& at, const resources::MapExtent& extent,
            const shard::RemoteReadOptions& options,
            UniqueFunction<void(Result<shard::RemoteRead>)> done) override;
  void Find(Executor& executor, const shard::ShardRef& at, const resources::MapExtent& extent,
            WallMs at_ms, UniqueFunction<void(Result<shard::RemoteInfo>)> done) override;

  // Tells `peer` of maps and hears of its own. With `all`, of every map there is here: who has none
  // newer then has nothing to hide from this pod.
  void Greet(Executor& executor, const std::string& peer, const KnownMaps& maps, bool all);
  // Has everybody seal what `maps` take from them, and blocks until they have or `time_max` is
  // over: so that nobody writes to an extent any more when the one that follows takes its first
  // record. One that is silent is told, but not waited for. From outside the executors.
  void SealElsewhere(const std::vector<const resources::ShardMap*>& maps, Duration time_max);
  // A map that another pod has sent.
  void Offer(resources::ShardMap map) { news_.offer(std::move(map)); }
  // `peer` has this version of a map: if ours is older, it is fetched, once at a time. Any thread.
  void Hear(const std::string& peer, uint64_t stream, uint64_t version);

  const PeerOptions& options() const { return options_; }
  // One that would tell of newer maps of this pod's streams; those of other pools need not have
  // heard of any.
  bool IsOfOwnPool(std::string_view peer) const { return PoolOf(peer) == PoolOf(options_.self); }

 private:
  friend class RemoteAppend;
  // Reads may be kept at their owner for a while; they must not stand in the way of writes.
  enum class Lane { kAppend, kRead, kOther };
  // What one executor has of one peer.
  struct Link {
    std::shared_ptr<Channel> lanes[3];
    // Tokens of appends.
    uint64_t channel = 0;
    uint64_t next_number = 1;
    std::set<uint64_t> unsettled;
    uint64_t incarnation = 0;  // last heard of
  };
  struct PerExecutor {
    IoExecutor* executor = nullptr;
    std::map<std::string, std::unique_ptr<Link>> links;
  };

  template <typename Body>
  void Call(Executor& executor, const std::string& peer, Lane lane, std::string_view path,
            const RequestHead& head, Pieces body, Duration time_max,
            UniqueFunction<void(PeerAnswer<Body>)> done);
  Link* LinkTo(Executor& executor, const std::string& peer);
  // Where the pool is that the pod is of, as any map of that pool says; "" where none does.
  std::string NamespaceOf(const std::string& peer) const;
  RequestHead HeadOf(const shard::StreamView& stream) const;
  void FetchMap(const std::string& peer, uint64_t stream, uint64_t version);
  bool IsSilent(const std::string& peer);

  IoThreads& io_;
  const PeerOptions options_;
  shard::Placement& placement_;
  Reach& reach_;
  const MapNews news_;
  Resolver resolver_;
  std::vector<PerExecutor> executors_;
  bool stopped_ = false;
  std::mutex mu_;
  // Guarded by mu_.
  std::map<uint64_t, uint64_t> fetching_;       // stream to version
  std::map<std::string, MonoTime> unanswered_;  // since when greetings of a pod have had no answer
};

}  // namespace millrace::peer
