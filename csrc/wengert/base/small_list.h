// Lists that are nearly always short: their first items lie in the object itself.
#pragma once

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>
#include <utility>

#include "wengert/base/allocator.h"

namespace wengert {

// Plain values, next to each other: inline up to kNear, beyond in a block of the allocator.
template <class T, uint32_t kNear>
class SmallList {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) * kNear >= sizeof(T*));

 public:
  SmallList() {}
  SmallList(const SmallList& o) { copy(o); }
  SmallList(SmallList&& o) noexcept { take(o); }
  SmallList& operator=(const SmallList& o) {
    if (this == &o) return *this;
    release();
    copy(o);
    return *this;
  }
  SmallList& operator=(SmallList&& o) noexcept {
    if (this == &o) return *this;
    release();
    take(o);
    return *this;
  }
  ~SmallList() { release(); }

  uint32_t size() const { return n_; }
  const T* data() const { return capacity_ > kNear ? far_ : near_; }
  T* data() { return capacity_ > kNear ? far_ : near_; }
  const T& operator[](uint32_t i) const { return data()[i]; }
  T& operator[](uint32_t i) { return data()[i]; }

  void push_back(const T& v) {
    const T value = v;  // it may be one of ours
    if (n_ == capacity_) [[unlikely]]
      grow(n_ + 1);
    data()[n_++] = value;
  }
  // What is added is not set to anything.
  void resize(uint32_t n) {
    if (n > capacity_) [[unlikely]]
      grow(n);
    n_ = n;
  }

 private:
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of what lies beyond the end
#endif
  // A copy of fixed size is a few instructions, shorter than a loop or a call.
  void copy_near(const SmallList& o) {
    constexpr size_t kFirst = std::min<size_t>(sizeof near_, 64);
    std::memcpy(static_cast<void*>(near_), o.near_, kFirst);
    if constexpr (sizeof near_ > kFirst)
      if (n_ * sizeof(T) > kFirst) std::memcpy(static_cast<void*>(near_), o.near_, n_ * sizeof(T));
  }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  void copy(const SmallList& o) {
    n_ = o.n_;
    capacity_ = kNear;
    if (o.capacity_ <= kNear) [[likely]]
      return copy_near(o);
    copy_far(o);
  }
  void take(SmallList& o) noexcept {
    n_ = o.n_;
    capacity_ = kNear;
    if (o.capacity_ <= kNear) [[likely]]
      return copy_near(o);
    far_ = o.far_;
    capacity_ = std::exchange(o.capacity_, kNear);
    o.n_ = 0;
  }
  void release() {
    if (capacity_ > kNear) [[unlikely]]
      deallocate(far_, capacity_ * sizeof(T));
  }
  [[gnu::noinline]] void copy_far(const SmallList& o) {
    if (n_ > kNear) {
      far_ = static_cast<T*>(allocate(n_ * sizeof(T)));
      capacity_ = n_;
    }
    std::memcpy(static_cast<void*>(data()), o.far_, n_ * sizeof(T));
  }
  [[gnu::noinline]] void grow(uint32_t n) {
    const uint32_t capacity = std::max(n, 2 * capacity_);
    auto* block = static_cast<T*>(allocate(capacity * sizeof(T)));
    std::memcpy(static_cast<void*>(block), data(), n_ * sizeof(T));
    release();
    far_ = block;
    capacity_ = capacity;
  }

  union {
    T near_[kNear];
    T* far_;
  };
  uint32_t n_ = 0, capacity_ = kNear;
};

// Items of any type, which stay where they are: what has not been added costs nothing.
template <class T, int kNear>
class Few {
 public:
  Few() {}
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  ~Few() {
    for (int i = 0; i < std::min(n_, kNear); ++i) std::destroy_at(near_ + i);
  }
  int size() const { return n_; }
  T& operator[](int i) { return i < kNear ? near_[i] : more_[static_cast<size_t>(i - kNear)]; }
  const T& operator[](int i) const {
    return i < kNear ? near_[i] : more_[static_cast<size_t>(i - kNear)];
  }
  template <class... Values>
  void add(Values&&... values) {
    if (n_ < kNear) [[likely]] {
      ::new (static_cast<void*>(near_ + n_++)) T{std::forward<Values>(values)...};
      return;
    }
    more_.push_back(T{std::forward<Values>(values)...});
    ++n_;
  }

 private:
  union {
    T near_[kNear];
  };
  int n_ = 0;
  List<T> more_;
};

}  // namespace wengert
