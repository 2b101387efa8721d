#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "dataplane/delivery/engine/partition_buffers.h"
#include "dataplane/delivery/model/encoder.h"
#include "dataplane/delivery/model/sink.h"
#include "dataplane/delivery/prefix/prefix.h"

namespace millrace::delivery {

// Makes a bundle into what its sink takes. Any thread.
class ParcelMaker {
 public:
  virtual ~ParcelMaker() = default;
  // `records` are the bundle's. Records that the format refuses go to `failed`; a parcel without
  // records is not sent. An error: nothing of the bundle can be delivered so (a prefix that can't
  // be evaluated, say), and all of it is refused.
  virtual Result<Parcel> Make(const Bundle& bundle, const std::vector<Record>& records,
                              std::vector<FailedRecord>& failed) = 0;
};

// Objects: encoded, named by prefix, stream, version, time and a UUID.
struct ObjectNaming {
  Prefix prefix;
  std::string stream;
  std::string version;    // of the delivery stream's configuration
  std::string extension;  // "": the encoder's own
};
std::unique_ptr<ParcelMaker> MakeObjectParcels(ObjectNaming naming,
                                               std::unique_ptr<EncoderFactory> encoders);
// Records as they are.
std::unique_ptr<ParcelMaker> MakeRecordParcels();

}  // namespace millrace::delivery
