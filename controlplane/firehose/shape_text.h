#pragma once

#include <string_view>

#include "common/aws/validation.h"

namespace millrace::controlplane {

// A shape written as the reference writes it:
//   "DeliveryStreamName*:s1..64,Limit:i1..10000,Tags:[Key*:s1..128,Value:s0..256]1..50"
// s text, i number, bool, ts moment, A/B/C one of, {...} structure, [...] list, map. '*': needed.
// An element of a list that is no structure is written "=s1..128". `text` outlives the shape; what
// does not parse is a broken invariant.
aws::Shape ParseShape(std::string_view text);

}  // namespace millrace::controlplane
