#pragma once

#include <functional>
#include <optional>

#include "common/resources/store.h"
#include "operator/engine/controller.h"
#include "operator/stream/stream_plan.h"

namespace millrace::op {

// Reads a Stream, its map and what shard processes report, plans (stream_plan.h), acts, writes
// status. Stateless between calls; any number of worker threads, one a key.
class StreamReconciler {
 public:
  // Gives a pool's pods and what they report of an incarnation. Any thread.
  using Observe = std::function<ObservedPool(const std::string& pool, uint64_t uid)>;
  // Is told of records that were given up, after the map that does it is written. Any thread.
  using OnLoss = std::function<void(const resources::Resource& stream, const LossAccepted& loss)>;
  // Hands the key that a stream's Secret holds to its pool; asked for streams that name one.
  // Blocks.
  using GiveKey = std::function<StreamKeyState(const resources::Resource& stream,
                                               const resources::StreamSpec&, const ObservedPool&)>;
  StreamReconciler(resources::ResourceStore& store, Clock& clock, StreamSettings settings,
                   Observe observe, OnLoss on_loss = {}, GiveKey give_key = {});
  Outcome Reconcile(const resources::ResourceKey& key);
  // Removes the maps of deleted streams whose extents are gone; a slow loop calls it. A map stays
  // until the clock alone gives greater epochs than it did, for a stream made anew by its name.
  Status CollectDroppedMaps();

 private:
  Result<std::optional<resources::ShardMap>> ReadMap(const resources::ResourceKey& key,
                                                     resources::Resource& object);
  Status WriteMap(const resources::ResourceKey& key, const resources::ShardMap& map,
                  resources::Resource& object);
  bool IsDropped(const resources::ShardMap& map) const;
  Result<uint64_t> RetiredEpoch(const resources::Resource& stream);
  StreamKeyState KeyOf(const resources::Resource& stream, const resources::StreamSpec& spec,
                       const StreamInput& input) const;
  Result<std::string> NameTakenBy(const resources::Resource& stream);
  void TellLoss(const resources::Resource& stream, const LossAccepted& loss);
  Outcome Act(resources::Resource stream, const StreamPlan& plan, resources::Resource map_object);

  resources::ResourceStore& store_;
  Clock& clock_;
  const StreamSettings settings_;
  const Observe observe_;
  const OnLoss on_loss_;
  const GiveKey give_key_;
};

}  // namespace millrace::op
