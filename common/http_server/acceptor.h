#pragma once

#include <memory>
#include <string>

#include "common/http_server/connection.h"
#include "common/net/listening_socket.h"
#include "common/net/tls.h"

namespace millrace::net {

// One listening socket; hands its connections round the executors, so that any number of them
// spreads evenly. Lives on its executor; kept alive by its own wait until Stop.
class Acceptor final : public ReadinessHandler, public std::enable_shared_from_this<Acceptor> {
 public:
  // Bound and listening on return; `port` is the one it got.
  static Result<std::shared_ptr<Acceptor>> Listen(std::shared_ptr<ServerContext> context,
                                                  size_t worker_index, const std::string& address,
                                                  std::shared_ptr<TlsContext> tls);
  ~Acceptor() override;
  uint16_t port() const { return port_; }
  Worker& worker() { return worker_; }
  // On the executor.
  void Start();
  void Stop();

  void OnReadable() override;
  void OnWritable() override {}

 private:
  Acceptor(std::shared_ptr<ServerContext> context, size_t worker_index, ListeningSocket socket,
           std::shared_ptr<TlsContext> tls);
  std::unique_ptr<Transport> MakeTransport(int fd) const;
  void Welcome(AcceptedSocket socket);

  const std::shared_ptr<ServerContext> context_;
  Worker& worker_;
  size_t next_worker_;
  const uint16_t port_;
  const int fd_;  // watch_ closes it
  const std::shared_ptr<TlsContext> tls_;
  std::unique_ptr<SocketWatch> watch_;
  bool stopped_ = false;
};

}  // namespace millrace::net
