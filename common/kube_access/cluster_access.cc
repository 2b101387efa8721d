#include "common/kube_access/cluster_access.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/codec/base64.h"
#include "common/json/value.h"
#include "common/kube_access/exec_plugin.h"

namespace millrace::kube {
namespace {

namespace fs = std::filesystem;
using json::Value;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return NotFound("cannot read " + path);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::string Trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

// The named entry of a kubeconfig's list: {name: x, <member>: {...}}.
const Value* FindEntry(const Value& list, const std::string& name, std::string_view member) {
  for (const Value& entry : list.AsArray()) {
    if (entry["name"].AsString() == name) return &entry[member];
  }
  return nullptr;
}

// Reads what stands under `name`-data as base64, else the file that `name` names.
Result<std::string> DataOrFile(const Value& entry, const std::string& name,
                               const fs::path& folder) {
  const std::string& data = entry[name + "-data"].AsString();
  if (!data.empty()) {
    std::optional<std::string> text = codec::Base64Decode(data);
    if (!text) return InvalidArgument("kubeconfig: " + name + "-data is not base64");
    return *text;
  }
  const std::string& file = entry[name].AsString();
  return file.empty() ? Result<std::string>(std::string()) : ReadFile(folder / file);
}

Status ReadUser(const Value& user, const Value& cluster, const fs::path& folder,
                ClusterAccess& out) {
  if (user.Has("exec")) {
    ASSIGN_OR_RETURN(out.exec,
                     ExecPlugin::FromKubeconfig(user["exec"], cluster, out.ca_pem, folder));
    return OkStatus();
  }
  if (user.Has("auth-provider")) {
    return InvalidArgument(
        "kubeconfig: auth-provider is not supported; use an exec plugin, a token, tokenFile or "
        "client "
        "certificate");
  }
  ASSIGN_OR_RETURN(out.client_certificate_pem, DataOrFile(user, "client-certificate", folder));
  ASSIGN_OR_RETURN(out.client_key_pem, DataOrFile(user, "client-key", folder));
  if (const std::string& file = user["tokenFile"].AsString(); !file.empty()) {
    out.token = TokenSource::File(folder / file);
  } else if (const std::string& token = user["token"].AsString(); !token.empty()) {
    out.token = TokenSource::Fixed(token);
  }
  return OkStatus();
}

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::shared_ptr<TokenSource> TokenSource::Fixed(std::string token) {
  auto made = std::make_shared<TokenSource>();
  made->token_ = std::move(token);
  return made;
}

std::shared_ptr<TokenSource> TokenSource::File(std::string path) {
  auto made = std::make_shared<TokenSource>();
  made->path_ = std::move(path);
  return made;
}

std::string TokenSource::Token() {
  std::lock_guard lock(mu_);
  struct stat info{};
  if (path_.empty() || stat(path_.c_str(), &info) != 0) return token_;
  std::string stamp = std::to_string(info.st_ino) + "/" + std::to_string(info.st_size) + "/" +
                      std::to_string(info.st_mtim.tv_sec) + "." +
                      std::to_string(info.st_mtim.tv_nsec);
  if (stamp == stamp_) return token_;
  Result<std::string> text = ReadFile(path_);
  if (text.ok() && !Trimmed(*text).empty()) {
    token_ = Trimmed(std::move(*text));
    stamp_ = stamp;
  }
  return token_;
}

Result<ClusterAccess> ClusterAccess::InCluster(const std::string& folder) {
  const std::string host = Environment("KUBERNETES_SERVICE_HOST");
  const std::string port = Environment("KUBERNETES_SERVICE_PORT");
  if (host.empty() || !fs::exists(folder + "/token")) {
    return NotFound("this is no pod with a service account: KUBERNETES_SERVICE_HOST or " + folder +
                    "/token is missing");
  }
  ClusterAccess access;
  const bool is_ipv6 = host.find(':') != host.npos;
  access.server =
      "https://" + (is_ipv6 ? "[" + host + "]" : host) + ":" + (port.empty() ? "443" : port);
  ASSIGN_OR_RETURN(access.ca_pem, ReadFile(folder + "/ca.crt"));
  access.token = TokenSource::File(folder + "/token");
  Result<std::string> ns = ReadFile(folder + "/namespace");
  if (ns.ok()) access.ns = Trimmed(*ns);
  return access;
}

Result<ClusterAccess> ClusterAccess::FromKubeconfig(const std::string& path,
                                                    const std::string& context) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  Result<std::vector<Value>> documents = json::ParseYaml(text);
  if (!documents.ok()) return documents.status().WithContext("kubeconfig " + path);
  if (documents->size() != 1) return InvalidArgument("kubeconfig " + path + " is not one document");
  const Value& config = documents->front();
  const std::string& name = context.empty() ? config["current-context"].AsString() : context;
  const Value* chosen = FindEntry(config["contexts"], name, "context");
  if (chosen == nullptr) return NotFound("kubeconfig " + path + " has no context '" + name + "'");
  const std::string& cluster_name = (*chosen)["cluster"].AsString();
  const Value* cluster = FindEntry(config["clusters"], cluster_name, "cluster");
  if (cluster == nullptr)
    return NotFound("kubeconfig " + path + " has no cluster '" + cluster_name + "'");
  const fs::path folder = fs::absolute(path).parent_path();
  ClusterAccess access;
  access.server = (*cluster)["server"].AsString();
  if (access.server.empty()) return InvalidArgument("kubeconfig: the cluster has no server");
  access.verify_certificate = !(*cluster)["insecure-skip-tls-verify"].AsBool();
  ASSIGN_OR_RETURN(access.ca_pem, DataOrFile(*cluster, "certificate-authority", folder));
  if (const std::string& ns = (*chosen)["namespace"].AsString(); !ns.empty()) access.ns = ns;
  const Value* user = FindEntry(config["users"], (*chosen)["user"].AsString(), "user");
  if (user != nullptr) RETURN_IF_ERROR(ReadUser(*user, *cluster, folder, access));
  return access;
}

Result<ClusterAccess> ClusterAccess::Detect(const std::string& kubeconfig,
                                            const std::string& context) {
  if (!kubeconfig.empty()) return FromKubeconfig(kubeconfig, context);
  if (context.empty()) {
    Result<ClusterAccess> inside = InCluster();
    if (inside.ok() || inside.status().code() != Code::kNotFound) return inside;
  }
  if (std::string named = Environment("KUBECONFIG"); !named.empty()) {
    return FromKubeconfig(named.substr(0, named.find(':')), context);
  }
  return FromKubeconfig(Environment("HOME") + "/.kube/config", context);
}

Result<Credential> ClusterAccess::CurrentCredential() const {
  if (exec != nullptr) return exec->Get();
  return Credential{token == nullptr ? std::string() : token->Token(), client_certificate_pem,
                    client_key_pem};
}

bool ClusterAccess::Renew(const Credential& credential) const {
  if (exec == nullptr) return false;
  exec->Refuse(credential);
  return true;
}

}  // namespace millrace::kube
