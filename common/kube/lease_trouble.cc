#include "common/kube/lease_trouble.h"

#include <algorithm>

#include "common/log/log.h"

namespace millrace::kube {
namespace {

using std::chrono::milliseconds;

constexpr Duration kWaitMin = milliseconds(200);
constexpr Duration kWaitMax = std::chrono::seconds(1);
constexpr Duration kRefusedWaitMax = std::chrono::seconds(10);
constexpr Duration kSayAgain = std::chrono::minutes(1);

bool MendsItself(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kThrottled ||
         code == Code::kConflict || code == Code::kResourceInUse;
}

}  // namespace

Duration LeaseTrouble::Note(const char* doing, const Status& why, MonoTime now) {
  std::string text = std::string(doing) + why.ToString();
  if (text != said_ || now - said_at_ >= kSayAgain) {
    log::Warning("the lease cannot be had", {{"lease", lease_.ToString()},
                                             {"cannot_be", doing},
                                             {"error", why.ToString()},
                                             {"advice", Advice(why)}});
    said_ = std::move(text);
    said_at_ = now;
  }
  const Duration wait_max = MendsItself(why.code()) ? kWaitMax : kRefusedWaitMax;
  wait_ = std::clamp(wait_ * 2, kWaitMin, wait_max);
  return wait_;
}

std::string LeaseTrouble::Advice(const Status& why) const {
  switch (why.code()) {
    case Code::kAccessDenied:
      return "grant get, list, watch, create, update and patch on leases.coordination.k8s.io in "
             "namespace " +
             lease_.ns + " to the account this process runs as (the Helm chart's Role does)";
    case Code::kNotFound:
      return "create namespace " + lease_.ns;
    case Code::kUnsupported:
      return "the API server must offer coordination.k8s.io/v1";
    default:
      return MendsItself(why.code()) ? "the API server must be reachable; it is tried again"
                                     : "see the error; it is tried again";
  }
}

}  // namespace millrace::kube
