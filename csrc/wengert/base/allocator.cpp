#include "wengert/base/allocator.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "wengert/base/error.h"

// Note [size classes]: up to 1 KiB every multiple of 64 bytes is a class (1..16); above, each
// power of two is split in four, so at most a fifth of a block is lost. A free block holds the
// pointer to the next of its class. A thread keeps its own lists and hands blocks over to the
// shared lists when it ends; blocks of 256 KiB and more always go to the shared lists, so that a
// gradient made on one thread and freed on another does not strand memory.

// Note [slabs]: the system's allocator spends up to twice as much on a small aligned block, so
// blocks of up to 1 KiB are cut from slabs of one class, which begin at a multiple of their size. A
// slab goes back to the system, when the cache is emptied, if all of its blocks lie in one list.

namespace wengert {
namespace {

constexpr size_t kSmall = 1024;
constexpr size_t kShared = size_t{256} << 10;
constexpr int kSmallClasses = 16;
constexpr int kClasses = kSmallClasses + 4 * 54;
constexpr size_t kSlab = size_t{32} << 10;

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

struct alignas(kAlignment) Slab {
  size_t free = 0;  // while the cache is being emptied
  Slab* next = nullptr;

  static size_t capacity(int i) { return (kSlab - sizeof(Slab)) / class_bytes(i); }
  static Slab* of(void* block) {
    return reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(block) & ~(kSlab - 1));
  }
};

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
  for (int i = kSmallClasses; i < kClasses; ++i)
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

// Takes the slabs out of a list of small blocks all of whose blocks lie in it.
void release_slabs(Lists& lists, int i) {
  for (FreeBlock* b = lists.head[i]; b; b = b->next) ++Slab::of(b)->free;
  FreeBlock* all = std::exchange(lists.head[i], nullptr);
  Slab* whole = nullptr;
  while (all) {
    FreeBlock* const b = std::exchange(all, all->next);
    Slab* const slab = Slab::of(b);
    if (slab->free < Slab::capacity(i)) {
      lists.push(i, b);
    } else if (!slab->next) {
      slab->next = whole ? whole : slab;  // the last one is its own next
      whole = slab;
    }
  }
  for (FreeBlock* b = lists.head[i]; b; b = b->next) Slab::of(b)->free = 0;
  while (whole) {
    Slab* const slab = whole;
    whole = slab->next == slab ? nullptr : slab->next;
    global().cached -= static_cast<int64_t>(Slab::capacity(i) * class_bytes(i));
    std::free(slab);
  }
}

// Empties the lists; the caller holds the lock if they are shared.
void release_all(Lists& lists) {
  for (int i = 0; i < kSmallClasses; ++i) release_slabs(lists, i);
  for (int i = kSmallClasses; i < kClasses; ++i)
    while (void* p = lists.pop(i)) {
      global().cached -= static_cast<int64_t>(class_bytes(i));
      std::free(p);
    }
}

struct ThreadCache {
  Lists lists;
  // What has not been cut yet of the last slab of each class.
  struct Uncut {
    std::byte* next = nullptr;
    size_t blocks = 0;
  } uncut[kSmallClasses];
  void* cut(const Class c, size_t asked);
  void cut_all();
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

// Plain values beside the thread_local object: frees after its destruction must not touch it, and
// reading them takes no call.
thread_local bool cache_dead = false;
thread_local ThreadCache* this_threads = nullptr;

ThreadCache* thread_cache() {
  if (this_threads) [[likely]]
    return this_threads;
  if (cache_dead) return nullptr;
  thread_local ThreadCache cache;
  return this_threads = &cache;
}

void ThreadCache::cut_all() {
  for (int i = 0; i < kSmallClasses; ++i)
    for (; uncut[i].blocks > 0; --uncut[i].blocks) {
      lists.push(i, uncut[i].next);
      uncut[i].next += class_bytes(i);
    }
}

ThreadCache::~ThreadCache() {
  fold();
  cut_all();
  std::lock_guard lock(global().mutex);
  for (int i = 0; i < kClasses; ++i)
    while (void* p = lists.pop(i)) global().lists.push(i, p);
  this_threads = nullptr;
  cache_dead = true;
}

// Large blocks lie on large pages where the system gives them: fewer misses of the address cache,
// and far fewer page faults.
void* aligned(size_t bytes, size_t alignment) {
#ifdef __linux__
  constexpr size_t kPage = size_t{2} << 20;
  if (bytes >= 2 * kPage) {
    void* p = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
    if (p) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
  }
#endif
  return std::aligned_alloc(alignment, bytes);
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

void* from_system(size_t bytes, size_t asked, size_t alignment = kAlignment) {
  check_limit(bytes, asked);
  void* p = aligned(bytes, alignment);
  if (!p) {
    empty_cache();
    p = aligned(bytes, alignment);
  }
  check(p != nullptr, ErrorKind::kMemory, "cannot allocate ", static_cast<uint64_t>(asked),
        " bytes");
  return p;
}

Slab* new_slab(size_t asked) { return new (from_system(kSlab, asked, kSlab)) Slab; }

// A small block when the list of its class is empty: left over by a thread that has ended, or cut
// from a slab. It is counted as cached until it is given out.
void* ThreadCache::cut(const Class c, size_t asked) {
  Uncut& u = uncut[c.index];
  if (u.blocks == 0) {
    Global& g = global();
    {
      std::lock_guard lock(g.mutex);
      if (void* p = g.lists.pop(c.index)) return p;
    }
    fold();
    u.next = reinterpret_cast<std::byte*>(new_slab(asked) + 1);
    u.blocks = Slab::capacity(c.index);
    g.cached += static_cast<int64_t>(u.blocks * c.bytes);
  }
  --u.blocks;
  return std::exchange(u.next, u.next + c.bytes);
}

// The same for a thread that is ending.
void* cut_shared(const Class c, size_t asked) {
  Global& g = global();
  auto* next = reinterpret_cast<std::byte*>(new_slab(asked) + 1);
  const size_t blocks = Slab::capacity(c.index);
  g.cached += static_cast<int64_t>(blocks * c.bytes);
  std::lock_guard lock(g.mutex);
  for (size_t i = 1; i < blocks; ++i) g.lists.push(c.index, next + i * c.bytes);
  return next;
}

void* allocate_shared(const Class c, size_t asked) {
  Global& g = global();
  void* p;
  {
    std::lock_guard lock(g.mutex);
    g.last_request[c.index] = ++g.requests;
    p = g.lists.pop(c.index);
  }
  if (!p && c.index < kSmallClasses) p = cut_shared(c, asked);
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

namespace {

[[gnu::noinline]] void* allocate_any(size_t bytes) {
  check(bytes < (size_t{1} << 60), ErrorKind::kMemory, "cannot allocate ",
        static_cast<uint64_t>(bytes), " bytes");
  const Class c = size_class(bytes);
  ThreadCache* cache = thread_cache();
  if (c.bytes >= kShared || !cache) return allocate_shared(c, bytes);
  void* p = cache->lists.pop(c.index);
  if (!p && c.index < kSmallClasses) p = cache->cut(c, bytes);
  if (p) {
    cache->cached -= static_cast<int64_t>(c.bytes);
  } else {
    cache->fold();
    p = from_system(c.bytes, bytes);
  }
  cache->current += static_cast<int64_t>(c.bytes);
  return p;
}

[[gnu::noinline]] void deallocate_any(void* p, size_t bytes) noexcept {
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
  if (c.index >= kSmallClasses && !make_room(c)) {
    std::free(p);
    return;
  }
  g.cached += size;
  std::lock_guard lock(g.mutex);
  g.lists.push(c.index, p);
}

}  // namespace

// Most calls are for a small block that this thread has, or has done with: a few instructions.
void* allocate(size_t bytes) {
  ThreadCache* cache = this_threads;
  if (bytes - 1 < kSmall && cache) [[likely]] {  // not 0
    const size_t i = (bytes - 1) / 64;
    if (void* p = cache->lists.pop(static_cast<int>(i))) [[likely]] {
      const auto size = static_cast<int64_t>((i + 1) * 64);
      cache->current += size;
      cache->cached -= size;
      return p;
    }
  }
  return allocate_any(bytes);
}

void deallocate(void* p, size_t bytes) noexcept {
  if (!p) return;
  ThreadCache* cache = this_threads;
  if (bytes - 1 >= kSmall || !cache) [[unlikely]]
    return deallocate_any(p, bytes);
  const size_t i = (bytes - 1) / 64;
  const auto size = static_cast<int64_t>((i + 1) * 64);
  cache->current -= size;
  cache->cached += size;
  cache->lists.push(static_cast<int>(i), p);
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
  ThreadCache* cache = thread_cache();
  if (cache) {
    cache->fold();
    cache->cut_all();
  }
  std::lock_guard lock(global().mutex);  // for the counts in slabs too
  if (cache) release_all(cache->lists);
  release_all(global().lists);
}

}  // namespace wengert
