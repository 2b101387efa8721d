#include "common/net/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>

#include "common/base/bytes.h"
#include "tests/common/http_server/net_fixture.h"

namespace millrace::net {
namespace {

using std::chrono::milliseconds;

class Tls : public NetTest {};

std::string FreshFolder() {
  char folder[] = "/tmp/millrace-tls-XXXXXX";
  EXPECT_NE(::mkdtemp(folder), nullptr);
  return folder;
}

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A TLS client that speaks HTTP/1.1 by hand.
class TlsClient {
 public:
  explicit TlsClient(uint16_t port, const std::string& authority = "", int version_max = 0)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    if (version_max != 0) SSL_CTX_set_max_proto_version(context_, version_max);
    if (!authority.empty()) {
      SSL_CTX_load_verify_file(context_, authority.c_str());
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
    }
    ssl_ = SSL_new(context_);
    if (!authority.empty()) SSL_set1_host(ssl_, "streams.test");
    SSL_set_fd(ssl_, socket_.fd());
    connected_ = SSL_connect(ssl_) == 1;
  }
  ~TlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }
  bool connected() const { return connected_; }
  SSL* ssl() { return ssl_; }
  void Say(const std::string& bytes) {
    EXPECT_GT(SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())), 0);
  }
  std::string Hear(size_t size) {
    std::string heard;
    char data[16384];
    while (heard.size() < size) {
      int n = SSL_read(ssl_, data, sizeof data);
      if (n <= 0) break;
      heard.append(data, static_cast<size_t>(n));
    }
    return heard;
  }

 private:
  RawClient socket_;
  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
  bool connected_ = false;
};

TEST_F(Tls, MakesACertificateOnceThatClientsCanVerify) {
  const std::string folder = FreshFolder();
  const std::string certificate = folder + "/tls.crt";
  const std::string key = folder + "/tls.key";
  ASSERT_TRUE(EnsureSelfSignedCertificate(certificate, key, "streams.test").ok());
  struct stat info{};
  ASSERT_EQ(::stat(key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  const std::string before = Contents(certificate);
  EXPECT_TRUE(before.starts_with("-----BEGIN CERTIFICATE-----"));
  ASSERT_TRUE(EnsureSelfSignedCertificate(certificate, key, "streams.test").ok());
  EXPECT_EQ(Contents(certificate), before);

  auto context = TlsContext::FromFiles(certificate, key);
  ASSERT_TRUE(context.ok());
  Serve(Echo);
  auto port = server_->Listen("127.0.0.1:0", *context);
  ASSERT_TRUE(port.ok());
  TlsClient client(*port, certificate);
  ASSERT_TRUE(client.connected());
  client.Say("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.Hear(100'000).ends_with("GET /a "));
}

TEST_F(Tls, SaysWhichFileIsWrong) {
  const std::string folder = FreshFolder();
  auto missing = TlsContext::FromFiles(folder + "/no.crt", folder + "/no.key");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("no.crt"), std::string::npos);
  for (const char* name : {"/a", "/b"}) {
    ASSERT_TRUE(
        EnsureSelfSignedCertificate(folder + name + ".crt", folder + name + ".key", "h").ok());
  }
  auto mismatched = TlsContext::FromFiles(folder + "/a.crt", folder + "/b.key");
  ASSERT_FALSE(mismatched.ok());
  EXPECT_NE(mismatched.status().message().find("b.key"), std::string::npos);
  EXPECT_FALSE(EnsureSelfSignedCertificate("/no/such/folder/a", "/no/such/folder/b", "h").ok());
}

TEST_F(Tls, Carries12And13ButNothingOlder) {
  Serve([](HttpRequest request, std::shared_ptr<ResponseWriter> writer) {
    writer->Send({200, {}, {request.body, Slice::Static("!"), request.body}});
  });
  const std::string body(3 * kMiB + 17, 'x');
  for (int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(tls_port_, "", version);
    ASSERT_TRUE(client.connected());
    client.Say("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n");
    client.Say(body);
    std::string heard = client.Hear(100 * kMiB);
    EXPECT_TRUE(heard.ends_with("\r\n\r\n" + body + "!" + body));
  }
  EXPECT_FALSE(TlsClient(tls_port_, "", TLS1_1_VERSION).connected());
}

TEST_F(Tls, ServesSmallRequestsInOneRecordAfterAnother) {
  Serve(Echo);
  TlsClient client(tls_port_);
  ASSERT_TRUE(client.connected());
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
  client.Say(requests + "GET /z HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  std::string heard = client.Hear(1'000'000);
  EXPECT_TRUE(heard.ends_with("GET /z "));
  size_t answers = 0;
  for (size_t at = heard.find("HTTP/1.1 200"); at != std::string::npos;
       at = heard.find("HTTP/1.1 200", at + 1)) {
    ++answers;
  }
  EXPECT_EQ(answers, 51U);
}

TEST_F(Tls, CutsOffWhoNeverFinishesTheHandshakeOrSpeaksInClear) {
  HttpServerOptions options;
  options.limits.handshake_time_max = milliseconds(80);
  Serve(Echo, options);
  RawClient silent(tls_port_);
  EXPECT_TRUE(silent.AtEnd());
  RawClient clear(tls_port_);
  clear.Say("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(clear.HearAll().find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(Tls, AServerThatLetsClearTextInTakesBothAndStopsWhenTold) {
  Serve(Echo);
  auto context = TestTls();
  context->AllowClearText(true);
  const auto port = server_->Listen("127.0.0.1:0", context);
  ASSERT_TRUE(port.ok());
  const std::string request = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  {
    RawClient clear(*port);
    clear.Say(request);
    EXPECT_TRUE(clear.HearAll().ends_with("GET /a "));
    TlsClient client(*port);
    ASSERT_TRUE(client.connected());
    client.Say(request);
    EXPECT_TRUE(client.Hear(100'000).ends_with("GET /a "));
  }
  context->AllowClearText(false);
  RawClient clear(*port);
  clear.Say(request);
  EXPECT_EQ(clear.HearAll().find("HTTP/1.1 200"), std::string::npos);
  EXPECT_TRUE(TlsClient(*port).connected());
}

}  // namespace
}  // namespace millrace::net
