#include "common/base/heap.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cinttypes>
#include <cstdio>
#include <memory>
#include <string_view>

namespace millrace {
namespace {

// Blocks so large are given back when they are freed; left alone the allocator raises this.
constexpr int kOwnMappingMin = 128 * 1024;

// Only code: nobody has written to it, so that it can be read from its file again.
void UnmapCode() {
  const std::unique_ptr<FILE, int (*)(FILE*)> maps(std::fopen("/proc/self/maps", "re"),
                                                   std::fclose);
  if (!maps) return;
  char line[4096];
  while (std::fgets(line, sizeof line, maps.get())) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char rights[5] = {};
    uint64_t inode = 0;
    const int read = std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %" SCNu64, &begin,
                                 &end, rights, &inode);
    const bool is_code = read == 4 && inode != 0 && std::string_view(rights) == "r-xp";
    // A hint: where it is refused the pages stay.
    if (is_code) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

}  // namespace

// Where the allocator is another one than glibc's (a sanitizer's), these do nothing.
void LimitHeaps(int count_max) {
  mallopt(M_ARENA_MAX, count_max);
  mallopt(M_MMAP_THRESHOLD, kOwnMappingMin);
}

void TrimMemory() {
  malloc_trim(0);
  UnmapCode();
}

}  // namespace millrace
