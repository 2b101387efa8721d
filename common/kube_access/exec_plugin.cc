#include "common/kube_access/exec_plugin.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>

#include "common/codec/base64.h"

namespace millrace::kube {
namespace {

using json::Value;
using std::chrono::system_clock;

constexpr std::string_view kGroup = "client.authentication.k8s.io/";
constexpr std::string_view kClusterExtension = "client.authentication.k8s.io/exec";
constexpr std::chrono::milliseconds kTimeMax = std::chrono::minutes(1);
constexpr std::chrono::milliseconds kAskingTimeMax = std::chrono::minutes(5);

Status Wrong(const std::string& command, const std::string& what) {
  return InvalidArgument("the kubeconfig's exec plugin '" + command + "' " + what);
}

// RFC 3339; nothing where it is none.
std::optional<system_clock::time_point> ParseTimestamp(const std::string& text) {
  std::tm day{};
  int taken = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d%n", &day.tm_year, &day.tm_mon,
                  &day.tm_mday, &day.tm_hour, &day.tm_min, &day.tm_sec, &taken) != 6) {
    return std::nullopt;
  }
  size_t at = static_cast<size_t>(taken);
  if (at < text.size() && text[at] == '.') {
    at = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
  }
  int hours = 0, minutes = 0;
  char sign = 0;
  const std::string zone = text.substr(at);
  if (zone != "Z" &&
      (zone.size() != 6 || std::sscanf(zone.c_str(), "%c%2d:%2d", &sign, &hours, &minutes) != 3)) {
    return std::nullopt;
  }
  day.tm_year -= 1900;
  day.tm_mon -= 1;
  const std::time_t seconds = timegm(&day);
  const int ahead = (hours * 60 + minutes) * 60;
  return system_clock::from_time_t(sign == '-' ? seconds + ahead : seconds - ahead);
}

// KUBERNETES_EXEC_INFO: what the program may know of the call it is run for.
Value ExecInfo(const Value& exec, const Value& cluster, const std::string& ca_pem, bool may_ask) {
  Value info;
  info.Set("kind", "ExecCredential");
  info.Set("apiVersion", exec["apiVersion"].AsString());
  info["spec"].Set("interactive", may_ask);
  if (!exec["provideClusterInfo"].AsBool()) return info;
  Value& about = info["spec"]["cluster"];
  about.Set("server", cluster["server"].AsString());
  for (const char* name : {"tls-server-name", "insecure-skip-tls-verify", "proxy-url"}) {
    if (cluster.Has(name)) about.Set(name, cluster[name]);
  }
  if (!ca_pem.empty()) about.Set("certificate-authority-data", codec::Base64Encode(ca_pem));
  for (const Value& extension : cluster["extensions"].AsArray()) {
    if (extension["name"].AsString() == kClusterExtension) {
      about.Set("config", extension["extension"]);
    }
  }
  return info;
}

// The command of a relative path is looked for beside the kubeconfig; a mere name, in PATH.
std::string CommandPath(const std::string& command, const std::string& folder) {
  if (command.find('/') == command.npos || command.starts_with('/')) return command;
  return (std::filesystem::path(folder) / command).lexically_normal().string();
}

std::string Quoted(std::string errors) {
  while (!errors.empty() && std::isspace(static_cast<unsigned char>(errors.back())))
    errors.pop_back();
  return errors.empty() ? "" : ": " + errors;
}

}  // namespace

