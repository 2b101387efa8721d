#include "controlplane/catalog/catalog.h"

#include <algorithm>
#include <thread>

#include "common/aws/arn.h"
#include "common/codec/digest.h"

namespace millrace::controlplane {

using resources::Resource;
using resources::ResourceKey;
using resources::ShardMap;
using resources::StreamSpec;

namespace {

constexpr int kChangeTriesMax = 50;
constexpr std::chrono::milliseconds kLookAgain(4);

// The map's key follows from the incarnation (docs/designs/0001).
ResourceKey MapKey(const Resource& stream) {
  std::string hex;
  for (char c : stream.uid) {
    if (c != '-' && hex.size() < 16) hex += c;
  }
  return {stream.key.ns, stream.key.name + "." + hex};
}

}  // namespace

std::string ResourceNameFor(const std::string& stream_name) {
  std::string name;
  for (char c : stream_name) {
    bool upper = c >= 'A' && c <= 'Z';
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    name += upper ? static_cast<char>(c | 0x20) : plain ? c : '-';
  }
  // Room for the hash and for the map's own suffix within DNS's 253.
  bool changed = name != stream_name || name.front() == '-' || name.back() == '-';
  if (!changed) return name;
  while (!name.empty() && name.front() == '-') name.erase(0, 1);
  while (!name.empty() && name.back() == '-') name.pop_back();
  codec::Sha256Digest digest = codec::Sha256(stream_name);
  return (name.empty() ? "stream" : name) + "-" + codec::Hex(digest).substr(0, 8);
}

std::string ApiStatus(const Resource& stream) {
  if (stream.deletion_timestamp) return "DELETING";
  const std::string& status = stream.status["streamStatus"].AsString();
  if (status.empty() || status == "CREATING") return "CREATING";
  bool behind = stream.status["observedGeneration"].AsInt() != stream.generation ||
                stream.annotations.contains(std::string(resources::kReshardAnnotation));
  return behind ? "UPDATING" : status;
}

std::string Catalog::ArnOf(const std::string& stream_name) const {
  return "arn:aws:kinesis:" + options_.region + ":" + options_.account + ":stream/" + stream_name;
}

std::string Catalog::NotFoundMessage(const std::string& stream_name) const {
  return "Stream " + stream_name + " under account " + options_.account + " not found.";
}

Result<Resource> Catalog::FindResource(const std::string& stream_name) {
  Result<Resource> direct =
      store_.Get(resources::kStreamKind, {options_.ns, ResourceNameFor(stream_name)});
  if (direct.ok() && StreamNameOf(*direct) == stream_name) return direct;
  if (!direct.ok() && direct.status().code() != Code::kNotFound) return direct.status();
  ASSIGN_OR_RETURN(std::vector<Resource> all,
                   store_.ListByStreamName(resources::kStreamKind, stream_name));
  if (!all.empty()) return std::move(all.front());
  return NotFound(NotFoundMessage(stream_name));
}

StreamView Catalog::ViewWithoutMap(Resource resource) const {
  StreamView view;
  Result<StreamSpec> spec = StreamSpec::Parse(resource.spec);
  if (spec.ok()) view.spec = std::move(*spec);
  view.name = StreamNameOf(resource);
  view.arn = ArnOf(view.name);
  view.status = ApiStatus(resource);
  view.resource = std::move(resource);
  return view;
}

Result<StreamView> Catalog::View(Resource resource) {
  StreamView view = ViewWithoutMap(std::move(resource));
  Result<Resource> map = store_.Get(resources::kShardMapKind, MapKey(view.resource));
  if (map.ok()) {
    ASSIGN_OR_RETURN(ShardMap parsed, ShardMap::Parse(map->spec));
    view.map = std::move(parsed);
  } else if (map.status().code() != Code::kNotFound) {
    return map.status();
  }
  return view;
}

Result<StreamView> Catalog::Find(const std::string& stream_name) {
  ASSIGN_OR_RETURN(Resource resource, FindResource(stream_name));
  return View(std::move(resource));
}

Result<StreamView> Catalog::FindFor(const json::Value& input) {
  std::string name = input["StreamName"].AsString();
  const json::Value& arn = input["StreamARN"];
  if (!arn.is_null()) {
    ASSIGN_OR_RETURN(aws::StreamArn parsed, aws::ParseStreamArn(arn.AsString()));
    if (!name.empty() && name != parsed.name) {
      return InvalidArgument("StreamName " + name + " does not match StreamARN " + arn.AsString() +
                             ".");
    }
    if (parsed.account != options_.account)
      return NotFound("Stream " + parsed.name + " under account " + parsed.account + " not found.");
    name = parsed.name;
  }
  if (name.empty()) return InvalidArgument("Either StreamName or StreamARN must be provided.");
  return Find(name);
}

Result<StreamView> Catalog::FindActive(const json::Value& input) {
  ASSIGN_OR_RETURN(StreamView view, FindFor(input));
  if (view.status != "ACTIVE") {
    return Status(Code::kResourceInUse, "Stream " + view.name + " under account " +
                                            options_.account + " not ACTIVE, instead in state " +
                                            view.status);
  }
  return view;
}

Result<std::vector<StreamView>> Catalog::ListAfter(std::string_view stream_name, size_t count) {
  std::vector<StreamView> views;
  if (options_.list_after) {
    ASSIGN_OR_RETURN(std::vector<Resource> page, options_.list_after(stream_name, count));
    for (Resource& resource : page) views.push_back(ViewWithoutMap(std::move(resource)));
    return views;
  }
  ASSIGN_OR_RETURN(std::vector<Resource> all, store_.List(resources::kStreamKind, ""));
  for (Resource& resource : all) {
    StreamView view = ViewWithoutMap(std::move(resource));
    if (view.name > stream_name) views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](auto& a, auto& b) { return a.name < b.name; });
  if (views.size() > count) views.erase(views.begin() + static_cast<ptrdiff_t>(count), views.end());
  return views;
}

