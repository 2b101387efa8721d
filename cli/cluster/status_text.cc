#include <algorithm>

#include "cli/cluster/status_report.h"
#include "cli/cluster/text_layout.h"
#include "cli/output.h"

namespace millrace::cli {
namespace {

using json::Value;
using Rows = std::vector<std::vector<std::string>>;

constexpr size_t kStreamsMax = 20;
constexpr size_t kPodsMax = 30;
constexpr size_t kProblemsMax = 20;
constexpr size_t kNameColumns = 28;

std::string Or(const std::string& text, const char* other) { return text.empty() ? other : text; }
std::string Count(const Value& value) {
  return value.is_null() ? "?" : std::to_string(value.AsInt());
}
std::string NameIn(const Value& item) {
  return Cut(item["namespace"].AsString() + "/" + item["name"].AsString(), kNameColumns);
}

void AddTable(std::string& out, const char* heading, const std::vector<std::string>& columns,
              const Rows& rows) {
  out += std::string("\n") + heading + "\n";
  const std::string table = RenderTable(columns, rows);
  for (size_t at = 0; at < table.size();) {
    const size_t end = table.find('\n', at);
    out += "  " + Cut(table.substr(at, end - at), kScreenColumns - 2) + "\n";
    at = end + 1;
  }
}

void AddMore(std::string& out, size_t shown, size_t all, const char* what) {
  if (shown < all) out += "  and " + std::to_string(all - shown) + " more: " + what + "\n";
}

// What is not ready first; then as many of the others as fit.
std::vector<const Value*> WorstFirst(const json::Array& items, size_t items_max) {
  std::vector<const Value*> out;
  for (const Value& item : items) out.push_back(&item);
  if (out.size() <= items_max) return out;
  std::stable_partition(out.begin(), out.end(),
                        [](const Value* i) { return !(*i)["ready"].AsBool(); });
  out.resize(items_max);
  return out;
}

void AddOperators(std::string& out, const Value& report, WallMs now) {
  for (const Value& one : report["operators"].AsArray()) {
    const bool alive = one["alive"].AsBool();
    const std::string holder = one["leader"].AsString();
    std::string line = "Operator " + one["namespace"].AsString() + "/" + one["lease"].AsString();
    if (holder.empty()) {
      line += ": nobody leads";
    } else {
      line += ": " + holder.substr(0, holder.rfind('_')) + " leads since " +
              Ago(TimeOf(one["leadsSince"]), now);
      if (!alive) line += ", silent for " + Ago(TimeOf(one["renewed"]), now);
    }
    out += Wrapped(line, 0, 2);
  }
  if (report["operators"].AsArray().empty()) out += "Operator: none is to be seen\n";
}

std::string Storage(const Value& pool) {
  const std::string requested = pool["storageRequested"].AsString();
  const std::string actual = pool["storageActual"].AsString();
  if (requested == actual) return Or(actual, "-");
  return Or(actual, "?") + " of " + Or(requested, "?");
}

std::string Revision(const Value& pool) {
  const std::string current = pool["currentRevision"].AsString();
  const std::string updated = pool["updatedRevision"].AsString();
  if (current.empty()) return Or(updated, "-");
  return current == updated || updated.empty() ? current : Or(current, "-") + ">" + updated;
}

void AddPools(std::string& out, const Value& report) {
  Rows rows;
  for (const Value& pool : report["pools"].AsArray()) {
    const std::string replicas = std::to_string(pool["replicas"].AsInt());
    rows.push_back({NameIn(pool), pool["ready"].AsBool() ? "yes" : "NO",
                    std::to_string(pool["readyReplicas"].AsInt()) + "/" + replicas,
                    std::to_string(pool["updatedReplicas"].AsInt()) + "/" + replicas,
                    Revision(pool), Storage(pool)});
  }
  if (rows.empty()) {
    out += "\nPools: none\n";
    return;
  }
  AddTable(out, "Pools", {"POOL", "READY", "PODS", "UPDATED", "REVISION", "STORAGE"}, rows);
}

void AddPods(std::string& out, const Value& report, WallMs now) {
  const json::Array& all = report["pods"].AsArray();
  if (all.empty()) return;
  Rows rows;
  for (const Value* pod : WorstFirst(all, kPodsMax)) {
    const bool drains = (*pod)["draining"].AsBool();
    rows.push_back({NameIn(*pod),
                    Cut((*pod)["state"].AsString() + (drains ? ", draining" : ""), 26),
                    Count((*pod)["writeHeads"]), Count((*pod)["unsealedExtents"]),
                    Count((*pod)["extents"]), std::to_string((*pod)["restarts"].AsInt()),
                    Ago(TimeOf((*pod)["created"]), now), Or((*pod)["node"].AsString(), "-")});
  }
  AddTable(out, "Pods", {"POD", "STATE", "HEADS", "UNSEALED", "EXTENTS", "RESTARTS", "AGE", "NODE"},
           rows);
  AddMore(out, rows.size(), all.size(), "kubectl get pods -A -l millrace.dev/workload");
}

void AddStreams(std::string& out, const Value& report, WallMs now) {
  const json::Array& all = report["streams"].AsArray();
  if (all.empty()) {
    out += "\nStreams: none\n";
    return;
  }
  Rows rows;
  for (const Value* stream : WorstFirst(all, kStreamsMax)) {
    const std::string& mode = (*stream)["mode"].AsString();
    rows.push_back(
        {NameIn(*stream), Or(mode, "ON_DEMAND"), std::to_string((*stream)["shards"].AsInt()),
         (*stream)["ready"].AsBool() ? "yes" : "NO", Or((*stream)["reason"].AsString(), "-"),
         Ago(TimeOf((*stream)["since"]), now), (*stream)["pool"].AsString()});
  }
  AddTable(out, "Streams", {"STREAM", "MODE", "SHARDS", "READY", "REASON", "SINCE", "POOL"}, rows);
  AddMore(out, rows.size(), all.size(), "kubectl get streams -A");
}

void AddUpgrades(std::string& out, const Value& report, WallMs now) {
  const json::Array& all = report["upgrades"].AsArray();
  if (all.empty()) return;
  out += "\nUnder way\n";
  for (const Value& one : all) {
    std::string line = "pool " + one["namespace"].AsString() + "/" + one["name"].AsString();
    if (one.Has("replicas")) {
      line += ", " + std::to_string(one["updatedReplicas"].AsInt()) + " of " +
              std::to_string(one["replicas"].AsInt()) + " pods updated";
    }
    line += ", " + one["reason"].AsString() + " since " + Ago(TimeOf(one["since"]), now) + ": " +
            one["message"].AsString();
    out += Wrapped(line, 2, 4);
  }
}

void AddProblems(std::string& out, const Value& report, WallMs now) {
  const json::Array& all = report["problems"].AsArray();
  if (all.empty()) {
    out += "\nAll is well.\n";
    return;
  }
  out += "\nNot well (kubectl millrace why KIND/NAME says more)\n";
  size_t shown = 0;
  for (const Value& one : all) {
    if (shown++ == kProblemsMax) break;
    const std::string& ns = one["namespace"].AsString();
    const std::string& message = one["message"].AsString();
    out += Wrapped(one["object"].AsString() + (ns.empty() ? "" : " in " + ns) +
                       (one.Has("since") ? " since " + Ago(TimeOf(one["since"]), now) : "") + ": " +
                       one["reason"].AsString() + (message.empty() ? "" : ": " + message),
                   2, 4);
  }
  AddMore(out, std::min(shown, kProblemsMax), all.size(), "kubectl millrace status -A -o yaml");
}

}  // namespace

std::string StatusText(const Value& report, WallMs now) {
  std::string out;
  AddOperators(out, report, now);
  AddPools(out, report);
  AddPods(out, report, now);
  AddStreams(out, report, now);
  AddUpgrades(out, report, now);
  AddProblems(out, report, now);
  for (const Value& unread : report["unread"].AsArray()) {
    out += Wrapped("Not looked at: " + unread.AsString(), 0, 2);
  }
  return out;
}

}  // namespace millrace::cli
