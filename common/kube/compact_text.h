#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::kube {

// Packs texts that resemble each other, such as the objects of one kind: one that was packed before
// is the dictionary of those after it. A text unlike it becomes the next dictionary, since objects
// grow as they live: what came first had no status yet. Owned by a cache, under its lock.
class TextPacker {
 public:
  struct Packed {
    std::string bytes;
    size_t dictionary = 0;
  };
  Packed Pack(std::string_view text);
  std::shared_ptr<const std::string> dictionary(size_t number) const {
    return dictionaries_.at(number);
  }

 private:
  std::vector<std::shared_ptr<const std::string>> dictionaries_;  // only ever appended to
};

// The text of `size` bytes that was packed; any thread.
std::string Unpack(std::string_view bytes, size_t size, const std::string& dictionary);

}  // namespace millrace::kube
