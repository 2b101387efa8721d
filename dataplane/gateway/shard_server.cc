#include "dataplane/gateway/shard_server.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "common/base/random.h"
#include "common/codec/digest.h"
#include "common/log/log.h"
#include "dataplane/placement/folder_map_source.h"
#include "dataplane/placement/lane_calls.h"
#include "dataplane/placement/volume_identity.h"

namespace millrace::gateway {

using kinesis::DataPlane;
using shard::FanOut;
using storage::Lane;

namespace {

constexpr size_t kAdminBodyBytesMax = 4 * kKiB;
// How long a write head that comes from another pod waits for that one to seal; one that is dead
// must not hold up writes for much longer than it takes to know.
constexpr Duration kSealElsewhereMax = std::chrono::milliseconds(500);
// How long a start waits for a word of source or pods.
constexpr Duration kCatchUpMax = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kCatchUpPause(5);
constexpr std::chrono::milliseconds kLeavePause(50);

}  // namespace

ShardServer::ShardServer(ShardServerOptions options)
    : options_(std::move(options)),
      io_(options_.io_threads, "io"),
      status_(NewUuid()),
      admin_(registry_, status_, options_.token) {
  status_.SetAbilities(
      {.peer_tls = !options_.peer_tls_cert.empty(),
       .stream_keys = !options_.stream_keys.empty(),
       .stream_key_names = [folder = options_.stream_keys] { return KeyNamesIn(folder); }});
}

ShardServer::~ShardServer() { Stop(); }

Result<std::unique_ptr<ShardServer>> ShardServer::Start(ShardServerOptions options) {
  std::unique_ptr<ShardServer> server(new ShardServer(std::move(options)));
  RETURN_IF_ERROR(server->OpenLog());
  RETURN_IF_ERROR(server->OpenPeers());
  server->StartFanOut();
  RETURN_IF_ERROR(server->StartMaps());
  RETURN_IF_ERROR(server->ListenPeers());
  RETURN_IF_ERROR(server->Listen());
  server->admin_.SetReady(true);
  return server;
}

Status ShardServer::OpenLog() {
  std::error_code error;
  std::filesystem::create_directories(options_.data, error);
  if (error) return ErrnoStatus(error.value(), "mkdir " + options_.data);
  ASSIGN_OR_RETURN(shard::IteratorTokens tokens, OpenTokens());
  tokens_ = std::make_unique<shard::IteratorTokens>(std::move(tokens));
  storage::LogOptions log_options;
  log_options.folder = options_.data + "/log";
  log_options.lane = options_.lane;
  if (options_.master_key != nullptr)
    keys_ = std::make_unique<KeyRing>(*options_.master_key, options_.stream_keys);
  log_options.lane.keys = keys_.get();
  log_options.lane.metrics = &registry_;
  ASSIGN_OR_RETURN(shard::VolumeIdentity identity, shard::VolumeIdentity::Look(log_options.folder));
  ASSIGN_OR_RETURN(log_, storage::Log::Open(std::move(log_options), io_, SystemClock()));
  ASSIGN_OR_RETURN(volume_, identity.Settle(log_->lane_count(), SystemClock().WallNow()));
  status_.SetVolume(volume_.id);
  std::vector<Executor*> executors;
  for (size_t i = 0; i < io_.size(); ++i) executors.push_back(&io_.at(i));
  plane_.reset(new DataPlane{.log = *log_,
                             .placement = placement_,
                             .tokens = *tokens_,
                             .clock = SystemClock(),
                             .mail = kinesis::Mailboxes(std::move(executors)),
                             .account = options_.account});
  return OkStatus();
}

Result<shard::IteratorTokens> ShardServer::OpenTokens() const {
  if (!options_.iterator_key_file.empty())
    return shard::IteratorTokens::FromKeyFile(options_.iterator_key_file);
  // Any pod is given the iterators of any other.
  if (!options_.peer_listen.empty()) {
    const codec::Sha256Digest key = codec::HmacSha256(options_.token, "shard iterators");
    return shard::IteratorTokens(std::string(key.begin(), key.end()));
  }
  return shard::IteratorTokens::FromKeyFile(options_.data + "/token.key");
}

Status ShardServer::OpenPeers() {
  if (options_.peer_listen.empty()) return OkStatus();
  if (options_.token.empty()) return InvalidArgument("pods need a token to know each other by");
  peer::PeerOptions options;
  options.self = options_.name;
  options.token = options_.token;
  ASSIGN_OR_RETURN(options.book, peer::PeerBook::Parse(options_.name, options_.peers,
                                                       options_.peer_domain, options_.peer_port));
  options.book.SetHome(options_.peer_home);
  if (!options_.peer_tls_cert.empty()) {
    ASSIGN_OR_RETURN(options.tls, PeerTls(net::TlsContext::Side::kClient));
  }
  peer::MapNews news;
  news.look = [this] { maps_->LookNow(); };
  news.offer = [this](resources::ShardMap map) { maps_->Offer(std::move(map)); };
  peers_ =
      std::make_unique<peer::Peers>(io_, std::move(options), placement_, reach_, std::move(news));
  if (options_.keys == nullptr && !options_.peer_home.empty())
    plane_->only_pool = peer::PoolOf(options_.name);
  plane_->peers = peers_.get();
  plane_->reach = &reach_;
  return OkStatus();
}

// Before the clients' ports, so that nobody asks for what others have before they can be asked.
Status ShardServer::ListenPeers() {
  if (peers_ == nullptr) return OkStatus();
  peer_services_ =
      std::make_unique<peer::PeerServices>(*log_, placement_, plane_->fan_outs, *peers_, reach_,
                                           SystemClock(), SecureRandom64(), seals_);
  peer_gate_ = std::make_unique<peer::PeerServer>(*peer_services_, options_.token);
  net::HttpServerOptions server_options;
  server_options.body_bytes_max = [](const net::HttpRequest&) {
    return peer::PeerServer::kBodyBytesMax;
  };
  peer_server_ = std::make_unique<net::HttpServer>(
      io_, std::move(server_options),
      [this](net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
        peer_gate_->Take(std::move(request), std::move(writer));
      });
  std::shared_ptr<net::TlsContext> tls;
  if (!options_.peer_tls_cert.empty()) {
    ASSIGN_OR_RETURN(tls, PeerTls(net::TlsContext::Side::kServer));
  }
  ASSIGN_OR_RETURN(peer_port_, peer_server_->Listen(options_.peer_listen, std::move(tls)));
  pulse_ = std::make_unique<peer::Pulse>(io_.at(0), *peers_, placement_, reach_);
  std::promise<void> begun;
  io_.at(0).Post([this, &begun] {
    pulse_->Start();
    begun.set_value();
  });
  begun.get_future().wait();
  // Where the source is away another pod may tell; where none does, writes are refused at first.
  const MonoTime give_up_at = SystemClock().Now() + kCatchUpMax;
  while (reach_.isolated() && SystemClock().Now() < give_up_at)
    std::this_thread::sleep_for(kCatchUpPause);
  return OkStatus();
}

void ShardServer::StartFanOut() {
  for (size_t i = 0; i < log_->lane_count(); ++i) {
    plane_->fan_outs.push_back(std::make_unique<FanOut>(log_->lane(i), log_->lane_executor(i),
                                                        encoder_, SystemClock(), options_.fan_out,
                                                        peers_.get()));
  }
  shard::LaneCalls calls(*log_);
  for (size_t i = 0; i < log_->lane_count(); ++i) {
    calls.AddSimple(i, [this, fan_out = plane_->fan_outs[i].get()](Lane& lane) {
      lane.SetCommitListener([fan_out](const storage::ExtentId& id, const storage::Chunk& chunk) {
        fan_out->OnCommit(id, chunk);
      });
      lane.SetFencedListener([this](const Status& status) {
        admin_.SetFenced();
        if (!fenced_.exchange(true) && options_.on_fenced) options_.on_fenced(status);
      });
      fan_out->Start();
    });
  }
  calls.Run();
}

Status ShardServer::StartMaps() {
  ASSIGN_OR_RETURN(shard::MapFolder folder, shard::MapFolder::Open(options_.data + "/maps"));
  shard::MapApplierOptions applier_options;
  applier_options.owner = options_.name;
  applier_options.volume = volume_;
  applier_options.enforce_on_demand_limits = options_.enforce_on_demand_limits;
  if (keys_ != nullptr) {
    applier_options.on_planned = [this](const resources::ShardMap& map) { keys_->Note(map); };
  }
  applier_options.on_published = [this](const shard::StreamPtr& stream) {
    for (size_t i = 0; i < log_->lane_count(); ++i) {
      log_->lane_executor(i).Post(
          [fan_out = plane_->fan_outs[i].get(), stream] { fan_out->OnPublished(stream); });
    }
  };
  if (peers_ != nullptr) {
    applier_options.on_sealed = [this](const std::vector<const resources::ShardMap*>& sealed,
                                       const std::vector<const resources::ShardMap*>& opened) {
      for (const resources::ShardMap* map : sealed) seals_.Note(map->stream_uid, map->version);
      peers_->SealElsewhere(opened, kSealElsewhereMax);
    };
  }
  if (options_.kube_maps) {
    ASSIGN_OR_RETURN(source_, OpenKubeMaps(*options_.kube_maps));
  } else {
    source_ = std::make_unique<shard::FolderMapSource>(
        options_.store.empty() ? "" : options_.store + "/shardmaps");
  }
  applier_ =
      std::make_unique<shard::MapApplier>(*log_, placement_, status_, books_, std::move(folder),
                                          SystemClock(), std::move(applier_options));
  maps_ = std::make_unique<shard::MapLoop>(*source_, *applier_,
                                           [this](MonoTime when) { reach_.NoteCaughtUp(when); });
  maps_->Start();
  return OkStatus();
}

Status ShardServer::Listen() {
  if (options_.keys != nullptr) {
    verifier_ = std::make_unique<aws::SigV4Verifier>(*options_.keys, SystemClock(), "kinesis");
    firehose_verifier_ =
        std::make_unique<aws::SigV4Verifier>(*options_.keys, SystemClock(), "firehose");
  }
  control_ = std::make_unique<ControlForwarder>(
      ControlForwarderOptions{.endpoint = options_.control_endpoint, .token = options_.token});
  gateway_ = std::make_unique<Gateway>(
      io_, *plane_, *control_, Gateway::Verifiers{verifier_.get(), firehose_verifier_.get()},
      options_.token);

  net::HttpServerOptions server_options;
  server_options.limits = options_.limits;
  server_options.body_bytes_max = &Gateway::BodyBytesMax;
  server_options.metrics = &registry_;
  server_ = std::make_unique<net::HttpServer>(
      io_, std::move(server_options),
      [this](net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
        gateway_->Take(std::move(request), std::move(writer));
      });
  ASSIGN_OR_RETURN(port_, server_->Listen(options_.listen));
  if (!options_.tls_listen.empty()) RETURN_IF_ERROR(ListenTls());
  // Last: whoever gets an answer here may count on the ports above.
  net::HttpServerOptions admin_options;
  admin_options.body_bytes_max = [](const net::HttpRequest&) { return kAdminBodyBytesMax; };
  admin_server_ = std::make_unique<net::HttpServer>(
      io_, std::move(admin_options),
      [this](const net::HttpRequest& request, const std::shared_ptr<net::ResponseWriter>& writer) {
        admin_.Take(request, writer);
      });
  ASSIGN_OR_RETURN(admin_port_, admin_server_->Listen(options_.admin_listen));
  return OkStatus();
}

Status ShardServer::ListenTls() {
  const bool own = options_.tls_cert.empty();
  const std::string certificate = own ? options_.data + "/tls.crt" : options_.tls_cert;
  const std::string key = own ? options_.data + "/tls.key" : options_.tls_key;
  if (own) RETURN_IF_ERROR(net::EnsureSelfSignedCertificate(certificate, key, options_.name));
  ASSIGN_OR_RETURN(std::shared_ptr<net::TlsContext> tls,
                   net::TlsContext::FromFiles(certificate, key));
  tls_.push_back(tls);
  ASSIGN_OR_RETURN(tls_port_, server_->Listen(options_.tls_listen, std::move(tls)));
  return OkStatus();
}

Result<std::shared_ptr<net::TlsContext>> ShardServer::PeerTls(net::TlsContext::Side side) {
  ASSIGN_OR_RETURN(std::shared_ptr<net::TlsContext> tls,
                   net::TlsContext::Mutual(side, options_.peer_tls_cert, options_.peer_tls_key,
                                           options_.peer_tls_ca));
  tls->AllowClearText(PeersMayBeInClear());
  tls_.push_back(tls);
  peer_tls_.push_back(tls);
  return tls;
}

// What cannot be read is strict.
bool ShardServer::PeersMayBeInClear() const {
  if (options_.peer_tls_mode.empty()) return false;
  std::ifstream file(options_.peer_tls_mode);
  std::string mode;
  file >> mode;
  return mode == "prefer";
}

void ShardServer::Refresh() {
  for (const std::shared_ptr<net::TlsContext>& tls : tls_) {
    const Status status = tls->Refresh();
    if (!status.ok()) {
      log::Warning("changed certificates cannot be used, the last ones stay",
                   {{"error", status.ToString()}});
    }
  }
  const bool may_be_in_clear = PeersMayBeInClear();
  for (const std::shared_ptr<net::TlsContext>& tls : peer_tls_) {
    if (tls->allows_clear_text() == may_be_in_clear) continue;
    log::Info("between pods", {{"clear_text", may_be_in_clear ? "let in" : "refused"}});
    tls->AllowClearText(may_be_in_clear);
  }
}

// After the clients' ports: what they still waited for needed the others.
void ShardServer::StopPeers() {
  if (pulse_ != nullptr) {
    std::promise<void> stopped;
    io_.at(0).Post([this, &stopped] {
      pulse_->Stop();
      stopped.set_value();
    });
    stopped.get_future().wait();
  }
  if (peer_server_ != nullptr) peer_server_->Stop();
  peers_->Stop();
}

void ShardServer::Leave(const std::function<bool()>& end) {
  if (stopped_ || options_.linger <= Duration::zero()) return;
  // Ready to the end: where it is the only pod, proxies go on sending to it.
  server_->TurnAway();
  const MonoTime until = SystemClock().Now() + options_.linger;
  while (SystemClock().Now() < until && !(end && end())) std::this_thread::sleep_for(kLeavePause);
}

void ShardServer::Stop() {
  if (stopped_) return;
  stopped_ = true;
  admin_.SetReady(false);
  if (maps_ != nullptr) maps_->Stop();
  // Subscriptions last for minutes: they are ended first, the rest finishes by itself.
  if (log_ != nullptr) {
    shard::LaneCalls calls(*log_);
    for (size_t i = 0; i < plane_->fan_outs.size(); ++i) {
      calls.AddSimple(i, [fan_out = plane_->fan_outs[i].get()](Lane& lane) {
        lane.SetCommitListener(nullptr);
        fan_out->Stop();
      });
    }
    calls.Run();
  }
  if (server_ != nullptr) server_->Stop();
  if (peers_ != nullptr) StopPeers();
  if (control_ != nullptr) control_->Stop();
  if (admin_server_ != nullptr) admin_server_->Stop();
  if (log_ != nullptr) log_->Close();
  // Calls that outlived their connections still hold on to the plane.
  io_.Stop();
}

}  // namespace millrace::gateway
