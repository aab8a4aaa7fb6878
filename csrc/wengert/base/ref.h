// Intrusive reference counting: one word in the object, no control block.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "wengert/base/allocator.h"

namespace wengert {

class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  void retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      const_cast<RefCounted*>(this)->dispose();
  }
  int32_t refs() const noexcept { return refs_.load(std::memory_order_relaxed); }

  static void* operator new(size_t bytes) { return allocate(bytes); }
  static void* operator new(size_t, void* at) { return at; }
  static void operator delete(void* p, size_t bytes) { deallocate(p, bytes); }
  static void operator delete(void*, void*) {}

 protected:
  virtual ~RefCounted() = default;
  // The tape overrides this to destroy long chains without recursion.
  virtual void dispose() { delete this; }

 private:
  mutable std::atomic<int32_t> refs_{0};
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(T* p) : p_(p) {
    if (p_) p_->retain();
  }
  Ref(const Ref& o) : Ref(o.p_) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& o) : Ref(o.get()) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_) p_->release();
  }

  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.p_ == b.p_; }
  void reset() { *this = Ref(); }

 private:
  T* p_ = nullptr;
};

}  // namespace wengert
