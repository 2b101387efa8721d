#pragma once

namespace millrace {

// For processes that are mostly idle and have many threads: their heap is to be as small as what
// they keep. The allocator's defaults trade memory for speed instead.

// How many separate heaps threads are spread over; before any thread is made.
void LimitHeaps(int count_max);
// Gives free pages back to the system, also those between what is kept. Takes milliseconds, during
// which allocations wait. Any thread.
void TrimHeap();

}  // namespace millrace
