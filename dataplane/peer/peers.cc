#include "dataplane/peer/peers.h"

#include <algorithm>
#include <condition_variable>
#include <future>

#include "common/base/random.h"
#include "common/json/value.h"
#include "common/log/log.h"
#include "dataplane/peer/remote_append.h"
#include "dataplane/placement/map_folder.h"

namespace millrace::peer {

using resources::MapExtent;
using resources::ShardMap;
using shard::RemoteInfo;
using shard::RemoteRead;
using shard::RemoteReadOptions;
using shard::ShardRef;

namespace {

// On top of what the owner may keep a question for.
constexpr Duration kReadTime = std::chrono::seconds(2);
constexpr int kHttpOk = 200;
constexpr int kHttpInternalError = 500;

}  // namespace

Peers::Peers(IoThreads& io, PeerOptions options, shard::Placement& placement, Reach& reach,
             MapNews news)
    : io_(io),
      options_(std::move(options)),
      placement_(placement),
      reach_(reach),
      news_(std::move(news)) {
  for (size_t i = 0; i < io.size(); ++i) executors_.push_back({&io.at(i), {}});
}

void Peers::Stop() {
  if (stopped_) return;
  stopped_ = true;
  resolver_.Stop();
  for (PerExecutor& mine : executors_) {
    std::promise<void> closed;
    mine.executor->Post([&mine, &closed] {
      for (auto& [name, link] : mine.links) {
        for (const auto& lane : link->lanes) lane->Close();
      }
      closed.set_value();
    });
    closed.get_future().wait();
  }
}

Peers::Link* Peers::LinkTo(Executor& executor, const std::string& peer) {
  const auto mine = std::find_if(executors_.begin(), executors_.end(),
                                 [&](const PerExecutor& e) { return e.executor == &executor; });
  CHECK(mine != executors_.end());
  std::unique_ptr<Link>& link = mine->links[peer];
  if (link == nullptr) {
    const std::optional<PeerAddress> address = options_.book.Find(peer, NamespaceOf(peer));
    if (!address) {
      mine->links.erase(peer);
      return nullptr;
    }
    link = std::make_unique<Link>();
    link->channel = SecureRandom64();
    for (auto& lane : link->lanes)
      lane = std::make_shared<Channel>(*mine->executor, resolver_, *address, options_.tls,
                                       options_.channel);
  }
  return link.get();
}

std::string Peers::NamespaceOf(const std::string& peer) const {
  if (IsOfOwnPool(peer)) return "";
  const auto table = placement_.table();
  const std::string_view pool = PoolOf(peer);
  const auto& streams = table->streams();
  const auto of_pool = std::find_if(streams.begin(), streams.end(), [&](const shard::StreamPtr& s) {
    return s->map().pool == pool;
  });
  return of_pool == streams.end() ? "" : (*of_pool)->map().pool_namespace;
}

RequestHead Peers::HeadOf(const shard::StreamView& stream) const {
  return {options_.self, stream.uid(), stream.map().version};
}

template <typename Body>
void Peers::Call(Executor& executor, const std::string& peer, Lane lane, std::string_view path,
                 const RequestHead& head, Pieces body, Duration time_max,
                 UniqueFunction<void(PeerAnswer<Body>)> done) {
  Link* const link = LinkTo(executor, peer);
  PeerAnswer<Body> failed;
  if (link == nullptr) {
    failed.status = Unavailable("no address is known of pod " + peer);
    return done(std::move(failed));
  }
  ClientRequest request;
  request.target = path;
  request.headers = {{"x-millrace-token", options_.token}};
  request.body = std::move(body);
  request.time_max = time_max;
  if (lane == Lane::kAppend) request.connect_time_max = options_.append_connect_time_max;
  link->lanes[static_cast<size_t>(lane)]->Send(
      std::move(request), [this, link, peer, stream = head.stream,
                           done = std::move(done)](ClientAnswer answer) mutable {
        PeerAnswer<Body> out;
        if (!answer.status.ok()) {
          out.status = std::move(answer.status);
          out.maybe_done = answer.sent;
          return done(std::move(out));
        }
        if (answer.http_status != kHttpOk) {
          out.status = Unavailable(peer + " answers " + std::to_string(answer.http_status));
          out.maybe_done = answer.http_status == kHttpInternalError;
          return done(std::move(out));
        }
        auto read = Decode<ReplyHead, Body>(std::move(answer.body));
        if (!read.ok()) {
          out.status = Unavailable(peer + ": " + read.status().message());
          out.maybe_done = true;
          return done(std::move(out));
        }
        if (IsOfOwnPool(peer)) reach_.NoteHeard();
        out.head = std::move(read->first);
        out.body = std::move(read->second);
        link->incarnation = out.head.incarnation;
        if (stream != 0) Hear(peer, stream, out.head.map_version);
        if (out.head.code != Code::kOk) out.status = Status(out.head.code, out.head.message);
        done(std::move(out));
      });
}

void Peers::Append(Executor& executor, AppendOrder order,
                   UniqueFunction<void(std::vector<AppendOutcome>)> done) {
  std::make_shared<RemoteAppend>(*this, executor, std::move(order), std::move(done))->Start();
}

template void Peers::Call(Executor&, const std::string&, Lane, std::string_view, const RequestHead&,
                          Pieces, Duration,
                          UniqueFunction<void(PeerAnswer<std::vector<AppendOutcome>>)>);

void Peers::Read(Executor& executor, const ShardRef& at, const MapExtent& extent,
                 const RemoteReadOptions& options, UniqueFunction<void(Result<RemoteRead>)> done) {
  const ReadRequest request{
      .shard = at.shard->index(),
      .epoch = extent.epoch,
      .from_index = options.from_index,
      .bytes_max = static_cast<uint32_t>(std::min<size_t>(options.bytes_max, UINT32_MAX)),
      .wait_ms = static_cast<uint32_t>(options.wait / std::chrono::milliseconds(1)),
      .records_max = options.records_max};
  const RequestHead head = HeadOf(*at.stream);
  Call<ReadReply>(executor, extent.owner, Lane::kRead, kReadPath, head, Encode(head, request),
                  options.wait + kReadTime,
                  [done = std::move(done)](PeerAnswer<ReadReply> answer) mutable {
                    if (!answer.status.ok()) return done(std::move(answer.status));
                    done(RemoteRead{std::move(answer.body.read), answer.body.end_index});
                  });
}

void Peers::Find(Executor& executor, const ShardRef& at, const MapExtent& extent, WallMs at_ms,
                 UniqueFunction<void(Result<RemoteInfo>)> done) {
  const RequestHead head = HeadOf(*at.stream);
  const ExtentRequest request{at.shard->index(), extent.epoch, at_ms};
  Call<ExtentReply>(
      executor, extent.owner, Lane::kOther, kExtentPath, head, Encode(head, request), kReadTime,
      [done = std::move(done)](PeerAnswer<ExtentReply> answer) mutable {
        if (!answer.status.ok()) return done(std::move(answer.status));
        const ExtentReply& found = answer.body;
        done(RemoteInfo{found.begin_index, found.end_index, found.sealed, found.index_at});
      });
}

void Peers::Greet(Executor& executor, const std::string& peer, const KnownMaps& maps, bool all) {
  const RequestHead head{options_.self, 0, 0};
  const MonoTime asked = reach_.clock().Now();
  {
    std::lock_guard lock(mu_);
    unanswered_.try_emplace(peer, asked);
  }
  Call<KnownMaps>(executor, peer, Lane::kOther, kHelloPath, head, Encode(head, maps),
                  options_.call_time_max,
                  [this, peer, asked, all](const PeerAnswer<KnownMaps>& answer) {
                    if (!answer.status.ok()) return;
                    {
                      std::lock_guard lock(mu_);
                      unanswered_.erase(peer);
                    }
                    bool behind = false;
                    const auto table = placement_.table();
                    for (const KnownMap& map : answer.body) {
                      behind = behind || map.version > table->VersionOf(map.stream);
                      Hear(peer, map.stream, map.version);
                    }
                    if (all && !behind) reach_.NoteCaughtUp(asked);
                  });
}

namespace {

// Who has extents that the map ends and whose end it does not know yet.
std::set<std::string> OwnersToSeal(const ShardMap& map, const std::string& self) {
  std::set<std::string> owners;
  for (const resources::MapShard& shard : map.shards) {
    for (const MapExtent& extent : shard.extents) {
      const bool head = !shard.closed_ms && &extent == &shard.extents.back();
      if (!head && !extent.end_index && extent.owner != self) owners.insert(extent.owner);
    }
  }
  return owners;
}

// Those that are still to answer. Shared with the answers, which may come after nobody waits.
struct SealCalls {
  std::mutex mu;
  std::condition_variable idle;
  size_t left = 0;  // guarded by mu
};

}  // namespace

bool Peers::IsSilent(const std::string& peer) {
  std::lock_guard lock(mu_);
  const auto since = unanswered_.find(peer);
  return since != unanswered_.end() &&
         reach_.clock().Now() - since->second >= options_.silent_after;
}

void Peers::SealElsewhere(const std::vector<const ShardMap*>& maps, Duration time_max) {
  auto calls = std::make_shared<SealCalls>();
  for (const ShardMap* map : maps) {
    const std::set<std::string> owners = OwnersToSeal(*map, options_.self);
    if (owners.empty()) continue;
    const std::string text = json::WriteJson(map->ToValue());
    const RequestHead head{options_.self, map->stream_uid, map->version};
    for (const std::string& owner : owners) {
      const bool waits = !IsSilent(owner);
      if (waits) {
        std::lock_guard lock(calls->mu);
        ++calls->left;
      }
      io_.at(0).Post([this, owner, head, text, time_max, calls, waits] {
        // Of no stream to Call: what is sent is newer than what is served here.
        RequestHead of_none = head;
        of_none.stream = 0;
        Call<KnownMaps>(io_.at(0), owner, Lane::kOther, kSealPath, of_none, Encode(head, text),
                        time_max, [calls, waits](const PeerAnswer<KnownMaps>& answer) {
                          answer.status.IgnoreError();  // what it holds back it tells later
                          if (!waits) return;
                          std::lock_guard lock(calls->mu);
                          if (--calls->left == 0) calls->idle.notify_all();
                        });
      });
    }
  }
  std::unique_lock lock(calls->mu);
  calls->idle.wait_for(lock, time_max, [&] { return calls->left == 0; });
}

void Peers::Hear(const std::string& peer, uint64_t stream, uint64_t version) {
  if (version <= placement_.table()->VersionOf(stream)) return;
  {
    std::lock_guard lock(mu_);
    uint64_t& fetching = fetching_[stream];
    if (fetching >= version) return;
    fetching = version;
  }
  news_.look();
  io_.at(0).Post([this, peer, stream, version] { FetchMap(peer, stream, version); });
}

void Peers::FetchMap(const std::string& peer, uint64_t stream, uint64_t version) {
  const RequestHead head{options_.self, stream, placement_.table()->VersionOf(stream)};
  Call<std::string>(
      io_.at(0), peer, Lane::kOther, kMapPath, {options_.self, 0, 0}, Encode(head),
      options_.call_time_max, [this, stream, version](const PeerAnswer<std::string>& answer) {
        {
          std::lock_guard lock(mu_);
          const auto fetching = fetching_.find(stream);
          if (fetching != fetching_.end() && fetching->second == version) fetching_.erase(fetching);
        }
        if (!answer.status.ok()) return;
        const auto document = json::ParseJson(answer.body, shard::kMapLimits);
        if (!document.ok()) return;
        auto map = ShardMap::Parse(*document);
        if (map.ok()) return news_.offer(std::move(map).value());
        log::Error("another pod's shard map cannot be read", {{"error", map.status().ToString()}});
      });
}

}  // namespace millrace::peer
