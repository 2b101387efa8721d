#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/net/input_buffer.h"

namespace millrace::net {

// One protocol on one connection (HTTP/1.1 or HTTP/2). Owned by its Connection, which outlives it;
// on the connection's executor.
class Session {
 public:
  virtual ~Session() = default;
  // Takes over, with what was received while the protocol was found out.
  virtual void Start(InputBuffer received) = 0;
  virtual void OnReadable() = 0;
  // All output has left, after some of it had to wait.
  virtual void OnDrained() = 0;
  // Checks deadlines.
  virtual void OnTick(MonoTime now) = 0;
  // Ends after the requests in flight.
  virtual void Drain() = 0;
  // The connection is closed: tell those who wait. Called once, the last call.
  virtual void OnClosed() = 0;
};

class Connection;
std::unique_ptr<Session> MakeHttp1Session(Connection& connection);
std::unique_ptr<Session> MakeHttp2Session(Connection& connection);

}  // namespace millrace::net
