#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/async/io_threads.h"
#include "common/http_server/http_server.h"
#include "common/net/tls.h"
#include "dataplane/gateway/admin.h"
#include "dataplane/gateway/gateway.h"
#include "dataplane/gateway/key_ring.h"
#include "dataplane/gateway/kube_maps.h"
#include "dataplane/kinesis/event_encoder.h"
#include "dataplane/peer/peer_server.h"
#include "dataplane/peer/pulse.h"
#include "dataplane/placement/map_loop.h"

namespace millrace::gateway {

struct ShardServerOptions {
  std::string data;                            // folder of this process
  std::string name = "shard-0";                // what maps call it
  std::string store;                           // folder of the file resource store; "" for none
  std::optional<KubeMapsOptions> kube_maps{};  // maps come from there instead
  std::string listen = "127.0.0.1:0";
  std::string tls_listen;  // "" for none
  std::string tls_cert;    // "": one is made in `data`
  std::string tls_key;
  std::string admin_listen = "127.0.0.1:0";
  std::string token;             // of this run, for the operator and the control plane
  std::string control_endpoint;  // "" for none
  std::string account = "000000000000";
  const aws::KeyStore* keys = nullptr;  // null: nobody is asked for a signature
  const storage::KeyWrapper* master_key = nullptr;
  std::string stream_keys;  // folder of the keys of streams that have their own; "": none has
  bool enforce_on_demand_limits = false;
  size_t io_threads = 0;  // 0: one a core
  // Of a service of several pods; `peer_listen` "" for one alone.
  std::string peer_listen;
  std::string peers;        // "name=host:port,..."
  std::string peer_domain;  // where pods that are not listed are, by their names
  std::string peer_home;    // the namespace of other pools whose maps name none
  uint16_t peer_port = 0;
  std::string peer_tls_cert;  // of this pod, both as server and as client; "": in clear text
  std::string peer_tls_key;
  std::string peer_tls_ca;
  std::string peer_tls_mode;      // file: "prefer" lets clear text in; "": it is never let in
  Duration linger{};              // see Leave
  std::string iterator_key_file;  // 32 bytes that all pods have; "": of the token, or of `data`
  net::HttpServerLimits limits;
  storage::LaneOptions lane;  // keys and metrics are filled in
  shard::FanOutLimits fan_out;
  // Once, from a lane's thread: nothing is acknowledged any more and the process has to restart.
  std::function<void(const Status&)> on_fenced;
};

// Everything of millrace-shard but its settings: the log, the map thread, fan-out, the gateway and
// the ports. Started and stopped by main (or a test); from outside the executors.
class ShardServer {
 public:
  // Blocks until the log is recovered, known maps are applied and the ports are open.
  static Result<std::unique_ptr<ShardServer>> Start(ShardServerOptions options);
  ~ShardServer();
  ShardServer(const ShardServer&) = delete;

  uint16_t port() const { return port_; }
  uint16_t tls_port() const { return tls_port_; }    // 0 for none
  uint16_t peer_port() const { return peer_port_; }  // 0 for none
  uint16_t admin_port() const { return admin_port_; }
  // Reads certificates again that have changed; now and then, from main.
  void Refresh();
  // Serves on for `linger`, while each answer tells its client to connect anew: those in front (the
  // Service's proxies) hear meanwhile that this pod is leaving, and nobody meets a closed port.
  // Then Stop is to be called. Blocks; returns early once `end` says so.
  void Leave(const std::function<bool()>& end = {});
  // Lets requests in flight finish, then closes everything in order. Twice does nothing.
  void Stop();

 private:
  explicit ShardServer(ShardServerOptions options);
  Status OpenLog();
  Result<shard::IteratorTokens> OpenTokens() const;
  Status OpenPeers();
  Status ListenPeers();
  void StopPeers();
  Status StartMaps();
  void StartFanOut();
  Status Listen();
  Status ListenTls();
  Result<std::shared_ptr<net::TlsContext>> PeerTls(net::TlsContext::Side side);
  bool PeersMayBeInClear() const;

  const ShardServerOptions options_;
  bool stopped_ = false;
  std::vector<std::shared_ptr<net::TlsContext>> tls_;  // all there are, for Refresh
  std::vector<std::shared_ptr<net::TlsContext>> peer_tls_;
  uint16_t port_ = 0;
  uint16_t tls_port_ = 0;
  uint16_t peer_port_ = 0;
  uint16_t admin_port_ = 0;
  std::atomic<bool> fenced_{false};

  // In the order of their lives: each uses those above it.
  metrics::Registry registry_;
  shard::StreamMetricsBooks books_{registry_};
  IoThreads io_;
  kinesis::AwsEventEncoder encoder_;
  shard::Placement placement_;
  shard::ApplyStatus status_;
  Admin admin_;
  shard::Volume volume_;
  std::unique_ptr<KeyRing> keys_;  // none without a master key
  std::unique_ptr<storage::Log> log_;
  std::unique_ptr<shard::IteratorTokens> tokens_;
  peer::Reach reach_{SystemClock()};
  peer::SealWatch seals_;
  std::unique_ptr<peer::Peers> peers_;
  std::unique_ptr<kinesis::DataPlane> plane_;
  std::unique_ptr<shard::MapSource> source_;
  std::unique_ptr<shard::MapApplier> applier_;
  std::unique_ptr<shard::MapLoop> maps_;
  std::unique_ptr<aws::SigV4Verifier> verifier_;
  std::unique_ptr<aws::SigV4Verifier> firehose_verifier_;
  std::unique_ptr<ControlForwarder> control_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<peer::PeerServices> peer_services_;
  std::unique_ptr<peer::PeerServer> peer_gate_;
  std::unique_ptr<peer::Pulse> pulse_;
  std::unique_ptr<net::HttpServer> peer_server_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<net::HttpServer> admin_server_;
};

}  // namespace millrace::gateway
