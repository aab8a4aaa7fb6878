// Counts every way to the system's memory in this process, operator new among them, where the C
// library lets it be counted; elsewhere memory_stats() still sees that of the tensors. To be
// included by one file of a program.
#pragma once

#include <atomic>
#include <cstdlib>

static std::atomic<long> taken{0};
static constexpr bool kCounts =
#if defined(COUNT_ALLOCATIONS) && defined(__GLIBC__)
    true;
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void* malloc(size_t n) noexcept { return ++taken, __libc_malloc(n); }
void* calloc(size_t n, size_t size) noexcept { return ++taken, __libc_calloc(n, size); }
void* realloc(void* p, size_t n) noexcept { return ++taken, __libc_realloc(p, n); }
void* memalign(size_t at, size_t n) noexcept { return ++taken, __libc_memalign(at, n); }
void* aligned_alloc(size_t at, size_t n) noexcept { return ++taken, __libc_memalign(at, n); }
int posix_memalign(void** p, size_t at, size_t n) noexcept {
  ++taken;
  return (*p = __libc_memalign(at, n)) ? 0 : 12;
}
}
#else
    false;
#endif
