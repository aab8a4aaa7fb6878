// State that a program reads after its function was captured: an optimizer's options, a module's
// mode. The program keeps it alive, and sees when it no longer belongs to anybody.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <utility>

#include "wengert/base/ref.h"

namespace wengert {

struct OwnedState : RefCounted {
  // True unless that recording is the last one that was told of it. Others may be under way in
  // other threads: then one is told more often than it needs to be.
  bool is_news_to(uint32_t recording) {
    return noted_.exchange(recording, std::memory_order_relaxed) != recording;
  }
  bool owned = true;

 private:
  std::atomic<uint32_t> noted_ = 0;
};

// The owner's handle. The state moves with the owner, which then has a new one.
template <std::derived_from<OwnedState> T>
class Owner {
 public:
  Owner() : p_(new T) {}
  Owner(Owner&& o) : p_(std::exchange(o.p_, Ref<T>(new T))) {}
  Owner& operator=(Owner&& o) {
    if (this == &o) return *this;
    p_->owned = false;
    p_ = std::exchange(o.p_, Ref<T>(new T));
    return *this;
  }
  ~Owner() { p_->owned = false; }
  T* operator->() const { return p_.get(); }
  const Ref<T>& ref() const { return p_; }

 private:
  Ref<T> p_;
};

}  // namespace wengert
