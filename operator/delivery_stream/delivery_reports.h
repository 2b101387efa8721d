#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/delivery/delivery_report.h"

namespace millrace::op {

// What the process at this admin port says of itself; nothing where it does not within a second.
// Blocks; any thread.
std::optional<resources::DeliveryReport> AskDelivery(const std::string& endpoint);

// What processes that share one DeliveryStream say together; nothing where none has answered. What
// is true of all only (drained, the generation in force) is told by whoever is last. Pure.
std::optional<resources::DeliveryReport> JoinReports(
    const std::vector<resources::DeliveryReport>& reports);

}  // namespace millrace::op
