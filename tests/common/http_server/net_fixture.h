#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "common/async/io_threads.h"
#include "common/http_server/http_server.h"
#include "common/net/tls.h"

namespace millrace::net {

// A blocking socket to 127.0.0.1 that says and hears plain bytes, as no HTTP client would. Every
// wait is bounded.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  void Say(std::string_view bytes);
  // As much as one read gives; "" at the end.
  std::string Hear();
  // Until `text` was heard (or the end); everything since the last call.
  std::string HearUntil(std::string_view text);
  std::string HearAll();
  // One response with its whole body, by its Content-Length.
  std::string HearResponse();
  // Nothing more comes: the server closed.
  bool AtEnd();
  void FinishSaying();
  void SetReceiveBuffer(int bytes);
  void Close();
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
  std::string heard_;  // not yet returned
};

// Writes a certificate for localhost into a fresh folder and loads it.
std::shared_ptr<TlsContext> TestTls(std::string* certificate_path = nullptr);

// A server on a free port with `handler`, in clear text and in TLS.
class NetTest : public testing::Test {
 protected:
  void Serve(HttpHandler handler, HttpServerOptions options = {});
  void TearDown() override;

  std::unique_ptr<IoThreads> io_ = std::make_unique<IoThreads>(2, "net-test");
  std::unique_ptr<HttpServer> server_;
  uint16_t port_ = 0;
  uint16_t tls_port_ = 0;
};

// Answers 200 with what it was asked: "METHOD target body".
void Echo(HttpRequest request, std::shared_ptr<ResponseWriter> writer);

// True once, when `Set` was called; waits up to 5 s for that.
class Flag {
 public:
  void Set() {
    std::lock_guard lock(mu_);
    set_ = true;
    changed_.notify_all();
  }
  bool Wait(std::chrono::milliseconds time_max = std::chrono::seconds(5)) {
    std::unique_lock lock(mu_);
    return changed_.wait_for(lock, time_max, [this] { return set_; });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  bool set_ = false;
};

}  // namespace millrace::net
