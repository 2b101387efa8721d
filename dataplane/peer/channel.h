#pragma once

#include <deque>
#include <list>
#include <memory>
#include <vector>

#include "dataplane/peer/client_connection.h"

namespace millrace::peer {

struct ChannelLimits {
  size_t connections_max = 64;
  size_t waiting_max = 1024;
  Duration idle_max = std::chrono::seconds(30);    // shorter than servers keep idle connections
  Duration warn_pause = std::chrono::seconds(10);  // between two log lines about certificates
  // How long a peer that knew no TLS is spoken to in clear text before TLS is tried again.
  Duration in_clear_max = std::chrono::seconds(5);
};

// Requests from one executor to one peer: as many at once as there are connections, the rest wait
// their turn, and past `waiting_max` they are refused with kThrottled. Lives on its executor; owned
// by Peers. After Close no request is answered any more.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(IoExecutor& executor, Resolver& resolver, PeerAddress address,
          std::shared_ptr<net::TlsContext> tls, ChannelLimits limits)
      : executor_(executor),
        resolver_(resolver),
        address_(std::move(address)),
        tls_(std::move(tls)),
        limits_(limits) {}
  // `done` comes exactly once, by `request.time_max` at the latest, on the executor, maybe before
  // the return.
  void Send(ClientRequest request, ClientConnection::Done done);
  void Close();

 private:
  struct Waiting {
    ClientRequest request;
    ClientConnection::Done done;
    MonoTime until{};
  };
  struct Idle {
    std::shared_ptr<ClientConnection> connection;
    MonoTime since{};
  };
  void Use(std::shared_ptr<ClientConnection> connection, ClientRequest request,
           ClientConnection::Done done);
  std::shared_ptr<ClientConnection> TakeIdle();
  // Whether a connection in clear text may be used now.
  bool MayUse(const ClientConnection& connection, MonoTime now) const;
  bool StartsInClear(MonoTime now) const;
  void Done(const std::shared_ptr<ClientConnection>& connection, const Status& status);
  void SendWaiting();

  IoExecutor& executor_;
  Resolver& resolver_;
  const PeerAddress address_;
  const std::shared_ptr<net::TlsContext> tls_;
  const ChannelLimits limits_;
  std::vector<Idle> idle_;
  std::list<std::shared_ptr<ClientConnection>> busy_;
  std::deque<Waiting> waiting_;
  MonoTime in_clear_until_{};
  MonoTime warn_again_at_{};
  bool closed_ = false;
};

}  // namespace millrace::peer
