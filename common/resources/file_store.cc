#include "common/resources/file_store.h"

#include <algorithm>

#include "common/base/random.h"
#include "common/log/log.h"

namespace millrace::resources {
namespace {

// A file of ours is as large as we made it: a map of 100,000 shards has a few million tokens.
constexpr json::Limits kFileLimits = {
    .depth_max = 64, .tokens_max = 50'000'000, .number_chars_max = 64};
constexpr std::string_view kTemporary = ".tmp";
constexpr std::string_view kSuffix = ".json";

std::string NameOf(std::string_view kind, const ResourceKey& key) {
  return std::string(kind) + " " + key.ToString();
}

std::string FolderOf(const Resource& r) { return PluralOf(r.kind) + "/" + r.key.ns; }
std::string PathOf(const Resource& r) {
  return FolderOf(r) + "/" + r.key.name + std::string(kSuffix);
}

// Names become paths: what is no valid name must not reach the file system.
Status CheckNames(const Resource& r) {
  const bool kind_ok = !r.kind.empty() && r.kind.size() <= 63 &&
                       std::all_of(r.kind.begin(), r.kind.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                       });
  if (!kind_ok) return InvalidArgument("kind: must be letters");
  if (std::string problem = NameProblem(r.key.name); !problem.empty()) {
    return InvalidArgument("metadata.name: " + problem);
  }
  if (std::string problem = NamespaceProblem(r.key.ns); !problem.empty()) {
    return InvalidArgument("metadata.namespace: " + problem);
  }
  return OkStatus();
}

// Equal as Kubernetes sees it: the order of members means nothing.
bool Equivalent(const json::Value& a, const json::Value& b) {
  if (a.is_object() && b.is_object()) {
    const json::Object& members = a.AsObject();
    return members.size() == b.AsObject().size() &&
           std::all_of(members.begin(), members.end(), [&](const auto& m) {
             const json::Value* other = b.Find(m.first);
             return other != nullptr && Equivalent(m.second, *other);
           });
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.AsArray().begin(), a.AsArray().end(), b.AsArray().begin(),
                      b.AsArray().end(), Equivalent);
  }
  return a == b;
}

bool AddsFinalizer(const Resource& before, const Resource& after) {
  return std::any_of(
      after.finalizers.begin(), after.finalizers.end(), [&](const std::string& finalizer) {
        return std::find(before.finalizers.begin(), before.finalizers.end(), finalizer) ==
               before.finalizers.end();
      });
}

}  // namespace

std::string PluralOf(std::string_view kind) {
  std::string out;
  for (char c : kind) out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return out + "s";
}

Result<Resource> ParseResourceFile(std::string_view text) {
  ASSIGN_OR_RETURN(json::Value document, json::ParseJson(text, kFileLimits));
  return Resource::Parse(document);
}

Result<std::unique_ptr<FileStore>> FileStore::Open(const std::string& folder, Clock& clock) {
  return Open(MakePosixFiles(folder), clock);
}

Result<std::unique_ptr<FileStore>> FileStore::Open(std::unique_ptr<StoreFiles> files,
                                                   Clock& clock) {
  std::unique_ptr<FileStore> store(new FileStore(std::move(files), clock));
  RETURN_IF_ERROR(store->Load());
  return store;
}

Status FileStore::Load() {
  RETURN_IF_ERROR(files_->Lock());
  ASSIGN_OR_RETURN(std::vector<std::string> paths, files_->List());
  for (const std::string& path : paths) {
    if (path.ends_with(kTemporary)) {
      // A change that a crash cut short before it took effect.
      RETURN_IF_ERROR(files_->Remove(path));
    } else if (path.ends_with(kSuffix)) {
      RETURN_IF_ERROR(LoadFile(path));
    }
  }
  return OkStatus();
}

Status FileStore::LoadFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string text, files_->Read(path));
  Result<Resource> resource = ParseResourceFile(text);
  Status problem = resource.status();
  if (problem.ok() && PathOf(*resource) != path)
    problem = Corrupt("it holds " + NameOf(resource->kind, resource->key));
  if (!problem.ok()) {
    return Corrupt("the resource file " + path + " cannot be used: " + problem.message() +
                   "; mend it, or move it out of the store to go on without it");
  }
  version_last_ = std::max(version_last_, resource->resource_version);
  auto loaded = std::make_shared<const Resource>(*std::move(resource));
  kinds_[loaded->kind][loaded->key] = loaded;
  return OkStatus();
}

FileStore::Shared FileStore::Find(std::string_view kind, const ResourceKey& key) const {
  std::lock_guard lock(mu_);
  auto of_kind = kinds_.find(kind);
  if (of_kind == kinds_.end()) return nullptr;
  auto found = of_kind->second.find(key);
  return found == of_kind->second.end() ? nullptr : found->second;
}

Result<Resource> FileStore::Get(std::string_view kind, const ResourceKey& key) {
  const Shared found = Find(kind, key);
  if (found == nullptr) return NotFound(NameOf(kind, key) + " does not exist");
  return *found;
}

Result<std::vector<Resource>> FileStore::List(std::string_view kind, std::string_view ns) {
  std::vector<Shared> found;
  {
    std::lock_guard lock(mu_);
    if (auto of_kind = kinds_.find(kind); of_kind != kinds_.end()) {
      for (const auto& [key, resource] : of_kind->second) {
        if (ns.empty() || key.ns == ns) found.push_back(resource);
      }
    }
  }
  std::vector<Resource> out;
  out.reserve(found.size());
  for (const Shared& resource : found) out.push_back(*resource);
  return out;
}

