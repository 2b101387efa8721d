#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"

typedef struct x509_st X509;
typedef struct evp_pkey_st EVP_PKEY;

namespace millrace::net {

// What a TLS client shows of itself: a certificate and its private key. Immutable; any thread.
class ClientIdentity {
 public:
  // From PEM; of several certificates the first is ours.
  static Result<std::unique_ptr<ClientIdentity>> FromPem(const std::string& certificate,
                                                         const std::string& key);
  ~ClientIdentity();
  ClientIdentity(const ClientIdentity&) = delete;
  X509* certificate() const { return certificate_; }
  EVP_PKEY* key() const { return key_; }

 private:
  ClientIdentity(X509* certificate, EVP_PKEY* key) : certificate_(certificate), key_(key) {}
  X509* certificate_;
  EVP_PKEY* key_;
};

// Text as a file that has a path but never reaches a disk, for libraries that only read files. The
// path is this process's own and goes with the object.
class MemoryFile {
 public:
  static Result<std::unique_ptr<MemoryFile>> Make(const std::string& text);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace millrace::net
