#include "operator/operator_figures.h"

namespace millrace::op {

void SetFigures(const std::vector<LedController*>& queues, bool leads,
                metrics::Registry& registry) {
  for (const LedController* queue : queues) {
    const auto set = [&](const char* name, const char* help, size_t count) {
      registry.GetGauge(name, help, {{"queue", queue->name()}}).Set(static_cast<double>(count));
    };
    const QueueFigures figures = queue->figures();
    set("millrace_operator_queue_depth", "Objects that wait to be reconciled, or for a time.",
        figures.waiting);
    set("millrace_operator_failing_objects", "Objects whose last reconcile failed.",
        figures.failing);
    set("millrace_operator_stuck_objects",
        "Objects whose reconciles have failed, or one of them not ended, for five minutes.",
        figures.stuck);
  }
  registry.GetGauge("millrace_operator_leading", "1 where this process leads.").Set(leads ? 1 : 0);
}

}  // namespace millrace::op