Status FileStore::CheckWritable() const {
  if (is_fenced_)
    return {Code::kFenced,
            "the resource store could not sync its folder; it takes changes after a restart"};
  if (hub_.pending() <= WatchHub::kPendingMax) return OkStatus();
  return Unavailable("watchers are " + std::to_string(hub_.pending()) +
                     " changes behind; try again");
}

Result<Resource> FileStore::Create(Resource resource) {
  RETURN_IF_ERROR(CheckNames(resource));
  std::lock_guard writing(writing_);
  RETURN_IF_ERROR(CheckWritable());
  if (Find(resource.kind, resource.key) != nullptr) {
    return Status(Code::kResourceInUse, NameOf(resource.kind, resource.key) + " exists already");
  }
  resource.uid = NewUuid();
  resource.generation = 1;
  resource.creation_timestamp = FormatTime(clock_.WallNow());
  resource.deletion_timestamp.reset();
  resource.status = json::Value();
  return Commit(WatchEvent::kAdded, std::move(resource));
}

Result<FileStore::Shared> FileStore::FindForChange(const Resource& wanted) const {
  RETURN_IF_ERROR(CheckWritable());
  Shared current = Find(wanted.kind, wanted.key);
  const std::string name = NameOf(wanted.kind, wanted.key);
  if (current == nullptr) return NotFound(name + " does not exist");
  if (wanted.resource_version == 0) {
    return InvalidArgument("metadata.resourceVersion: is needed to change " + name);
  }
  const bool same_incarnation = wanted.uid.empty() || wanted.uid == current->uid;
  if (!same_incarnation || wanted.resource_version != current->resource_version) {
    return Status(Code::kConflict, name + " has changed since it was read; read it again");
  }
  return current;
}

Result<Resource> FileStore::Update(const Resource& resource) {
  std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(Shared current, FindForChange(resource));
  Resource next = resource;
  next.uid = current->uid;
  next.creation_timestamp = current->creation_timestamp;
  next.deletion_timestamp = current->deletion_timestamp;
  next.generation = current->generation;
  next.status = current->status;
  if (current->deletion_timestamp && AddsFinalizer(*current, next)) {
    return InvalidArgument(NameOf(next.kind, next.key) +
                           " is being deleted and takes no new finalizers");
  }
  if (current->deletion_timestamp && next.finalizers.empty()) {
    RETURN_IF_ERROR(Erase(current));
    return next;
  }
  if (!Equivalent(next.spec, current->spec)) {
    ++next.generation;
  } else if (Equivalent(next.ToValue(), current->ToValue())) {
    return *current;
  }
  return Commit(WatchEvent::kModified, std::move(next));
}

Result<Resource> FileStore::UpdateStatus(const Resource& resource) {
  std::lock_guard writing(writing_);
  ASSIGN_OR_RETURN(Shared current, FindForChange(resource));
  if (Equivalent(resource.status, current->status)) return *current;
  Resource next = *current;
  next.status = resource.status;
  return Commit(WatchEvent::kModified, std::move(next));
}

Status FileStore::Delete(std::string_view kind, const ResourceKey& key) {
  std::lock_guard writing(writing_);
  RETURN_IF_ERROR(CheckWritable());
  const Shared current = Find(kind, key);
  if (current == nullptr) return NotFound(NameOf(kind, key) + " does not exist");
  if (current->finalizers.empty()) return Erase(current);
  if (current->deletion_timestamp) return OkStatus();
  Resource next = *current;
  next.deletion_timestamp = FormatTime(clock_.WallNow());
  return Commit(WatchEvent::kModified, std::move(next)).status();
}

std::unique_ptr<WatchHandle> FileStore::Watch(
    std::string_view kind, std::function<void(WatchEvent, const Resource&)> on_event) {
  // Changes are published with mu_ held, so that none falls between this look and the watch.
  std::lock_guard lock(mu_);
  std::vector<Shared> existing;
  if (auto of_kind = kinds_.find(kind); of_kind != kinds_.end()) {
    for (const auto& entry : of_kind->second) existing.push_back(entry.second);
  }
  return hub_.Watch(kind, std::move(existing), std::move(on_event));
}

Result<Resource> FileStore::Commit(WatchEvent event, Resource resource) {
  resource.resource_version = version_last_ + 1;
  RETURN_IF_ERROR(Persist(resource));
  ++version_last_;
  auto shared = std::make_shared<const Resource>(std::move(resource));
  std::lock_guard lock(mu_);
  kinds_[shared->kind][shared->key] = shared;
  hub_.Publish(event, shared);
  return *shared;
}

Status FileStore::Persist(const Resource& resource) {
  const std::string path = PathOf(resource);
  const std::string temporary = path + std::string(kTemporary);
  RETURN_IF_ERROR(files_->MakeFolder(FolderOf(resource)));
  Status written = files_->WriteAndSync(temporary, json::WriteJson(resource.ToValue()) + "\n");
  if (written.ok()) written = files_->Rename(temporary, path);
  if (!written.ok()) {
    files_->Remove(temporary).IgnoreError();  // loading removes it too
    return written;
  }
  if (Status synced = files_->SyncFolder(FolderOf(resource)); !synced.ok()) return Fence(synced);
  return OkStatus();
}

Status FileStore::Erase(const Shared& current) {
  RETURN_IF_ERROR(files_->Remove(PathOf(*current)));
  if (Status synced = files_->SyncFolder(FolderOf(*current)); !synced.ok()) return Fence(synced);
  ++version_last_;
  std::lock_guard lock(mu_);
  kinds_[current->kind].erase(current->key);
  hub_.Publish(WatchEvent::kDeleted, current);
  return OkStatus();
}

Status FileStore::Fence(const Status& why) {
  log::Error("resource store fenced", {{"error", why.message()}});
  is_fenced_ = true;
  return {Code::kFenced, why.message()};
}

}  // namespace millrace::resources
