#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "dataplane/delivery/model/receipt.h"

namespace millrace::delivery {

// How far one shard is delivered. Batches begin in the order of the shard and end in any; the
// position moves over those at the front that are done. So it never passes a record that is not
// delivered. Shared by the shard's feed and by receipts that outlive it; any thread.
class CheckpointTracker : public std::enable_shared_from_this<CheckpointTracker> {
 public:
  // `delivered`: the sequence number of the last record that needs no delivery any more; "" for
  // none.
  explicit CheckpointTracker(std::string delivered) : delivered_(std::move(delivered)) {}

  // A batch that ends with the record `last` ("": it has no records). The receipt goes with
  // everything that is made of it.
  std::shared_ptr<Receipt> Begin(std::string last);
  // No batch will follow: the shard is closed, and its last record was read.
  void End();

  std::string delivered() const;
  // The shard has ended, and all of it is delivered.
  bool is_complete() const;
  // Something was given up undelivered: the position stands still, and the shard must be read again
  // from there.
  bool has_failed() const;
  // Batches under way.
  size_t open_count() const;

 private:
  struct Batch {
    std::string last;
    bool is_done = false;
  };
  void Done(size_t number, bool delivered);

  mutable std::mutex mu_;
  std::string delivered_;
  std::deque<Batch> open_;
  size_t first_ = 0;  // the number of open_.front()
  bool is_ended_ = false;
  bool has_failed_ = false;
};

}  // namespace millrace::delivery
