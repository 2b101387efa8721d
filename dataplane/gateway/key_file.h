#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/aws/sigv4.h"
#include "common/base/status.h"

namespace millrace::gateway {

// Access keys from a YAML file: a list of {accessKeyId, secretAccessKey, accountId?, userName?,
// permissions?}; without permissions ({actions, streams} each) a key is good for everything.
// Looked up from any thread; read again by Refresh when the file has changed, and kept as they were
// where the new content does not parse. No secret is ever logged.
class KeyFile final : public aws::KeyStore {
 public:
  // Blocks; the file has to be there and to parse.
  static Result<std::unique_ptr<KeyFile>> Open(std::string path);
  std::optional<aws::Credentials> Find(std::string_view access_key_id) const override;
  // Blocks; one thread, now and then.
  void Refresh();

 private:
  using Keys = std::unordered_map<std::string, aws::Credentials>;
  explicit KeyFile(std::string path) : path_(std::move(path)) {}
  Status Load();
  // What tells one content of the file from another.
  std::string Fingerprint() const;

  const std::string path_;
  std::string fingerprint_;
  std::atomic<std::shared_ptr<const Keys>> keys_;
};

// The keys in the text of such a file; InvalidArgument names the entry that is wrong, never its
// secret.
Result<std::unordered_map<std::string, aws::Credentials>> ParseKeyFile(const std::string& text);

}  // namespace millrace::gateway
