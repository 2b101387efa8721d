#include "common/http_client/client_identity.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/mman.h>
#include <unistd.h>

namespace millrace::net {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

Bio Reader(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

}  // namespace

Result<std::unique_ptr<ClientIdentity>> ClientIdentity::FromPem(const std::string& certificate,
                                                                const std::string& key) {
  X509* x509 = PEM_read_bio_X509(Reader(certificate).get(), nullptr, nullptr, nullptr);
  EVP_PKEY* pkey = PEM_read_bio_PrivateKey(Reader(key).get(), nullptr, nullptr, nullptr);
  std::unique_ptr<ClientIdentity> made(new ClientIdentity(x509, pkey));
  ERR_clear_error();
  if (x509 == nullptr) return InvalidArgument("the client certificate is no PEM certificate");
  if (pkey == nullptr) return InvalidArgument("the client key is no PEM private key");
  if (X509_check_private_key(x509, pkey) != 1) {
    ERR_clear_error();
    return InvalidArgument("the client key does not belong to the client certificate");
  }
  return made;
}

ClientIdentity::~ClientIdentity() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

Result<std::unique_ptr<MemoryFile>> MemoryFile::Make(const std::string& text) {
  int fd = memfd_create("millrace", MFD_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "memfd_create");
  std::unique_ptr<MemoryFile> made(new MemoryFile(fd));
  for (size_t done = 0; done < text.size();) {
    ssize_t n = write(fd, text.data() + done, text.size() - done);
    if (n < 0) return ErrnoStatus(errno, "write");
    done += static_cast<size_t>(n);
  }
  return made;
}

MemoryFile::~MemoryFile() { close(fd_); }

}  // namespace millrace::net
