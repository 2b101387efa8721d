#pragma once

namespace millrace {

// For processes that are mostly idle and have many threads: they are to be as small as what they
// keep and do. The allocator's and the loader's defaults trade memory for speed instead.

// How many separate heaps threads are spread over; before any thread is made.
void LimitHeaps(int count_max);
// Gives back to the system what is not in use: free pages of the heap, also those between what is
// kept, and code and constants, of which most is of the start; what is used again is mapped from
// the page cache. Takes milliseconds, during which allocations wait. Any thread.
void TrimMemory();

}  // namespace millrace
