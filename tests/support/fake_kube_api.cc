#include "tests/support/fake_kube_api.h"

#include <algorithm>
#include <future>

#include "common/base/random.h"

namespace millrace::testing_support {

using json::Value;
using kube::ObjectName;

// A request's place: /apis/group/version/namespaces/ns/plural/name/subresource?query
struct FakeKubeApi::Target {
  std::string collection;  // "/api/v1/pods"
  ObjectName name;
  std::string subresource;
  std::map<std::string, std::string> query;
  bool has_status = false;  // a kind with a status subresource

  std::string Query(const std::string& key) const {
    auto at = query.find(key);
    return at == query.end() ? "" : at->second;
  }
  static Target Parse(std::string_view path, std::string_view query);
};

namespace {

std::vector<std::string> Split(std::string_view text, char at) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(at), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "key=value", or "key" for any value.
bool HasLabel(const Value& object, std::string_view selector) {
  const Value& labels = object["metadata"]["labels"];
  const size_t equals = selector.find('=');
  if (equals == selector.npos) return labels.Has(selector);
  return labels[selector.substr(0, equals)].AsString() == selector.substr(equals + 1);
}

void Merge(Value& into, const Value& patch) {
  if (!patch.is_object()) {
    into = patch;
    return;
  }
  for (const auto& [name, value] : patch.AsObject()) {
    if (value.is_null()) {
      into.Remove(name);
    } else {
      if (!into.is_object()) into = json::Object{};
      Merge(into[name], value);
    }
  }
}

// Equal for documents that differ in the order of their members only.
std::string Sorted(const Value& value) {
  if (value.is_array()) {
    std::string out = "[";
    for (const Value& item : value.AsArray()) out += Sorted(item) + ",";
    return out + "]";
  }
  if (!value.is_object()) return json::WriteJson(value);
  std::map<std::string, std::string> members;
  for (const auto& [name, member] : value.AsObject()) members[name] = Sorted(member);
  std::string out = "{";
  for (const auto& [name, member] : members) out += name + ":" + member + ",";
  return out + "}";
}

std::string Line(const char* type, const Value& object) {
  Value event;
  event.Set("type", type);
  event.Set("object", object);
  return json::WriteJson(event) + "\n";
}

Value StatusDocument(int code, const std::string& reason, const std::string& message) {
  Value status;
  status.Set("kind", "Status");
  status.Set("apiVersion", "v1");
  status.Set("status", "Failure");
  status.Set("reason", reason);
  status.Set("message", message);
  status.Set("code", code);
  if (code == 404) status["details"].Set("name", message);
  return status;
}

Value Bookmark(uint64_t version, bool is_initial_end) {
  Value bookmark;
  bookmark.Set("kind", "Any");
  bookmark["metadata"].Set("resourceVersion", std::to_string(version));
  if (is_initial_end) bookmark["metadata"]["annotations"].Set("k8s.io/initial-events-end", "true");
  return bookmark;
}

void Answer(const FakeKubeApi::Writer& writer, int status, const Value& body) {
  writer->Send(
      {status, {{"Content-Type", "application/json"}}, {Slice::FromString(json::WriteJson(body))}});
}

}  // namespace

FakeKubeApi::Target FakeKubeApi::Target::Parse(std::string_view path, std::string_view query) {
  Target target;
  std::vector<std::string> parts = Split(path, '/');
  size_t at = !parts.empty() && parts[0] == "api" ? 2 : 3;
  for (size_t i = 0; i < std::min(at, parts.size()); ++i) target.collection += "/" + parts[i];
  target.has_status = parts.size() > 1 && parts[1] == "millrace.dev";
  if (at + 2 < parts.size() && parts[at] == "namespaces") {
    target.name.ns = parts[at + 1];
    at += 2;
  }
  if (at < parts.size()) target.collection += "/" + parts[at];
  if (at + 1 < parts.size()) target.name.name = parts[at + 1];
  if (at + 2 < parts.size()) target.subresource = parts[at + 2];
  for (const std::string& part : Split(query, '&')) {
    size_t equals = part.find('=');
    target.query[part.substr(0, equals)] = Decode(part.substr(equals + 1));
  }
  return target;
}

FakeKubeApi::FakeKubeApi() {
  server_ = std::make_unique<net::HttpServer>(io_, net::HttpServerOptions{},
                                              [this](net::HttpRequest request, Writer writer) {
                                                Serve(std::move(request), std::move(writer));
                                              });
  Result<uint16_t> port = server_->Listen("127.0.0.1:0");
  CHECK(port.ok());
  port_ = *port;
}

FakeKubeApi::~FakeKubeApi() {
  CutWatches();
  server_->Stop(std::chrono::milliseconds(0));
  OnLoop([this] {
    hanging_.clear();
    interceptor_ = {};
  });
}

kube::ClusterAccess FakeKubeApi::access() const {
  kube::ClusterAccess access;
  access.server = "http://127.0.0.1:" + std::to_string(port_);
  access.token = kube::TokenSource::Fixed("secret");
  return access;
}

void FakeKubeApi::OnLoop(std::function<void()> work) const {
  std::promise<void> done;
  io_.at(0).Post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void FakeKubeApi::Intercept(Interceptor interceptor) {
  OnLoop([&] { interceptor_ = std::move(interceptor); });
}

void FakeKubeApi::CutWatches() {
  OnLoop([this] {
    for (Watcher& watcher : watchers_) watcher.writer->End();
    watchers_.clear();
  });
}

void FakeKubeApi::ForgetHistory() {
  OnLoop([this] {
    oldest_ = version_;
    history_.clear();
  });
}

void FakeKubeApi::SendBookmarks() {
  OnLoop([this] {
    for (Watcher& watcher : watchers_)
      watcher.writer->Write(Slice::FromString(Line("BOOKMARK", Bookmark(version_, false))));
  });
}

void FakeKubeApi::SendError(int code, const std::string& message) {
  OnLoop([&] {
    for (Watcher& watcher : watchers_) {
      watcher.writer->Write(Slice::FromString(
          Line("ERROR", StatusDocument(code, code == 410 ? "Expired" : "InternalError", message))));
      watcher.writer->End();
    }
    watchers_.clear();
  });
}

void FakeKubeApi::SetWatchList(bool is_supported) {
  OnLoop([&] { watch_list_ = is_supported; });
}

size_t FakeKubeApi::CountOf(const std::string& prefix) const {
  size_t count = 0;
  OnLoop([&] {
    for (const std::string& request : requests_) count += request.starts_with(prefix) ? 1 : 0;
  });
  return count;
}

size_t FakeKubeApi::watch_count() const {
  size_t count = 0;
  OnLoop([&] { count = watchers_.size(); });
  return count;
}

void FakeKubeApi::SendStatus(const Writer& writer, int code, const std::string& reason,
                             const std::string& message, std::vector<net::OwnedHeader> headers) {
  headers.emplace_back("Content-Type", "application/json");
  writer->Send({code,
                std::move(headers),
                {Slice::FromString(json::WriteJson(StatusDocument(code, reason, message)))}});
}

void FakeKubeApi::Serve(net::HttpRequest request, Writer writer) {
  requests_.push_back(std::string(request.method) + " " + std::string(request.target));
  if (interceptor_ && interceptor_(request, writer)) {
    hanging_.push_back(std::move(writer));
    return;
  }
  if (request.FindHeader("authorization") != "Bearer secret")
    return SendStatus(writer, 401, "Unauthorized", "Unauthorized");
  const Target target = Target::Parse(request.path, request.query);
  Value body;
  if (!request.body.view().empty()) {
    Result<Value> parsed = json::ParseJson(request.body.view());
    if (!parsed.ok()) return SendStatus(writer, 400, "BadRequest", "body");
    body = *parsed;
  }
  if (request.method == "GET" && target.Query("watch") == "true") return StartWatch(target, writer);
  if (request.method == "GET")
    return target.name.name.empty() ? List(target, writer) : Get(target, writer);
  if (request.method == "POST") return Create(target, std::move(body), writer);
  if (request.method == "PUT") return Update(target, body, writer);
  if (request.method == "PATCH") {
    const bool is_apply = request.FindHeader("content-type") == "application/apply-patch+yaml";
    return Patch(target, body, is_apply, writer);
  }
  if (request.method == "DELETE") return Delete(target, body, writer);
  SendStatus(writer, 405, "MethodNotAllowed", "method");
}

void FakeKubeApi::Get(const Target& target, const Writer& writer) {
  Objects& objects = collections_[target.collection];
  auto at = objects.find(target.name);
  if (at == objects.end())
    return SendStatus(writer, 404, "NotFound", "\"" + target.name.name + "\" not found");
  Answer(writer, 200, at->second);
}

void FakeKubeApi::List(const Target& target, const Writer& writer) {
  std::string token = target.Query("continue");
  size_t from = 0;
  uint64_t version = version_;
  if (!token.empty()) {
    std::vector<std::string> parts = Split(token, '.');
    from = std::stoul(parts.at(0));
    version = std::stoull(parts.at(1));
    if (version < oldest_) return SendStatus(writer, 410, "Expired", "continue token expired");
  }
  const std::string limit_text = target.Query("limit");
  const size_t limit = limit_text.empty() ? SIZE_MAX : std::stoul(limit_text);
  const std::string label = target.Query("labelSelector");
  Value items = json::Array{};
  size_t index = 0;
  bool has_more = false;
  for (const auto& [name, object] : collections_[target.collection]) {
    if (!target.name.ns.empty() && name.ns != target.name.ns) continue;
    if (!label.empty() && !HasLabel(object, label)) continue;
    if (index++ < from) continue;
    has_more = items.AsArray().size() == limit;
    if (has_more) break;
    items.Append(object);
  }
  Value list;
  list.Set("kind", "List");
  list["metadata"].Set("resourceVersion", std::to_string(version));
  if (has_more) {
    list["metadata"].Set("continue", std::to_string(from + limit) + "." + std::to_string(version));
  }
  list.Set("items", std::move(items));
  Answer(writer, 200, list);
}

void FakeKubeApi::StartWatch(const Target& target, const Writer& writer) {
  Watcher watcher{target.collection, target.name.ns, "", writer};
  const std::string selector = target.Query("fieldSelector");
  if (selector.starts_with("metadata.name=")) watcher.name = selector.substr(14);
  auto fits = [&](const ObjectName& name) {
    return (watcher.ns.empty() || watcher.ns == name.ns) &&
           (watcher.name.empty() || watcher.name == name.name);
  };
  auto write = [&](const std::string& line) { writer->Write(Slice::FromString(line)); };
  writer->Begin(200, {{"Content-Type", "application/json"}});
  auto refuse = [&](int code, const char* reason, const char* message) {
    write(Line("ERROR", StatusDocument(code, reason, message)));
    writer->End();
  };
  if (target.Query("sendInitialEvents") == "true") {
    if (!watch_list_) return refuse(500, "InternalError", "RequestWatchProgress is disabled");
    for (const auto& [name, object] : collections_[target.collection]) {
      if (fits(name)) write(Line("ADDED", object));
    }
    write(Line("BOOKMARK", Bookmark(version_, true)));
  } else {
    const uint64_t from = std::stoull("0" + target.Query("resourceVersion"));
    if (from < oldest_) return refuse(410, "Expired", "too old resource version");
    for (const Event& event : history_) {
      if (event.version > from && event.collection == target.collection && fits(event.name))
        write(event.line);
    }
  }
  watchers_.push_back(std::move(watcher));
}

void FakeKubeApi::Announce(const std::string& collection, const char* type, const Value& object) {
  const ObjectName name = kube::NameOf(object);
  const std::string line = Line(type, object);
  history_.push_back({version_, collection, line, name});
  for (Watcher& watcher : watchers_) {
    const bool fits = watcher.collection == collection &&
                      (watcher.ns.empty() || watcher.ns == name.ns) &&
                      (watcher.name.empty() || watcher.name == name.name);
    if (fits && !watcher.writer->closed()) watcher.writer->Write(Slice::FromString(line));
  }
}

void FakeKubeApi::Keep(const Target& target, const char* event, Value object, const Writer& writer,
                       int http_status) {
  object["metadata"].Set("resourceVersion", std::to_string(++version_));
  const ObjectName name = kube::NameOf(object);
  const bool is_finished = object["metadata"].Has("deletionTimestamp") &&
                           object.At("metadata", "finalizers").AsArray().empty();
  if (is_finished) {
    collections_[target.collection].erase(name);
    event = "DELETED";
  } else {
    collections_[target.collection][name] = object;
  }
  Announce(target.collection, event, object);
  Answer(writer, http_status, object);
}

void FakeKubeApi::Create(const Target& target, Value object, const Writer& writer) {
  if (!target.subresource.empty()) return Answer(writer, 201, object);
  object["metadata"].Set("namespace", target.name.ns);
  const std::string name = object.At("metadata", "name").AsString();
  if (collections_[target.collection].contains({target.name.ns, name}))
    return SendStatus(writer, 409, "AlreadyExists", "\"" + name + "\" already exists");
  object["metadata"].Set("uid", NewUuid());
  object["metadata"].Set("generation", 1);
  object["metadata"].Set("creationTimestamp", "2026-11-21T12:00:00Z");
  object["metadata"]["managedFields"].Append("what the server keeps of who wrote which field");
  if (target.has_status) object.Remove("status");
  Keep(target, "ADDED", std::move(object), writer, 201);
}

void FakeKubeApi::Update(const Target& target, const Value& object, const Writer& writer) {
  Objects& objects = collections_[target.collection];
  auto at = objects.find(target.name);
  if (at == objects.end()) return SendStatus(writer, 404, "NotFound", "not found");
  const Value& before = at->second;
  const std::string& version = kube::ResourceVersionOf(object);
  if (!version.empty() && version != kube::ResourceVersionOf(before))
    return SendStatus(writer, 409, "Conflict", "the object has been modified");
  if (!kube::UidOf(object).empty() && kube::UidOf(object) != kube::UidOf(before))
    return SendStatus(writer, 409, "Conflict", "Precondition failed: UID in precondition");
  Value after = before;
  if (target.subresource == "status") {
    after.Remove("status");
    if (!object["status"].is_null()) after.Set("status", object["status"]);
  } else {
    after = object;
    for (const char* kept : {"uid", "creationTimestamp", "generation", "deletionTimestamp",
                             "resourceVersion", "managedFields"}) {
      after["metadata"].Remove(kept);
      if (const Value* value = before["metadata"].Find(kept)) after["metadata"].Set(kept, *value);
    }
    if (target.has_status) {
      after.Remove("status");
      if (const Value* status = before.Find("status")) after.Set("status", *status);
    }
    if (!(Sorted(after["spec"]) == Sorted(before["spec"])))
      after["metadata"].Set("generation", before.At("metadata", "generation").AsInt() + 1);
  }
  if (Sorted(after) == Sorted(before)) return Answer(writer, 200, before);
  if (before["metadata"].Has("deletionTimestamp") &&
      after.At("metadata", "finalizers").AsArray().size() >
          before.At("metadata", "finalizers").AsArray().size()) {
    return SendStatus(writer, 422, "Invalid",
                      "metadata.finalizers: no new finalizers can be added");
  }
  Keep(target, "MODIFIED", std::move(after), writer);
}

void FakeKubeApi::Patch(const Target& target, const Value& patch, bool is_apply,
                        const Writer& writer) {
  Objects& objects = collections_[target.collection];
  auto at = objects.find(target.name);
  if (at == objects.end()) {
    if (is_apply) return Create(target, patch, writer);
    return SendStatus(writer, 404, "NotFound", "not found");
  }
  Value after = at->second;
  Merge(after, patch);
  if (after == at->second) return Answer(writer, 200, after);
  Keep(target, "MODIFIED", std::move(after), writer);
}

void FakeKubeApi::Delete(const Target& target, const Value& options, const Writer& writer) {
  Objects& objects = collections_[target.collection];
  auto at = objects.find(target.name);
  if (at == objects.end()) return SendStatus(writer, 404, "NotFound", "not found");
  const Value& wanted = options["preconditions"];
  Value object = at->second;
  if ((wanted.Has("uid") && wanted["uid"].AsString() != kube::UidOf(object)) ||
      (wanted.Has("resourceVersion") &&
       wanted["resourceVersion"].AsString() != kube::ResourceVersionOf(object))) {
    return SendStatus(writer, 409, "Conflict", "Precondition failed");
  }
  if (!object.At("metadata", "finalizers").AsArray().empty()) {
    if (object["metadata"].Has("deletionTimestamp")) return Answer(writer, 200, object);
    object["metadata"].Set("deletionTimestamp", "2026-11-21T12:00:01Z");
    return Keep(target, "MODIFIED", std::move(object), writer);
  }
  objects.erase(at);
  object["metadata"].Set("resourceVersion", std::to_string(++version_));
  Announce(target.collection, "DELETED", object);
  Value status = StatusDocument(200, "", "");
  status.Set("status", "Success");
  Answer(writer, 200, status);
}

}  // namespace millrace::testing_support
