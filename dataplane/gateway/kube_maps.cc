#include "dataplane/gateway/kube_maps.h"

#include "common/kube/client.h"
#include "common/kube_store/kube_store.h"
#include "dataplane/placement/store_map_source.h"

namespace millrace::gateway {
namespace {

// Whoever hears of no map for 3 s stops acknowledging, so nobody waits for long to find out.
constexpr std::chrono::milliseconds kConnectTimeMax(1'000);
constexpr std::chrono::milliseconds kProbeTimeMax(1'000);
constexpr std::chrono::milliseconds kListTimeMax(10'000);
constexpr std::chrono::milliseconds kWatchIdleMax(75'000);  // bookmarks come each minute

kube::ClientOptions OptionsOf(std::chrono::milliseconds request_time_max) {
  kube::ClientOptions options;
  options.user_agent = "millrace-shard";
  options.connect_time_max = kConnectTimeMax;
  options.request_time_max = request_time_max;
  options.retry_time_max = request_time_max;
  options.idle_connections_max = 1;
  return options;
}

// Owns all that the source of a cluster's maps stands on.
class KubeMaps final : public shard::MapSource {
 public:
  KubeMaps(const kube::ClusterAccess& access, resources::KubeStoreOptions options)
      : client_(access, OptionsOf(kListTimeMax)),
        probe_(access, OptionsOf(kProbeTimeMax)),
        store_(client_, std::move(options)),
        source_(store_, [this] { return probe_.GetPath("/version").ok(); }) {
    source_.Start();
  }
  News Poll(std::chrono::milliseconds wait) override { return source_.Poll(wait); }
  void Wake() override { source_.Wake(); }

 private:
  kube::Client client_;
  kube::Client probe_;
  resources::KubeStore store_;
  shard::StoreMapSource source_;
};

}  // namespace

Result<std::unique_ptr<shard::MapSource>> OpenKubeMaps(const KubeMapsOptions& options) {
  ASSIGN_OR_RETURN(const kube::ClusterAccess access,
                   kube::ClusterAccess::Detect(options.kubeconfig));
  resources::KubeStoreOptions store;
  store.namespaces = options.namespaces;
  store.watch.idle_time_max = kWatchIdleMax;
  return std::unique_ptr<shard::MapSource>(std::make_unique<KubeMaps>(access, std::move(store)));
}

}  // namespace millrace::gateway
