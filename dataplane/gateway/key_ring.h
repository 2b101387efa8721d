#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/resources/shard_map.h"
#include "dataplane/gateway/master_key.h"

namespace millrace::gateway {

// Of the keys of streams that are in a folder of them; none where it is "". Any thread.
std::vector<std::string> KeyNamesIn(const std::string& folder);

// The master key, and the keys of streams that have one of their own: files of a folder, named as
// shard maps name them, which come and are never changed. A data key is wrapped by its stream's
// key, whose name goes with it, so that older extents are read after a rotation. Made in main, and
// outlives the log; any thread.
class KeyRing final : public storage::KeyWrapper {
 public:
  // `folder` "": no stream has a key of its own here.
  KeyRing(const storage::KeyWrapper& master, std::string folder)
      : master_(master), folder_(std::move(folder)) {}

  // Before extents are made by this map.
  void Note(const resources::ShardMap& map);

  Result<std::string> Wrap(std::string_view data_key) const override {
    return master_.Wrap(data_key);
  }
  // kUnavailable where the stream's key is not here yet.
  Result<std::string> WrapFor(uint64_t stream, std::string_view data_key) const override;
  Result<std::string> Unwrap(std::string_view wrapped) const override;

 private:
  Result<const MasterKey*> Find(const std::string& name) const;

  const storage::KeyWrapper& master_;
  const std::string folder_;
  mutable std::mutex mu_;
  // Guarded by mu_.
  std::map<uint64_t, std::string> names_;  // by stream
  mutable std::map<std::string, std::unique_ptr<MasterKey>> keys_;
};

}  // namespace millrace::gateway
