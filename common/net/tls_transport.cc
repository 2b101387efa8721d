#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "common/base/bytes.h"
#include "common/net/transport.h"

namespace millrace::net {
namespace {

// Records are encrypted into a buffer and sent many at a time: one record is 16 KiB, one system
// call each would cost more than the encryption.
constexpr size_t kRecordSize = 16 * kKiB;
constexpr size_t kCipherTextMax = 256 * kKiB;
constexpr size_t kCipherTextKeptMax = 32 * kKiB;

// What the first record of a side can be.
constexpr int kAlertRecord = 0x15;
constexpr int kHandshakeRecord = 0x16;

// What OpenSSL reads from and writes to: the socket, and the transport's buffer.
struct Wire {
  int fd = -1;
  std::string cipher_text{};
  size_t sent = 0;
  int first_byte = -1;  // that the other side sent

  size_t pending() const { return cipher_text.size() - sent; }
  // False when the socket is broken.
  bool Send() {
    while (pending() > 0) {
      ssize_t n = ::send(fd, cipher_text.data() + sent, pending(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
      sent += static_cast<size_t>(n);
    }
    cipher_text.clear();
    sent = 0;
    if (cipher_text.capacity() > kCipherTextKeptMax) cipher_text.shrink_to_fit();
    return true;
  }
};

int ReadWire(BIO* bio, char* data, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  ssize_t got;
  do {
    got = ::recv(wire->fd, data, static_cast<size_t>(size), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
  if (got > 0 && wire->first_byte < 0) wire->first_byte = static_cast<unsigned char>(data[0]);
  return static_cast<int>(got);
}

int WriteWire(BIO* bio, const char* data, int size) {
  auto* wire = static_cast<Wire*>(BIO_get_data(bio));
  wire->cipher_text.append(data, static_cast<size_t>(size));
  return size;
}

long ControlWire(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

BIO_METHOD* WireMethod() {
  // Lives as long as the process.
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "millrace socket");
    BIO_meth_set_read(made, ReadWire);
    BIO_meth_set_write(made, WriteWire);
    BIO_meth_set_ctrl(made, ControlWire);
    return made;
  }();
  return method;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(SSL* ssl, std::unique_ptr<Wire> wire) : wire_(std::move(wire)), ssl_(ssl) {}
  ~TlsTransport() override { SSL_free(ssl_); }

  ssize_t Handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    return result == 1 ? 1 : Failure(result);
  }

  std::string_view application_protocol() const override {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }

  // Fills as much of `data` as there is: SSL_read gives at most one record.
  ssize_t Read(void* data, size_t size) override {
    size_t got = 0;
    while (got < size) {
      const int asked = static_cast<int>(std::min<size_t>(size - got, INT_MAX));
      ERR_clear_error();
      const int n = SSL_read(ssl_, static_cast<char*>(data) + got, asked);
      if (n > 0) {
        got += static_cast<size_t>(n);
        continue;
      }
      if (got > 0) break;  // told again by the next call
      return Failure(n);
    }
    return static_cast<ssize_t>(got);
  }

  bool MayHaveMore(size_t got, size_t asked) const override { return got == asked; }
  bool HasBufferedInput() const override { return SSL_has_pending(ssl_) == 1; }

  ssize_t Write(const iovec* pieces, size_t count) override {
    size_t taken = 0;
    char record[kRecordSize];
    size_t in_record = 0;
    for (size_t i = 0; i < count && wire_->pending() < kCipherTextMax; ++i) {
      const char* data = static_cast<const char*>(pieces[i].iov_base);
      size_t left = pieces[i].iov_len;
      while (left > 0 && wire_->pending() < kCipherTextMax) {
        // Whole records straight from the piece, small pieces together.
        if (in_record == 0 && left >= kRecordSize) {
          if (!Encrypt(data, kRecordSize)) return kFailed;
          data += kRecordSize;
          left -= kRecordSize;
          taken += kRecordSize;
          continue;
        }
        const size_t part = std::min(left, kRecordSize - in_record);
        std::memcpy(record + in_record, data, part);
        in_record += part;
        data += part;
        left -= part;
        taken += part;
        if (in_record < kRecordSize) continue;
        if (!Encrypt(record, in_record)) return kFailed;
        in_record = 0;
      }
    }
    if (in_record > 0 && !Encrypt(record, in_record)) return kFailed;
    return wire_->Send() ? static_cast<ssize_t>(taken) : kFailed;
  }

  size_t pending_output() const override { return wire_->pending(); }

  void ShutDownOutput() override {
    if (SSL_is_init_finished(ssl_)) {
      ERR_clear_error();
      SSL_shutdown(ssl_);
      wire_->Send();  // as far as it goes: the socket is closed next
    }
    ::shutdown(wire_->fd, SHUT_WR);
  }

  bool encrypted() const override { return true; }
  std::string problem() const override { return problem_; }
  bool met_clear_text() const override {
    const int first = wire_->first_byte;
    return first >= 0 && first != kAlertRecord && first != kHandshakeRecord;
  }

 private:
  // The buffer takes everything, so that nothing has to be tried again.
  bool Encrypt(const char* data, size_t size) {
    ERR_clear_error();
    return SSL_write(ssl_, data, static_cast<int>(size)) == static_cast<int>(size);
  }

  ssize_t Failure(int result) {
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        return kWouldBlock;
      case SSL_ERROR_ZERO_RETURN:
        return 0;
      default:
        NoteProblem();
        return kFailed;
    }
  }

  // Of OpenSSL's errors the first is the cause; where it is a certificate, what is wrong with it.
  void NoteProblem() {
    const unsigned long code = ERR_peek_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    problem_ = reason == nullptr ? "the connection ended" : reason;
    const long verdict = SSL_get_verify_result(ssl_);
    if (verdict != X509_V_OK) {
      problem_ += std::string(" (") + X509_verify_cert_error_string(verdict) + ")";
    }
    ERR_clear_error();
  }

  const std::unique_ptr<Wire> wire_;
  SSL* const ssl_;
  std::string problem_;
};

// Made of both; which of them it is shows with the first byte.
class TlsOrPlainTransport final : public Transport {
 public:
  TlsOrPlainTransport(int fd, std::unique_ptr<Transport> tls)
      : fd_(fd), tls_(std::move(tls)), plain_(MakePlainTransport(fd)) {}

