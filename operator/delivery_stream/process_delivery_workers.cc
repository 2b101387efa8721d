#include "operator/delivery_stream/process_delivery_workers.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "common/log/log.h"
#include "operator/delivery_stream/delivery_reports.h"
#include "operator/runtime/free_port.h"

namespace millrace::op {

namespace fs = std::filesystem;
using resources::ResourceKey;

namespace {

std::string WorkloadName(const ResourceKey& key) { return "delivery/" + key.ToString(); }

Status WriteAll(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "write " + path);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(fd) == 0 ? OkStatus() : ErrnoStatus(errno, "fsync " + path);
}

// As a whole, so that a process never reads half a plan; for our own eyes, since it holds secrets.
Status ReplaceFile(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const int fd = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, "open " + beside);
  const Status written = WriteAll(fd, text, beside);
  close(fd);
  RETURN_IF_ERROR(written);
  if (rename(beside.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, "rename " + beside);
  return OkStatus();
}

}  // namespace

ProcessDeliveryWorkers::ProcessDeliveryWorkers(Runtime& runtime, std::string program,
                                               std::string folder)
    : runtime_(runtime), program_(std::move(program)), folder_(std::move(folder)) {}

std::string ProcessDeliveryWorkers::FolderOf(const ResourceKey& key) const {
  return folder_ + "/" + key.ns + "/" + key.name;
}

Status ProcessDeliveryWorkers::Apply(const DeliveryOrders& orders) {
  if (orders.workers == 0) {
    runtime_.Remove(WorkloadName(orders.key));
    return OkStatus();
  }
  if (!fs::exists(program_)) {
    return NotFound(program_ + " is missing; it belongs beside millrace");
  }
  Known known;
  {
    std::lock_guard lock(mu_);
    known = known_[orders.key];
  }
  const std::string folder = FolderOf(orders.key);
  if (known.plan != orders.plan) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) return {Code::kIo, "cannot make the folder " + folder + ": " + error.message()};
    RETURN_IF_ERROR(ReplaceFile(folder + "/plan.json", orders.plan));
    known.plan = orders.plan;
    log::Info("delivery plan written", {{"delivery_stream", orders.key.ToString()}});
  }
  if (known.admin_address.empty()) {
    ASSIGN_OR_RETURN(const uint16_t port, FreePort());
    known.admin_address = "127.0.0.1:" + std::to_string(port);
  }
  {
    std::lock_guard lock(mu_);
    known_[orders.key] = known;
  }
  Workload process;
  process.name = WorkloadName(orders.key);
  process.program = program_;
  process.arguments = {"--plan=" + folder + "/plan.json", "--data=" + folder,
                       "--admin-listen=" + known.admin_address,
                       "--name=" + orders.key.ns + "." + orders.key.name};
  return runtime_.Apply(process);
}

DeliveryObservation ProcessDeliveryWorkers::Observe(const ResourceKey& key) {
  DeliveryObservation seen;
  std::string address;
  {
    std::lock_guard lock(mu_);
    const auto known = known_.find(key);
    if (known == known_.end()) return seen;
    address = known->second.admin_address;
  }
  const WorkloadState state = runtime_.Observe(WorkloadName(key));
  seen.running = state.running ? 1 : 0;
  seen.restarts = state.restarts;
  seen.last_exit = state.last_exit;
  if (state.running) seen.report = AskDelivery("http://" + address);
  return seen;
}

Status ProcessDeliveryWorkers::Remove(const ResourceKey& key) {
  runtime_.Remove(WorkloadName(key));
  {
    std::lock_guard lock(mu_);
    known_.erase(key);
  }
  std::error_code error;
  fs::remove_all(FolderOf(key), error);
  return error ? Status(Code::kIo, "cannot remove " + FolderOf(key) + ": " + error.message())
               : OkStatus();
}

}  // namespace millrace::op