Result<std::shared_ptr<ExecPlugin>> ExecPlugin::FromKubeconfig(const Value& exec,
                                                               const Value& cluster,
                                                               const std::string& ca_pem,
                                                               const std::string& folder) {
  auto made = std::make_shared<ExecPlugin>();
  const std::string& command = exec["command"].AsString();
  if (command.empty()) return InvalidArgument("kubeconfig: the user's exec has no command");
  made->api_version_ = exec["apiVersion"].AsString();
  const std::string version = made->api_version_.starts_with(kGroup)
                                  ? made->api_version_.substr(kGroup.size())
                                  : std::string();
  if (version != "v1" && version != "v1beta1") {
    return Wrong(command, "speaks apiVersion '" + made->api_version_ +
                              "'; client.authentication.k8s.io/v1 and /v1beta1 are supported. "
                              "A newer release of the plugin and of its kubeconfig has them");
  }
  const std::string& mode = exec["interactiveMode"].AsString();
  const bool at_terminal = isatty(STDIN_FILENO) == 1;
  if (mode == "Always" && !at_terminal) {
    return Wrong(command, "must ask something (interactiveMode: Always), but there is no terminal");
  }
  made->install_hint_ = exec["installHint"].AsString();
  made->program_.command = CommandPath(command, folder);
  for (const Value& argument : exec["args"].AsArray()) {
    made->program_.arguments.push_back(argument.AsString());
  }
  for (const Value& variable : exec["env"].AsArray()) {
    made->program_.environment.emplace_back(variable["name"].AsString(),
                                            variable["value"].AsString());
  }
  made->program_.may_ask = mode != "Never" && at_terminal;
  made->program_.time_max = made->program_.may_ask ? kAskingTimeMax : kTimeMax;
  made->program_.environment.emplace_back(
      "KUBERNETES_EXEC_INFO",
      json::WriteJson(ExecInfo(exec, cluster, ca_pem, made->program_.may_ask)));
  return made;
}

Result<Credential> ExecPlugin::Get() {
  std::lock_guard lock(mu_);
  const bool holds = last_ && (!expires_ || system_clock::now() < *expires_);
  if (holds) return *last_;
  last_.reset();
  Result<Credential> fresh = Run();
  if (fresh.ok()) last_ = *fresh;
  return fresh;
}

void ExecPlugin::Refuse(const Credential& credential) {
  std::lock_guard lock(mu_);
  if (last_ && last_->number == credential.number) last_.reset();
}

Result<Credential> ExecPlugin::Run() {
  const std::string name = "the kubeconfig's exec plugin '" + program_.command + "'";
  Result<ProgramOutcome> outcome = RunProgram(program_);
  if (!outcome.ok()) {
    const bool is_missing = outcome.status().code() == Code::kNotFound;
    // To the caller this is no object that is not there.
    const Code code = is_missing ? Code::kInvalidArgument : outcome.status().code();
    std::string hint = is_missing && !install_hint_.empty() ? "\n" + install_hint_ : "";
    return Status(code, name + " gives no credentials: " + outcome.status().message() + hint);
  }
  if (outcome->exit_status != 0) {
    return Status(Code::kAccessDenied, name + " failed with exit status " +
                                           std::to_string(outcome->exit_status) +
                                           Quoted(outcome->errors));
  }
  Result<Credential> read = Read(outcome->output);
  if (read.ok()) return read;
  return Status(read.status().code(),
                name + " " + read.status().message() + Quoted(outcome->errors));
}

Result<Credential> ExecPlugin::Read(const std::string& output) {
  Result<Value> said = json::ParseJson(output);
  if (!said.ok()) return InvalidArgument("does not answer in JSON: " + said.status().message());
  if ((*said)["kind"].AsString() != "ExecCredential" ||
      (*said)["apiVersion"].AsString() != api_version_) {
    return InvalidArgument("answers with apiVersion '" + (*said)["apiVersion"].AsString() +
                           "', kind '" + (*said)["kind"].AsString() +
                           "'; the kubeconfig asks for ExecCredential of " + api_version_);
  }
  const Value& status = (*said)["status"];
  Credential made{status["token"].AsString(), status["clientCertificateData"].AsString(),
                  status["clientKeyData"].AsString(), ++runs_};
  if (made.client_certificate_pem.empty() != made.client_key_pem.empty()) {
    return InvalidArgument("gives a client certificate without its key, or a key alone");
  }
  if (made.token.empty() && made.client_key_pem.empty()) {
    return InvalidArgument("gives neither a token nor a client certificate");
  }
  expires_.reset();
  if (const std::string& until = status["expirationTimestamp"].AsString(); !until.empty()) {
    expires_ = ParseTimestamp(until);
    if (!expires_) return InvalidArgument("gives an expirationTimestamp that is none: " + until);
  }
  return made;
}

}  // namespace millrace::kube