  ssize_t Handshake() override {
    if (chosen_ == nullptr) {
      unsigned char first = 0;
      const ssize_t got = ::recv(fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
      if (got < 0) return errno == EAGAIN || errno == EINTR ? kWouldBlock : kFailed;
      if (got == 0) return kFailed;
      unread_ = first != kHandshakeRecord;
      chosen_ = unread_ ? plain_.get() : tls_.get();
    }
    return chosen_->Handshake();
  }
  std::string_view application_protocol() const override { return now().application_protocol(); }
  ssize_t Read(void* data, size_t size) override {
    unread_ = false;
    return now().Read(data, size);
  }
  bool MayHaveMore(size_t got, size_t asked) const override {
    return now().MayHaveMore(got, asked);
  }
  bool HasBufferedInput() const override { return unread_ || now().HasBufferedInput(); }
  ssize_t Write(const iovec* pieces, size_t count) override { return now().Write(pieces, count); }
  size_t pending_output() const override { return now().pending_output(); }
  void ShutDownOutput() override { now().ShutDownOutput(); }
  bool encrypted() const override { return now().encrypted(); }
  std::string problem() const override { return now().problem(); }

 private:
  Transport& now() const { return chosen_ == nullptr ? *plain_ : *chosen_; }

  const int fd_;
  const std::unique_ptr<Transport> tls_;
  const std::unique_ptr<Transport> plain_;
  Transport* chosen_ = nullptr;
  bool unread_ = false;  // the byte that was looked at is still to be read
};

}  // namespace

namespace {

// An SSL over `wire`; null when OpenSSL has no memory.
SSL* MakeSsl(SSL_CTX* context, Wire* wire) {
  SSL* ssl = SSL_new(context);
  BIO* bio = BIO_new(WireMethod());
  if (ssl == nullptr || bio == nullptr) {
    SSL_free(ssl);
    BIO_free(bio);
    return nullptr;
  }
  BIO_set_data(bio, wire);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return ssl;
}

}  // namespace

std::unique_ptr<Transport> MakeTlsTransport(int fd, SSL_CTX* context) {
  auto wire = std::make_unique<Wire>(Wire{.fd = fd});
  SSL* ssl = MakeSsl(context, wire.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsTransport>(ssl, std::move(wire));
}

std::unique_ptr<Transport> MakeTlsOrPlainTransport(int fd, SSL_CTX* context) {
  std::unique_ptr<Transport> tls = MakeTlsTransport(fd, context);
  if (tls == nullptr) return nullptr;
  return std::make_unique<TlsOrPlainTransport>(fd, std::move(tls));
}

std::unique_ptr<Transport> MakeTlsClientTransport(int fd, SSL_CTX* context,
                                                  const std::string& host) {
  auto wire = std::make_unique<Wire>(Wire{.fd = fd});
  SSL* ssl = MakeSsl(context, wire.get());
  if (ssl == nullptr) return nullptr;
  SSL_set_connect_state(ssl);
  in_addr v4{};
  const bool named = ::inet_pton(AF_INET, host.c_str(), &v4) != 1;
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl);
  const bool set = named ? X509_VERIFY_PARAM_set1_host(expected, host.c_str(), 0) == 1 &&
                               SSL_set_tlsext_host_name(ssl, host.c_str()) == 1
                         : X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  if (!set) {
    SSL_free(ssl);
    return nullptr;
  }
  return std::make_unique<TlsTransport>(ssl, std::move(wire));
}

}  // namespace millrace::net
