#include "common/base/heap.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace millrace {
namespace {

// Blocks so large are given back when they are freed; left alone the allocator raises this.
constexpr int kOwnMappingMin = 128 * 1024;

// What nobody can have written to, code and constants, can be read from its file again. Where the
// system refuses, the pages stay.
int UnmapFileParts(dl_phdr_info* object, size_t, void*) {
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const uintptr_t begin = (object->dlpi_addr + part.p_vaddr) / page * page;
    const uintptr_t end =
        (object->dlpi_addr + part.p_vaddr + part.p_memsz + page - 1) / page * page;
    madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

// Where the allocator is another one than glibc's (a sanitizer's), these do nothing.
void LimitHeaps(int count_max) {
  mallopt(M_ARENA_MAX, count_max);
  mallopt(M_MMAP_THRESHOLD, kOwnMappingMin);
}

void TrimMemory() {
  malloc_trim(0);
  dl_iterate_phdr(&UnmapFileParts, nullptr);
}

}  // namespace millrace
