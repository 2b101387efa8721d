#include "dataplane/peer/peer_server.h"

#include <algorithm>

#include "common/codec/digest.h"
#include "common/json/value.h"
#include "dataplane/placement/map_folder.h"
#include "dataplane/shard/start_position.h"

namespace millrace::peer {

using net::HttpResponse;

namespace {

struct Route {
  std::string_view path;
  void (*take)(PeerServices& services, Slice body, WriterPtr writer);
};
constexpr Route kRoutes[] = {
    {kAppendPath, TakeAppend}, {kReadPath, TakeRead}, {kExtentPath, TakeExtent},
    {kHelloPath, TakeHello},   {kMapPath, TakeMap},   {kSealPath, TakeSeal},
};

// One that waits for a map; whichever comes first, the map or the time, ends it.
struct MapWait : std::enable_shared_from_this<MapWait> {
  PeerServices& services;
  Executor& executor;
  uint64_t stream = 0;
  uint64_t version = 0;
  UniqueFunction<void(bool)> go;
  Executor::TimerId timer = 0;

  MapWait(PeerServices& s, Executor& e, const RequestHead& head, UniqueFunction<void(bool)> fn)
      : services(s),
        executor(e),
        stream(head.stream),
        version(head.map_version),
        go(std::move(fn)) {}

  void Start() {
    timer = executor.RunAfter(services.map_wait_max, [self = shared_from_this()] {
      self->timer = 0;
      self->End(false);
    });
    Look();
  }
  void Look() {
    if (!go) return;
    const auto table = services.placement.table();
    if (table->VersionOf(stream) >= version) return End(true);
    const std::weak_ptr<MapWait> weak = weak_from_this();
    services.placement.WhenNewer(table->generation(), executor, [weak] {
      if (const auto self = weak.lock()) self->Look();
    });
  }
  void End(bool caught_up) {
    if (!go) return;
    if (timer != 0) executor.Cancel(timer);
    UniqueFunction<void(bool)> fn = std::move(go);
    go = nullptr;
    fn(caught_up);
  }
};

}  // namespace

void Answer(const WriterPtr& writer, Pieces body) {
  writer->Send({200, {{"Content-Type", "application/octet-stream"}}, std::move(body)});
}

bool IsMissing(const PeerServices& services, const storage::ExtentId& id) {
  const shard::StreamPtr stream = services.placement.table()->ByUid(id.stream);
  return stream != nullptr && stream->IsMissing(id);
}

ReplyHead ReplyOf(const PeerServices& services, uint64_t stream, const Status& status) {
  return {status.code(), status.message(), services.incarnation,
          services.placement.table()->VersionOf(stream)};
}

void Refuse(const WriterPtr& writer, const PeerServices& services, uint64_t stream,
            const Status& status) {
  Answer(writer, Encode(ReplyOf(services, stream, status)));
}

void CatchUp(PeerServices& services, const RequestHead& head, Executor& executor,
             UniqueFunction<void(bool)> go) {
  if (services.peers.IsOfOwnPool(head.sender)) services.reach.NoteHeard();
  if (head.map_version <= services.placement.table()->VersionOf(head.stream)) return go(true);
  services.peers.Hear(head.sender, head.stream, head.map_version);
  std::make_shared<MapWait>(services, executor, head, std::move(go))->Start();
}

void PeerServer::Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer) {
  if (!codec::ConstantTimeEqual(request.FindHeader("x-millrace-token"), token_)) {
    return writer->Send({403, {}, {Slice::Static("the token of this installation is needed\n")}});
  }
  for (const Route& route : kRoutes) {
    if (request.path == route.path)
      return route.take(services_, std::move(request.body), std::move(writer));
  }
  writer->Send({404, {}, {}});
}

// ---- the small ones

