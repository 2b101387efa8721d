#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::kube {

// Text kept small. A value.
struct CompactText {
  std::string bytes;
  uint32_t size = 0;  // of the text
};

// Packs texts that resemble each other, such as the objects of one kind: the first one packed is
// the dictionary of all others. Owned by a cache, under its lock.
class TextDictionary {
 public:
  CompactText Pack(std::string_view text);
  std::string Unpack(const CompactText& packed) const;

 private:
  std::string dictionary_;
};

}  // namespace millrace::kube
