// The caching allocator: 64-byte aligned blocks in size classes, kept per thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wengert {

inline constexpr size_t kAlignment = 64;

// Throws Error(kMemory) naming the size when the system has no more.
void* allocate(size_t bytes);
// `bytes` is what was asked for. Any thread may free what another allocated.
void deallocate(void* p, size_t bytes) noexcept;

struct MemoryStats {
  int64_t current;  // bytes in use
  int64_t peak;     // the most ever in use
  int64_t cached;   // bytes kept for reuse
};
MemoryStats memory_stats();
// Memory that would bring what is taken from the system, in use or kept for reuse, beyond this many
// bytes is refused with Error(kMemory), after the caches were given back; 0: no limit.
void set_memory_limit(int64_t bytes);
// Returns this thread's and the shared cached blocks to the system.
void empty_cache();

// Memory that a kernel needs for the length of one call.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : bytes_(bytes), p_(allocate(bytes)) {}
  ~Scratch() { deallocate(p_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(p_);
  }

 private:
  size_t bytes_;
  void* p_;
};

// A list in memory of the caching allocator: what one call gives back, the next one finds.
template <class T>
struct Pooled {
  using value_type = T;
  Pooled() = default;
  template <class U>
  Pooled(const Pooled<U>&) {}
  T* allocate(size_t n) { return static_cast<T*>(wengert::allocate(n * sizeof(T))); }
  void deallocate(T* p, size_t n) { wengert::deallocate(p, n * sizeof(T)); }
  friend bool operator==(const Pooled&, const Pooled&) { return true; }
};
template <class T>
using List = std::vector<T, Pooled<T>>;

}  // namespace wengert
