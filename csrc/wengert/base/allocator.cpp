#include "wengert/base/allocator.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "wengert/base/error.h"

// Note [size classes]: up to 1 KiB every multiple of 64 bytes is a class (1..16); above, each
// power of two is split in four, so at most a fifth of a block is lost. A free block holds the
// pointer to the next of its class. A thread keeps its own lists and hands blocks over to the
// shared lists when it ends; blocks of 256 KiB and more always go to the shared lists, so that a
// gradient made on one thread and freed on another does not strand memory.

namespace wengert {
namespace {

constexpr size_t kSmall = 1024;
constexpr size_t kShared = size_t{256} << 10;
constexpr int kClasses = 16 + 4 * 54;

struct Class {
  int index;
  size_t bytes;
};

Class size_class(size_t bytes) {
  if (bytes <= kSmall) {
    const size_t i = bytes == 0 ? 1 : (bytes + 63) / 64;
    return {static_cast<int>(i - 1), i * 64};
  }
  const int log = std::bit_width(bytes - 1) - 1;  // 2^log < bytes <= 2^(log+1), log >= 10
  const size_t quarter = size_t{1} << (log - 2);
  const size_t part = (bytes - 1 - (size_t{1} << log)) / quarter;  // 0..3
  return {16 + (log - 10) * 4 + static_cast<int>(part), (size_t{1} << log) + (part + 1) * quarter};
}

struct FreeBlock {
  FreeBlock* next;
};

struct Lists {
  FreeBlock* head[kClasses] = {};
  void* pop(int i) {
    FreeBlock* b = head[i];
    if (b) head[i] = b->next;
    return b;
  }
  void push(int i, void* p) { head[i] = new (p) FreeBlock{head[i]}; }
};

size_t class_bytes(int i) {
  if (i < 16) return static_cast<size_t>(i + 1) * 64;
  const int log = 10 + (i - 16) / 4;
  return (size_t{1} << log) + static_cast<size_t>((i - 16) % 4 + 1) * (size_t{1} << (log - 2));
}

struct Global {
  std::mutex mutex;
  Lists lists;
  uint64_t requests = 0, last_request[kClasses] = {};  // of blocks that are shared
  std::atomic<int64_t> current{0}, peak{0}, cached{0};
  std::atomic<int64_t> limit{0};
};

// Never destroyed: tensors in static storage may outlive any order of destruction.
Global& global() {
  static Global* g = [] {
    auto* made = new Global;
    // A child forked while another thread holds the lock would never get it.
    pthread_atfork([] { global().mutex.lock(); }, [] { global().mutex.unlock(); },
                   [] { global().mutex.unlock(); });
    return made;
  }();
  return *g;
}

// Note [cache]: a loop with a peak of P bytes finds all it needs in a cache of P bytes, so there
// may be as much. What is too much is taken from the class that was asked for least recently: it
// may be left over from another loop, and must not keep this one's blocks from being cached.
void* take_stale_block(int newest) {
  Global& g = global();
  std::lock_guard lock(g.mutex);
  int stale = newest;
  for (int i = 0; i < kClasses; ++i)
    if (g.lists.head[i] && g.last_request[i] < g.last_request[stale]) stale = i;
  if (stale == newest) return nullptr;
  g.cached -= static_cast<int64_t>(class_bytes(stale));
  return g.lists.pop(stale);
}
bool make_room(const Class c) {
  Global& g = global();
  const auto fits = [&] {
    return g.cached.load(std::memory_order_relaxed) + static_cast<int64_t>(c.bytes) <=
           std::max<int64_t>(g.peak.load(std::memory_order_relaxed), int64_t{64} << 20);
  };
  while (!fits()) {
    void* stale = take_stale_block(c.index);
    if (!stale) return false;
    std::free(stale);
  }
  return true;
}

// Empties the lists; the caller holds the lock if they are shared.
void release_all(Lists& lists) {
  for (int i = 0; i < kClasses; ++i)
    while (void* p = lists.pop(i)) {
      global().cached -= static_cast<int64_t>(class_bytes(i));
      std::free(p);
    }
}

struct ThreadCache {
  Lists lists;
  // Small blocks are counted here and folded into the global figures now and then.
  int64_t current = 0, cached = 0;
  void fold() {
    Global& g = global();
    const int64_t now = g.current.fetch_add(current, std::memory_order_relaxed) + current;
    g.cached.fetch_add(cached, std::memory_order_relaxed);
    int64_t peak = g.peak.load(std::memory_order_relaxed);
    while (now > peak && !g.peak.compare_exchange_weak(peak, now)) {
    }
    current = cached = 0;
  }
  ~ThreadCache();
};

// A plain pointer beside the thread_local object: frees after its destruction must not touch it.
thread_local bool cache_dead = false;

ThreadCache* thread_cache() {
  if (cache_dead) [[unlikely]]
    return nullptr;
  thread_local ThreadCache cache;
  return &cache;
}

ThreadCache::~ThreadCache() {
  fold();
  std::lock_guard lock(global().mutex);
  for (int i = 0; i < kClasses; ++i)
    while (void* p = lists.pop(i)) global().lists.push(i, p);
  cache_dead = true;
}

// Large blocks lie on large pages where the system gives them: fewer misses of the address cache,
// and far fewer page faults.
void* aligned(size_t bytes) {
#ifdef __linux__
  constexpr size_t kPage = size_t{2} << 20;
  if (bytes >= 2 * kPage) {
    void* p = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
    if (p) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
  }
#endif
  return std::aligned_alloc(kAlignment, bytes);
}

void check_limit(size_t bytes, size_t asked) {
  Global& g = global();
  const int64_t limit = g.limit.load(std::memory_order_relaxed);
  if (limit == 0) [[likely]]
    return;
  const auto fits = [&] { return g.current + g.cached + static_cast<int64_t>(bytes) <= limit; };
  if (!fits()) empty_cache();
  check(fits(), ErrorKind::kMemory, "cannot allocate ", static_cast<uint64_t>(asked),
        " bytes: ", g.current.load(), " are in use, and the limit set is ", limit);
}

void* from_system(size_t bytes, size_t asked) {
  check_limit(bytes, asked);
  void* p = aligned(bytes);
  if (!p) {
    empty_cache();
    p = aligned(bytes);
  }
  check(p != nullptr, ErrorKind::kMemory, "cannot allocate ", static_cast<uint64_t>(asked),
        " bytes");
  return p;
}

void* allocate_shared(const Class c, size_t asked) {
  Global& g = global();
  void* p;
  {
    std::lock_guard lock(g.mutex);
    g.last_request[c.index] = ++g.requests;
    p = g.lists.pop(c.index);
  }
  const auto size = static_cast<int64_t>(c.bytes);
  if (p) {
    g.cached -= size;
  } else {
    p = from_system(c.bytes, asked);
  }
  const int64_t now = g.current += size;
  int64_t peak = g.peak.load(std::memory_order_relaxed);
  while (now > peak && !g.peak.compare_exchange_weak(peak, now)) {
  }
  return p;
}

}  // namespace

void* allocate(size_t bytes) {
  check(bytes < (size_t{1} << 60), ErrorKind::kMemory, "cannot allocate ",
        static_cast<uint64_t>(bytes), " bytes");
  const Class c = size_class(bytes);
  ThreadCache* cache = thread_cache();
  if (c.bytes >= kShared || !cache) return allocate_shared(c, bytes);
  void* p = cache->lists.pop(c.index);
  if (p) {
    cache->cached -= static_cast<int64_t>(c.bytes);
  } else {
    cache->fold();
    p = from_system(c.bytes, bytes);
  }
  cache->current += static_cast<int64_t>(c.bytes);
  return p;
}

void deallocate(void* p, size_t bytes) noexcept {
  if (!p) return;
  const Class c = size_class(bytes);
  const auto size = static_cast<int64_t>(c.bytes);
  ThreadCache* cache = thread_cache();
  if (c.bytes < kShared && cache) {
    cache->current -= size;
    cache->cached += size;
    cache->lists.push(c.index, p);
    return;
  }
  Global& g = global();
  g.current -= size;
  if (!make_room(c)) {
    std::free(p);
    return;
  }
  g.cached += size;
  std::lock_guard lock(g.mutex);
  g.lists.push(c.index, p);
}

MemoryStats memory_stats() {
  if (ThreadCache* cache = thread_cache()) cache->fold();
  Global& g = global();
  return {g.current.load(), g.peak.load(), g.cached.load()};
}

void set_memory_limit(int64_t bytes) {
  check(bytes >= 0, ErrorKind::kValue, "set_memory_limit: a number of bytes expected, got ", bytes);
  global().limit.store(bytes);
}

void empty_cache() {
  if (ThreadCache* cache = thread_cache()) {
    cache->fold();
    release_all(cache->lists);
  }
  std::lock_guard lock(global().mutex);
  release_all(global().lists);
}

}  // namespace wengert
