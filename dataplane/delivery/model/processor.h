#pragma once

#include "common/base/status.h"
#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// One step of Firehose's processing: changes the records of a batch, may make several of one, and
// moves those it can't process to `failed`. Made from its parameters by a factory that refuses
// wrong ones. One thread at a time; may block (a function's endpoint) up to its own time-out. An
// error means that nothing of the batch was decided (the function is away): the same batch is tried
// again later, so the batch is left as it was.
class Processor {
 public:
  virtual ~Processor() = default;
  virtual Status Process(Batch& batch) = 0;
  // Breaks a call that another thread is in; those that come later fail.
  virtual void Stop() {}
};

}  // namespace millrace::delivery
