#include "operator/pool/auto_expand.h"

#include <algorithm>

#include "common/base/quantity.h"

namespace millrace::op {

ExpandDecision DecideExpansion(const resources::StreamPoolSpec::AutoExpand& rule,
                               const VolumeUse& use) {
  constexpr int64_t kGiB = int64_t{1} << 30;
  if (!use.used_percent_max) return {{}, "UseUnknown", "no pod has told how full its volume is"};
  const std::string used = "the fullest volume is " + std::to_string(*use.used_percent_max) +
                           " % full, the target is " +
                           std::to_string(rule.target_utilization_percent) + " %";
  if (*use.used_percent_max <= rule.target_utilization_percent) return {{}, "WithinTarget", ""};
  if (use.actual_bytes < use.requested_bytes) {
    return {{}, "Resizing", used + "; the last enlargement is still under way"};
  }
  const int64_t most = ParseQuantity(rule.max_size).value_or(0);
  if (use.requested_bytes >= most) {
    return {{}, "AtMaxSize", used + ", and the volumes have autoExpand.maxSize: raise it"};
  }
  const WallMs cooldown = int64_t{rule.cooldown_seconds} * 1000;
  if (use.last_expanded_ms != 0 && use.now - use.last_expanded_ms < cooldown) {
    return {
        {}, "CoolingDown", used + "; the next enlargement may come once cooldownSeconds are over"};
  }
  // From what there is, which may be more than was asked for.
  const int64_t base = std::max(use.requested_bytes, use.actual_bytes);
  const int64_t step = std::max(10 * kGiB, base / 10);
  const int64_t rounded = (base + step + kGiB - 1) / kGiB * kGiB;
  return {std::min(rounded, most), "Expanding", used};
}

}  // namespace millrace::op
