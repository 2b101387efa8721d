#include "dataplane/disk/huge_memory.h"

#include <sys/mman.h>

#include "common/base/check.h"

namespace millrace::storage {

uint8_t* MapHuge(size_t bytes) {
  void* mapped =
      mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);
  auto begin = reinterpret_cast<uintptr_t>(mapped);
  uintptr_t aligned = (begin + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > begin) munmap(mapped, aligned - begin);
  size_t behind = begin + kHugePage - aligned;
  auto* data = reinterpret_cast<uint8_t*>(aligned);
  if (behind > 0) munmap(data + bytes, behind);
  // A hint: where there are none it is ordinary memory.
  madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

}  // namespace millrace::storage
