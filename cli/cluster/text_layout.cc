#include "cli/cluster/text_layout.h"

namespace millrace::cli {

std::string Wrapped(std::string_view text, size_t first_indent, size_t indent) {
  std::string out(first_indent, ' ');
  size_t column = first_indent;
  bool at_start = true;
  while (!text.empty()) {
    const size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (word.empty()) continue;
    if (!at_start && column + 1 + word.size() > kScreenColumns) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
      at_start = true;
    }
    if (!at_start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    at_start = false;
  }
  return out + '\n';
}

std::string Cut(std::string text, size_t columns_max) {
  if (text.size() <= columns_max) return text;
  text.resize(columns_max > 3 ? columns_max - 3 : 0);
  return text + "...";
}

}  // namespace millrace::cli
