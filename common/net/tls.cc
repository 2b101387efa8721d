#include "common/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cstring>

#include "common/base/bytes.h"

namespace millrace::net {
namespace {

constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;  // go on without: the preface tells
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

std::string LastError() {
  char text[256] = {};
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  ERR_clear_error();
  return text;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::FromFiles(const std::string& certificate_path,
                                                          const std::string& key_path) {
  return Open({certificate_path, key_path, "", Side::kServer});
}

Result<std::shared_ptr<TlsContext>> TlsContext::Mutual(Side side,
                                                       const std::string& certificate_path,
                                                       const std::string& key_path,
                                                       const std::string& authority_path) {
  if (authority_path.empty()) return InvalidArgument("mutual TLS needs an authority");
  return Open({certificate_path, key_path, authority_path, side});
}

Result<std::shared_ptr<TlsContext>> TlsContext::Open(Files files) {
  std::shared_ptr<TlsContext> made(new TlsContext(std::move(files)));
  RETURN_IF_ERROR(made->Load());
  return made;
}

std::string TlsContext::Fingerprint() const {
  std::string print;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.authority}) {
    struct stat info{};
    if (path->empty() || ::stat(path->c_str(), &info) != 0) continue;
    print += std::to_string(info.st_ino) + "." + std::to_string(info.st_size) + "." +
             std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + " ";
  }
  return print;
}

Status TlsContext::Refresh() { return Fingerprint() == fingerprint_ ? OkStatus() : Load(); }

Status TlsContext::Load() {
  // Also where they don't fit together: they are looked at again when they have changed again.
  fingerprint_ = Fingerprint();
  const bool client = files_.side == Side::kClient;
  const std::shared_ptr<SSL_CTX> made(
      SSL_CTX_new(client ? TLS_client_method() : TLS_server_method()), &SSL_CTX_free);
  SSL_CTX* const context = made.get();
  if (context == nullptr) return Internal("TLS context: " + LastError());
  SSL_CTX_set_min_proto_version(context,
                                files_.authority.empty() ? TLS1_2_VERSION : TLS1_3_VERSION);
  // Renegotiation is work that only the client pays nothing for; a missing close_notify is how most
  // clients leave, and our messages carry their length.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Several records in one system call.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 64 * kKiB);
  if (!client) SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, files_.certificate.c_str()) != 1) {
    return InvalidArgument("certificate " + files_.certificate + ": " + LastError());
  }
  if (SSL_CTX_use_PrivateKey_file(context, files_.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return InvalidArgument("key " + files_.key + ": " + LastError());
  }
  if (!files_.authority.empty()) {
    if (SSL_CTX_load_verify_locations(context, files_.authority.c_str(), nullptr) != 1)
      return InvalidArgument("authority " + files_.authority + ": " + LastError());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Every connection proves itself anew, so that a certificate that is taken back counts.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
  }
  context_.store(made, std::memory_order_release);
  return OkStatus();
}

}  // namespace millrace::net
