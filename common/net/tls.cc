#include "common/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

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
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return Internal("TLS context: " + LastError());
  std::shared_ptr<TlsContext> made(new TlsContext(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Renegotiation is work that only the client pays nothing for; a missing close_notify is how most
  // clients leave, and our messages carry their length.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Several records in one system call.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 64 * kKiB);
  SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate_path.c_str()) != 1) {
    return InvalidArgument("certificate " + certificate_path + ": " + LastError());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_path.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return InvalidArgument("key " + key_path + ": " + LastError());
  }
  return made;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

}  // namespace millrace::net
