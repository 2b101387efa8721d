#include "common/base/heap.h"

#include <malloc.h>

namespace millrace {

// Where the allocator is another one than glibc's (a sanitizer's), these do nothing.
void LimitHeaps(int count_max) { mallopt(M_ARENA_MAX, count_max); }

void TrimHeap() { malloc_trim(0); }

}  // namespace millrace
