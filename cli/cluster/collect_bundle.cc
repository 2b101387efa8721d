#include <array>
#include <set>

#include "cli/cluster/cluster_view.h"
#include "cli/cluster/status_report.h"
#include "cli/cluster/support_bundle.h"
#include "cli/cluster/why_chain.h"
#include "common/resources/resource.h"

namespace millrace::cli {
namespace {

using json::Value;

constexpr int64_t kLogBytesMax = 4 << 20;
constexpr size_t kWhyMax = 50;

// A kind that goes into the bundle, and the label that tells what is ours.
struct Taken {
  const kube::ResourceType& type;
  std::string_view label;
};

class Collector {
 public:
  Collector(kube::Client& client, BundleOptions options)
      : client_(client), options_(std::move(options)) {}

  Result<Bundle> Collect() {
    ASSIGN_OR_RETURN(ClusterView view, ReadCluster(client_, options_.ns, options_.now));
    for (const std::string& unread : view.unread) out_.missing.push_back(unread);
    TakeVersions();
    TakeKinds();
    std::set<std::string> namespaces;
    for (const auto* list : {&view.streams, &view.pools, &view.pods}) {
      for (const Value& object : *list) {
        const std::string& ns = kube::NameOf(object).ns;
        if (options_.ns.empty() || ns == options_.ns) namespaces.insert(ns);
      }
    }
    ReadEvents(client_, {namespaces.begin(), namespaces.end()}, view);
    Add("events.yaml", ListText(view.events));
    const Value report = StatusReport(view, options_.ns);
    Add("status.txt", StatusText(report, options_.now));
    Explain(view, report);
    for (const Value& pod : view.pods) {
      if (options_.ns.empty() || kube::NameOf(pod).ns == options_.ns) TakeLogs(pod);
    }
    AddContents();
    return std::move(out_);
  }

 private:
  void Add(std::string path, std::string bytes) {
    constexpr size_t kPathMax = 80;
    if (path.size() > kPathMax) path = path.substr(0, kPathMax);
    out_.files.push_back({"millrace-support/" + path, std::move(bytes)});
  }

  static std::string ListText(std::vector<Value> items) {
    std::string text;
    for (Value& item : items) {
      BlackOut(item);
      text += "---\n" + json::WriteYaml(item);
      if (text.back() != '\n') text += '\n';
    }
    return text;
  }

  void TakeVersions() {
    Value versions;
    versions.Set("kubectl-millrace", MILLRACE_VERSION);
    versions.Set("collected", resources::FormatTime(options_.now));
    Result<Value> server = client_.GetPath("/version");
    if (server.ok()) {
      versions.Set("kubernetes", (*server)["gitVersion"]);
    } else {
      out_.missing.push_back("/version: " + server.status().message());
    }
    Add("versions.yaml", json::WriteYaml(versions));
  }

  void TakeKinds() {
    constexpr std::string_view kOurs = "app.kubernetes.io/part-of=millrace";
    constexpr std::string_view kOfWorkload = "millrace.dev/workload";
    namespace kinds = kube::types;
    const std::array taken = {
        Taken{types::Stream(), ""},
        Taken{types::StreamPool(), ""},
        Taken{types::StreamUser(), ""},
        Taken{types::Workload(), ""},
        Taken{types::ShardMap(), ""},
        Taken{types::ShardMapSlice(), ""},
        Taken{kinds::Pod(), kOurs},
        Taken{kinds::Deployment(), kOurs},
        Taken{kinds::Service(), kOurs},
        Taken{kinds::ConfigMap(), kOurs},
        Taken{kinds::PodDisruptionBudget(), kOurs},
        Taken{kinds::NetworkPolicy(), kOurs},
        Taken{kinds::PersistentVolumeClaim(), kOfWorkload},
        Taken{kinds::ControllerRevision(), kOfWorkload},
        Taken{kinds::StorageClass(), ""},
        Taken{kinds::Node(), ""},
    };
    for (const Taken& kind : taken) TakeKind(kind);
  }

  void TakeKind(const Taken& kind) {
    kube::ListOptions options;
    if (kind.type.namespaced) options.ns = options_.ns;
    options.label_selector = kind.label;
    Result<kube::ListPage> page = client_.ListAll(kind.type, options);
    if (!page.ok()) {
      out_.missing.push_back(kind.type.plural + ": " + page.status().message());
      return;
    }
    Add("resources/" + kind.type.plural + ".yaml", ListText(std::move(page->items)));
  }

  void Explain(const ClusterView& view, const Value& report) {
    std::set<std::string> done;
    for (const Value& problem : report["problems"].AsArray()) {
      const std::string& object = problem["object"].AsString();
      const size_t slash = object.find('/');
      const std::string kind(KindByWord(object.substr(0, slash)));
      if (kind.empty() || slash == std::string::npos || done.size() == kWhyMax) continue;
      const kube::ObjectName name{problem["namespace"].AsString(), object.substr(slash + 1)};
      if (!done.insert(kind + " " + name.ToString()).second) continue;
      Result<WhyAnswer> answer = ExplainWhy(view, kind, name);
      if (answer.ok())
        Add("why/" + kind + "_" + name.ns + "_" + name.name + ".txt", WhyText(*answer));
    }
  }

  void TakeLogs(const Value& pod) {
    const kube::ObjectName name = kube::NameOf(pod);
    for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
      for (const Value& container : pod.At("status", list).AsArray()) {
        const std::string& which = container["name"].AsString();
        TakeLog(name, which, false);
        if (container["restartCount"].AsInt() > 0) TakeLog(name, which, true);
      }
    }
  }

  void TakeLog(const kube::ObjectName& pod, const std::string& container, bool previous) {
    const std::string path = kube::types::Pod().Path(pod.ns, pod.name, "log") +
                             "?container=" + container +
                             "&tailLines=" + std::to_string(options_.log_lines) +
                             "&limitBytes=" + std::to_string(kLogBytesMax) + "&timestamps=true" +
                             (previous ? "&previous=true" : "");
    Result<std::string> log = client_.GetText(path);
    const std::string called = pod.ns + "_" + pod.name + "_" + container;
    if (!log.ok()) {
      out_.missing.push_back("log of " + called + ": " + log.status().message());
      return;
    }
    Add("logs/" + called + (previous ? ".previous.log" : ".log"), *std::move(log));
  }

  void AddContents() {
    std::string text =
        "Collected by kubectl millrace support-bundle. Secrets were not asked for.\n\n";
    for (const BundleFile& file : out_.files) {
      text += file.path + "  " + std::to_string(file.bytes.size()) + " bytes\n";
    }
    for (const std::string& missing : out_.missing) text += "not taken: " + missing + "\n";
    out_.files.insert(out_.files.begin(), {"millrace-support/contents.txt", std::move(text)});
  }

  kube::Client& client_;
  const BundleOptions options_;
  Bundle out_;
};

}  // namespace

Result<Bundle> CollectBundle(kube::Client& client, const BundleOptions& options) {
  return Collector(client, options).Collect();
}

}  // namespace millrace::cli
