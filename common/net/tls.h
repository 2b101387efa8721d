#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "common/base/status.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace millrace::net {

// A certificate and its key, in PEM files that may be replaced at any time. TLS 1.2 and later. Any
// thread.
class TlsContext {
 public:
  // Of a server that asks clients for nothing; ALPN h2 and http/1.1.
  static Result<std::shared_ptr<TlsContext>> FromFiles(const std::string& certificate_path,
                                                       const std::string& key_path);
  // Between processes that know each other by one authority: a server asks for a certificate of it,
  // a client shows its own. TLS 1.3 only.
  enum class Side { kServer, kClient };
  static Result<std::shared_ptr<TlsContext>> Mutual(Side side, const std::string& certificate_path,
                                                    const std::string& key_path,
                                                    const std::string& authority_path);

  // As the files were when last read; whoever holds it keeps it.
  std::shared_ptr<SSL_CTX> native() const { return context_.load(std::memory_order_acquire); }
  // Reads the files again where they have changed: connections from now on use them. What does not
  // fit together leaves the last ones standing and is returned. Blocks; one thread, now and then.
  Status Refresh();

  // While there may be others who know no TLS yet: servers take clear text as well, and clients go
  // on in it where the other side answers in it. Off at first; connections from now on.
  void AllowClearText(bool allowed) { clear_text_.store(allowed, std::memory_order_relaxed); }
  bool allows_clear_text() const { return clear_text_.load(std::memory_order_relaxed); }

 private:
  struct Files {
    std::string certificate;
    std::string key;
    std::string authority;  // "": nobody is asked
    Side side = Side::kServer;
  };
  explicit TlsContext(Files files) : files_(std::move(files)) {}
  static Result<std::shared_ptr<TlsContext>> Open(Files files);
  Status Load();
  // What tells one content of the files from another.
  std::string Fingerprint() const;

  const Files files_;
  std::string fingerprint_;
  std::atomic<std::shared_ptr<SSL_CTX>> context_;
  std::atomic<bool> clear_text_{false};
};

// Writes a self-signed P-256 certificate for localhost, 127.0.0.1, ::1 and `host_name`, good for
// 825 days, and its key (mode 0600), unless both files exist already.
Status EnsureSelfSignedCertificate(const std::string& certificate_path, const std::string& key_path,
                                   const std::string& host_name);

}  // namespace millrace::net