Result<AccountUse> Catalog::Use() {
  if (options_.use) return options_.use();
  ASSIGN_OR_RETURN(const std::vector<Resource> all, store_.List(resources::kStreamKind, ""));
  AccountUse use;
  for (const Resource& resource : all) {
    const StreamView view = ViewWithoutMap(resource);
    use.open_shards += resource.status["openShardCount"].AsInt(view.spec.shard_count);
    use.on_demand += view.spec.stream_mode == "ON_DEMAND" ? 1 : 0;
  }
  return use;
}

Result<StreamView> Catalog::Create(const std::string& stream_name, const StreamSpec& spec) {
  Resource resource;
  resource.kind = resources::kStreamKind;
  resource.key = {options_.ns, ResourceNameFor(stream_name)};
  StreamSpec named = spec;
  named.stream_name = resource.key.name == stream_name ? "" : stream_name;
  resource.spec = named.ToValue();
  const auto taken = [&] {
    return Status(Code::kResourceInUse, "Stream " + stream_name + " under account " +
                                            options_.account + " already exists.");
  };
  if (FindResource(stream_name).ok()) return taken();
  Result<Resource> created = store_.Create(std::move(resource));
  if (!created.ok())
    return created.status().code() == Code::kResourceInUse ? taken() : created.status();
  return View(std::move(*created));
}

Result<Resource> Catalog::Change(const StreamView& view,
                                 const std::function<Status(Resource&, StreamSpec&)>& change) {
  for (int i = 0; i < kChangeTriesMax; ++i) {
    ASSIGN_OR_RETURN(Resource resource, store_.Get(resources::kStreamKind, view.resource.key));
    if (resource.uid != view.resource.uid) return NotFound(NotFoundMessage(view.name));
    ASSIGN_OR_RETURN(StreamSpec spec, StreamSpec::Parse(resource.spec));
    StreamSpec before = spec;
    RETURN_IF_ERROR(change(resource, spec));
    RETURN_IF_ERROR(CheckStreamTransition(before, spec));
    resource.spec = spec.ToValue();
    Result<Resource> updated = store_.Update(resource);
    if (updated.ok() || updated.status().code() != Code::kConflict) return updated;
  }
  return Unavailable("the stream is being changed by others; try again");
}

Status Catalog::ChangeAndWait(const StreamView& view,
                              const std::function<Status(Resource&, StreamSpec&)>& change) {
  ASSIGN_OR_RETURN(Resource changed, Change(view, change));
  int64_t generation = changed.generation;
  Result<StreamView> seen = WaitUntil(view.name, [&](const StreamView& now) {
    return now.resource.status["observedGeneration"].AsInt() >= generation &&
           now.status != "UPDATING";
  });
  // The change itself is durable: an operator that is slow or away takes it up later.
  if (!seen.ok() && seen.status().code() != Code::kTimeout) return seen.status();
  return OkStatus();
}

Status Catalog::Delete(const StreamView& view) {
  return store_.Delete(resources::kStreamKind, view.resource.key);
}

Result<StreamView> Catalog::WaitUntil(const std::string& stream_name,
                                      const std::function<bool(const StreamView&)>& holds) {
  auto deadline = std::chrono::steady_clock::now() + options_.wait_max;
  while (true) {
    ASSIGN_OR_RETURN(StreamView view, Find(stream_name));
    if (holds(view)) return view;
    if (std::chrono::steady_clock::now() >= deadline) {
      return Status(Code::kTimeout, "the operator has not taken the change up yet");
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace millrace::controlplane
