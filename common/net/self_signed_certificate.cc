#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/net/tls.h"

namespace millrace::net {
namespace {

constexpr long kDaysValid = 825;  // the longest that Apple's clients take
constexpr long kSecondsPerDay = 86'400;

template <auto free_function>
struct Freer {
  template <typename T>
  void operator()(T* pointer) const {
    free_function(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using MemoryBio = std::unique_ptr<BIO, Freer<BIO_free>>;

Status OpenSslFailure(std::string_view what) {
  char text[256] = {};
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return Internal(std::string(what) + ": " + text);
}

bool AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool SetRandomSerial(X509* certificate) {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7f;  // positive
  BIGNUM* number = BN_bin2bn(bytes, sizeof bytes, nullptr);
  const bool set = number != nullptr &&
                   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr;
  BN_free(number);
  return set;
}

bool SetName(X509* certificate, const std::string& host_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>(host_name.c_str());
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1;
}

Result<Certificate> MakeCertificate(EVP_PKEY* key, const std::string& host_name) {
  Certificate certificate(X509_new());
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  if (!host_name.empty() && host_name != "localhost") names += ",DNS:" + host_name;
  const bool made =
      certificate != nullptr && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
      SetRandomSerial(certificate.get()) &&
      // A day back, for clients whose clock is behind.
      X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kSecondsPerDay) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(certificate.get()), (kDaysValid - 1) * kSecondsPerDay) !=
          nullptr &&
      SetName(certificate.get(), host_name.empty() ? "localhost" : host_name) &&
      X509_set_pubkey(certificate.get(), key) == 1 &&
      AddExtension(certificate.get(), NID_subject_alt_name, names) &&
      // Its own authority, so that a client can be given it as a CA file.
      AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") &&
      AddExtension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
      AddExtension(certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
      AddExtension(certificate.get(), NID_subject_key_identifier, "hash") &&
      X509_sign(certificate.get(), key, EVP_sha256()) != 0;
  if (!made) return OpenSslFailure("make a self-signed certificate");
  return certificate;
}

// Whole or not at all: written beside its place, made durable, then put there.
Status WriteFile(const std::string& path, mode_t mode, BIO* content) {
  char* data = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(content, &data));
  const std::string temporary = path + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return ErrnoStatus(errno, "open " + temporary);
  Status status;
  if (::fchmod(fd, mode) != 0 || ::write(fd, data, size) != static_cast<ssize_t>(size) ||
      ::fsync(fd) != 0) {
    status = ErrnoStatus(errno, "write " + temporary);
  }
  ::close(fd);
  RETURN_IF_ERROR(status);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, "rename " + temporary);
  }
  return OkStatus();
}

}  // namespace

Status EnsureSelfSignedCertificate(const std::string& certificate_path, const std::string& key_path,
                                   const std::string& host_name) {
  if (::access(certificate_path.c_str(), F_OK) == 0 && ::access(key_path.c_str(), F_OK) == 0) {
    return OkStatus();
  }
  Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return OpenSslFailure("make a key");
  ASSIGN_OR_RETURN(Certificate certificate, MakeCertificate(key.get(), host_name));
  MemoryBio key_pem(BIO_new(BIO_s_mem()));
  MemoryBio certificate_pem(BIO_new(BIO_s_mem()));
  if (key_pem == nullptr || certificate_pem == nullptr ||
      PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) !=
          1 ||
      PEM_write_bio_X509(certificate_pem.get(), certificate.get()) != 1) {
    return OpenSslFailure("write a certificate");
  }
  RETURN_IF_ERROR(WriteFile(key_path, 0600, key_pem.get()));
  return WriteFile(certificate_path, 0644, certificate_pem.get());
}

}  // namespace millrace::net
