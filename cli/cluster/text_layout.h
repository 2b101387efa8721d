#pragma once

#include <string>
#include <string_view>

namespace millrace::cli {

inline constexpr size_t kScreenColumns = 100;

// The text in lines of at most kScreenColumns, broken between words; the first line begins after
// `first_indent` spaces, the others after `indent`. A word that is longer stays whole.
std::string Wrapped(std::string_view text, size_t first_indent, size_t indent);
// At most `columns_max` bytes, with "..." where something is left out.
std::string Cut(std::string text, size_t columns_max);

}  // namespace millrace::cli
