#include "cli/cluster/support_bundle.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cli/cluster/cluster_commands.h"
#include "cli/cluster/cluster_flags.h"
#include "cli/output.h"
#include "common/resources/resource.h"

namespace millrace::cli {
namespace {

// "millrace-support-20261121-120000.tar.gz"
std::string DefaultName(WallMs now) {
  std::string time = resources::FormatTime(now);
  std::string digits;
  for (char c : time) {
    if (c >= '0' && c <= '9') digits += c;
    if (c == 'T') digits += '-';
  }
  return "millrace-support-" + digits + ".tar.gz";
}

Status WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return InvalidArgument("cannot write " + path + "; choose another place by -o FILE");
  // Logs and specs are nobody else's business.
  std::error_code ignored;
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  return OkStatus();
}

}  // namespace

int RunSupportBundle(const Arguments& arguments) {
  config::Settings settings(
      "kubectl millrace support-bundle [-o FILE.tar.gz] [FLAG]...",
      "Collects Millrace's resources, their events, pods, tails of logs, versions and explanations "
      "into one archive, from every namespace unless -n names one. Secrets are not read.");
  ClusterFlags flags(settings);
  const std::string& file =
      settings.String("output", "", "Where to write; made from the time if not given.", "FILE");
  settings.Letter("output", 'o');
  const int64_t& lines =
      settings.Int("log-lines", 2'000, {0, 100'000}, "How much of each container's log.", "LINES");
  settings.ParseOrExit(arguments);
  auto client = flags.Connect();
  if (!client.ok()) return FailOnCluster("support-bundle", client.status());
  BundleOptions options;
  options.ns = flags.ns;
  options.log_lines = lines;
  options.now = SystemClock().WallNow();
  Result<Bundle> bundle = CollectBundle(**client, options);
  const std::string& server = (*client)->access().server;
  if (!bundle.ok()) return FailOnCluster("support-bundle", bundle.status(), server);
  Result<std::string> bytes = TarGz(bundle->files, options.now);
  if (!bytes.ok()) return FailOnCluster("support-bundle", bytes.status());
  const std::string path = file.empty() ? DefaultName(options.now) : file;
  const Status written = WriteFile(path, *bytes);
  if (!written.ok()) return FailOnCluster("support-bundle", written);
  for (const BundleFile& one : bundle->files) {
    std::printf("%10s  %s\n", HumanBytes(static_cast<double>(one.bytes.size())).c_str(),
                one.path.c_str());
  }
  for (const std::string& missing : bundle->missing)
    std::printf("not taken: %s\n", missing.c_str());
  std::printf("%s (%s); look through it before you send it on.\n", path.c_str(),
              HumanBytes(static_cast<double>(bytes->size())).c_str());
  return 0;
}

}  // namespace millrace::cli
