#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/http_server/http_server.h"
#include "dataplane/peer/append_window.h"
#include "dataplane/peer/peers.h"
#include "dataplane/peer/seal_watch.h"
#include "dataplane/shard/fan_out.h"
#include "dataplane/storage/log.h"

namespace millrace::peer {

// What this pod lets the others do with what is its own. Outlives all requests.
struct PeerServices {
  storage::Log& log;
  shard::Placement& placement;
  const std::vector<std::unique_ptr<shard::FanOut>>& fan_outs;  // by lane
  Peers& peers;
  Reach& reach;
  const Clock& clock;
  const uint64_t incarnation;
  AppendWindow window;
  SealWatch& seals;
  // How long a request may wait for a map that its sender has and this pod has not.
  Duration map_wait_max = std::chrono::seconds(2);

  PeerServices(storage::Log& l, shard::Placement& p,
               const std::vector<std::unique_ptr<shard::FanOut>>& f, Peers& others, Reach& r,
               const Clock& c, uint64_t own, SealWatch& sealed)
      : log(l),
        placement(p),
        fan_outs(f),
        peers(others),
        reach(r),
        clock(c),
        incarnation(own),
        window(own),
        seals(sealed) {}
};

// The port for other pods: answers /peer/v1/... to whoever shows the token. Made in main; Take runs
// on connections' executors.
class PeerServer {
 public:
  PeerServer(PeerServices& services, std::string token)
      : services_(services), token_(std::move(token)) {}
  void Take(net::HttpRequest request, std::shared_ptr<net::ResponseWriter> writer);
  // What a request may have: a whole PutRecords call and more.
  static constexpr size_t kBodyBytesMax = 32 * kMiB;

 private:
  PeerServices& services_;
  const std::string token_;
};

// Of an extent of this pod: the volume that it was on is away, so that what is here of it is not
// all. Nobody gets past it.
bool IsMissing(const PeerServices& services, const storage::ExtentId& id);
constexpr std::string_view kVolumeAway = "the volume that has the extent is away";

using WriterPtr = std::shared_ptr<net::ResponseWriter>;

// One request, on its connection's executor, ended there by one answer.
void TakeAppend(PeerServices& services, Slice body, WriterPtr writer);
void TakeRead(PeerServices& services, Slice body, WriterPtr writer);
void TakeExtent(PeerServices& services, Slice body, WriterPtr writer);
void TakeHello(PeerServices& services, Slice body, WriterPtr writer);
void TakeMap(PeerServices& services, Slice body, WriterPtr writer);
void TakeSeal(PeerServices& services, Slice body, WriterPtr writer);

void Answer(const WriterPtr& writer, Pieces body);
void Refuse(const WriterPtr& writer, const PeerServices& services, uint64_t stream,
            const Status& status);
ReplyHead ReplyOf(const PeerServices& services, uint64_t stream, const Status& status = {});

// Notes that the sender is there and which map it has; runs `go` once that map, or a newer one, is
// applied here, and with false when that takes too long.
void CatchUp(PeerServices& services, const RequestHead& head, Executor& executor,
             UniqueFunction<void(bool)> go);

}  // namespace millrace::peer