namespace {

// On the connection's executor, from anywhere.
void AnswerExtent(PeerServices& services, uint64_t stream, const WriterPtr& writer,
                  const Status& status, const ExtentReply& reply) {
  writer->executor().Post([&services, stream, writer, reply, status] {
    if (!status.ok()) return Refuse(writer, services, stream, status);
    Answer(writer, Encode(ReplyOf(services, stream), reply));
  });
}

// On the lane's executor.
void FindExtent(PeerServices& services, const storage::ExtentId& id, WallMs at_ms, size_t lane,
                const WriterPtr& writer) {
  const auto info = services.log.lane(lane).Info(id);
  if (IsMissing(services, id))
    return AnswerExtent(services, id.stream, writer, Unavailable(std::string(kVolumeAway)), {});
  if (!info) return AnswerExtent(services, id.stream, writer, NotFound("no such extent here"), {});
  const ExtentReply reply{info->begin_index, info->end_index, info->sealed, 0};
  if (at_ms < 0) return AnswerExtent(services, id.stream, writer, OkStatus(), reply);
  shard::FindTime(services.log.lane(lane), id, at_ms,
                  [&services, id, writer, reply](const Result<uint64_t>& index) {
                    ExtentReply found = reply;
                    found.index_at = index.value_or(0);
                    AnswerExtent(services, id.stream, writer, index.status(), found);
                  });
}

}  // namespace

void TakeExtent(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, ExtentRequest>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  const RequestHead head = read->first;
  const ExtentRequest asked = read->second;
  CatchUp(services, head, writer->executor(), [&services, head, asked, writer](bool caught_up) {
    if (!caught_up)
      return Refuse(writer, services, head.stream, Unavailable("the map is not here yet"));
    const size_t lane = services.log.LaneOf(head.stream, asked.shard);
    const storage::ExtentId id{head.stream, asked.shard, asked.epoch};
    services.log.lane_executor(lane).Post([&services, id, at_ms = asked.at_ms, lane, writer] {
      FindExtent(services, id, at_ms, lane, writer);
    });
  });
}

void TakeHello(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, KnownMaps>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  if (services.peers.IsOfOwnPool(read->first.sender)) services.reach.NoteHeard();
  // What the sender knows of, as it is here.
  KnownMaps known;
  const auto table = services.placement.table();
  for (const KnownMap& map : read->second) {
    services.peers.Hear(read->first.sender, map.stream, map.version);
    known.push_back({map.stream, table->VersionOf(map.stream)});
  }
  Answer(writer, Encode(ReplyOf(services, 0), known));
}

void TakeMap(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, std::string>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  if (services.peers.IsOfOwnPool(read->first.sender)) services.reach.NoteHeard();
  const uint64_t uid = read->first.stream;
  const auto table = services.placement.table();
  const auto& streams = table->streams();
  const auto stream = std::find_if(streams.begin(), streams.end(),
                                   [&](const shard::StreamPtr& s) { return s->uid() == uid; });
  if (stream == streams.end())
    return Refuse(writer, services, uid, NotFound("no map of such a stream"));
  Answer(writer, Encode(ReplyOf(services, uid), json::WriteJson((*stream)->map().ToValue())));
}

void TakeSeal(PeerServices& services, Slice body, WriterPtr writer) {
  auto read = Decode<RequestHead, std::string>(std::move(body));
  if (!read.ok()) return writer->Send({400, {}, {}});
  const auto document = json::ParseJson(read->second, shard::kMapLimits);
  if (!document.ok()) return writer->Send({400, {}, {}});
  auto map = resources::ShardMap::Parse(*document);
  if (!map.ok() || map->stream_uid != read->first.stream) return writer->Send({400, {}, {}});
  if (services.peers.IsOfOwnPool(read->first.sender)) services.reach.NoteHeard();
  const uint64_t stream = map->stream_uid;
  const uint64_t version = map->version;
  if (version > services.placement.table()->VersionOf(stream))
    services.peers.Offer(std::move(map).value());
  // Whoever asked bounds the wait.
  services.seals.WhenSealed(stream, version, writer->executor(), [&services, stream, writer] {
    Answer(writer, Encode(ReplyOf(services, stream), KnownMaps{}));
  });
}

}  // namespace millrace::peer
