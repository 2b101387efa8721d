#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "dataplane/storage/lane.h"

namespace millrace::gateway {

// Wraps the data keys of encrypted extents with AES-256-GCM under this installation's master key.
// Immutable; any thread.
class MasterKey final : public storage::KeyWrapper {
 public:
  // 32 bytes in hexadecimal or base64, white space around them ignored; never in a message.
  static Result<std::unique_ptr<MasterKey>> FromText(std::string_view text);
  static Result<std::unique_ptr<MasterKey>> FromFile(const std::string& path);
  // From `path`, made there (mode 0600) where it is missing, which is said in the log: whoever
  // loses this file loses what was encrypted under it.
  static Result<std::unique_ptr<MasterKey>> FromOwnFile(const std::string& path);

  Result<std::string> Wrap(std::string_view data_key) const override;
  Result<std::string> Unwrap(std::string_view wrapped) const override;

 private:
  explicit MasterKey(std::string key) : key_(std::move(key)) {}
  const std::string key_;
};

}  // namespace millrace::gateway
