#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace millrace {

// The candidate that `name` is probably a misspelling of, letter case aside; "" where none is near.
std::string NearestName(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean 'shardCount'?", or "" where none is near: the end of an error message.
std::string SuggestName(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace millrace
