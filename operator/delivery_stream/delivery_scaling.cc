#include "operator/delivery_stream/delivery_scaling.h"

#include <algorithm>

namespace millrace::op {

namespace {

// What is late stays late until it has been worked off: before, nobody knows whether it was enough.
constexpr int64_t kEffectSeconds = 60;
constexpr int32_t kPercent = 100;

int32_t InBounds(const ScalingInput& in, int32_t workers) {
  const int32_t most = std::max(1, std::min(in.scaling.max_workers, in.useful_max));
  return std::clamp(workers, std::min(in.scaling.min_workers, most), most);
}

int32_t Grown(const ScalingInput& in) {
  const int64_t grown = int64_t{in.decided} * in.scaling.scale_up_max_factor_percent / kPercent;
  return static_cast<int32_t>(std::max<int64_t>(grown, in.decided + 1));
}

int32_t Shrunk(const ScalingInput& in) {
  const int64_t step = int64_t{in.decided} * in.scaling.scale_down_max_step_percent / kPercent;
  return static_cast<int32_t>(in.decided - std::max<int64_t>(step, 1));
}

ScalingDecision Follow(const ScalingInput& in) {
  if (in.decided == 0) return {0, InBounds(in, in.asked), "First"};
  const int32_t bounded = InBounds(in, in.decided);
  if (bounded != in.decided) return {0, bounded, "Bounds"};
  if (!in.is_flowing || !in.is_complete) return {0, in.decided, "NotFlowing"};
  const int64_t rested = (in.now - in.decided_ms) / 1000;
  const int64_t late = in.behind_seconds - in.scaling.target_freshness_seconds;
  if (late >= in.scaling.scale_up_window_seconds && rested >= kEffectSeconds) {
    const int32_t grown = InBounds(in, Grown(in));
    return {0, grown, grown == in.decided ? "LateAtMost" : "Late"};
  }
  if (late < 0 && rested >= in.scaling.scale_down_window_seconds) {
    const int32_t shrunk = InBounds(in, Shrunk(in));
    return {0, shrunk, shrunk == in.decided ? "Steady" : "InTime"};
  }
  return {0, in.decided, late < 0 ? "Steady" : "Waiting"};
}

}  // namespace

ScalingDecision DecideWorkers(const ScalingInput& input) {
  if (input.asked == 0) return {0, 0, "Stopped"};
  if (input.scaling.mode == "Off") return {input.asked, input.asked, "Off"};
  ScalingDecision decision = Follow(input);
  decision.run = input.scaling.mode == "DryRun" ? input.asked : decision.recommended;
  return decision;
}

}  // namespace millrace::op
