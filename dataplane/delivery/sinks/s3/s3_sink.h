#pragma once

#include <memory>
#include <string>

#include "dataplane/delivery/model/sink.h"
#include "dataplane/delivery/sinks/s3/s3_client.h"

namespace millrace::delivery {

// Objects of this size and more are sent in parts of it.
inline constexpr size_t kS3PartBytes = 16 << 20;

struct S3SinkOptions {
  S3ClientOptions client;
  std::string bucket;
  std::string encryption_type = "None";  // None, SSES3, KMS
  std::string encryption_key_id{};
};

// Objects in a bucket of any S3-compatible store. Delivered once S3 has answered 200; a retry
// writes the same key again and so doubles nothing. Every error is worth a retry, since buckets are
// made and credentials mended while records wait in their source; its words are S3's own. A failed
// upload in parts is aborted.
std::unique_ptr<Sink> MakeS3Sink(S3SinkOptions options, Clock& clock);

}  // namespace millrace::delivery
