#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace millrace::net {

// A server's certificate and key, TLS 1.2 and later, ALPN h2 and http/1.1. Immutable; any thread.
class TlsContext {
 public:
  // From PEM files.
  static Result<std::shared_ptr<TlsContext>> FromFiles(const std::string& certificate_path,
                                                       const std::string& key_path);
  ~TlsContext();
  SSL_CTX* native() const { return context_; }

 private:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  SSL_CTX* context_;
};

// Writes a self-signed P-256 certificate for localhost, 127.0.0.1, ::1 and `host_name`, good for
// 825 days, and its key (mode 0600), unless both files exist already.
Status EnsureSelfSignedCertificate(const std::string& certificate_path, const std::string& key_path,
                                   const std::string& host_name);

}  // namespace millrace::net
