#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "dataplane/delivery/model/record.h"

namespace millrace::delivery {

// Makes the bytes of one object out of records. Add appends, Finish completes; used once, by one
// thread at a time. What has been added is copied or encoded when Add returns, so the records'
// memory may go.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Records that the format refuses come back in `failed` ("format-conversion-failed"); an error is
  // about the whole object.
  virtual Status Add(const std::vector<Record>& records, std::vector<FailedRecord>& failed) = 0;
  // Bytes of output so far, as near as the format knows.
  virtual size_t size() const = 0;
  // The object's bytes; nothing may be added after.
  virtual Result<std::string> Finish() = 0;
};

// What makes encoders for one delivery stream, and how its objects are called.
class EncoderFactory {
 public:
  virtual ~EncoderFactory() = default;
  virtual std::unique_ptr<Encoder> Make() const = 0;
  virtual std::string_view extension() const = 0;         // ".gz", ".parquet", ""
  virtual std::string_view content_type() const = 0;      // "application/octet-stream"
  virtual std::string_view content_encoding() const = 0;  // "gzip" for the HTTP endpoint, else ""
};

}  // namespace millrace::delivery
