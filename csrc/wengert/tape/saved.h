// Hooks for what the tape saves: packed when an operation is recorded, unpacked when its gradient
// needs it.
#pragma once

#include <atomic>
#include <optional>
#include <string>

#include "wengert/tape/entry.h"

namespace wengert {

// What a saved tensor has become.
struct Packed : Held {
  // Values of the shape that was packed. A rule of backward asks once.
  virtual Tensor unpack() = 0;
  Dims shape;
  Dtype dtype = Dtype::kFloat32;
};

// Asked of every tensor that is saved while they are the innermost hooks of this thread.
struct SavedHooks : Held {
  // The tensor may not be changed. An input is itself, so that parameters may be told from others;
  // a result has no history, which would be a cycle.
  virtual Ref<Packed> pack(const Tensor& t) = 0;
};

// Of this thread, innermost last.
void push_saved_hooks(Ref<SavedHooks> hooks);  // an error while hooks are refused
void pop_saved_hooks();
// Hooks are refused with this text until there is none again. Returns the one before.
std::optional<std::string> refuse_saved_hooks(std::optional<std::string> why);

namespace detail {
inline std::atomic<int> saved_hooks{0};  // of all threads
SavedHooks* innermost_saved_hooks();
}  // namespace detail

// Nothing but a load where there are none in the process.
inline SavedHooks* saved_hooks() {
  if (detail::saved_hooks.load(std::memory_order_relaxed) == 0) [[likely]]
    return nullptr;
  return detail::innermost_saved_hooks();
}

// Hooks while it lives.
class SavedTensorHooks {
 public:
  explicit SavedTensorHooks(Ref<SavedHooks> hooks) { push_saved_hooks(std::move(hooks)); }
  ~SavedTensorHooks() { pop_saved_hooks(); }
  SavedTensorHooks(const SavedTensorHooks&) = delete;
  SavedTensorHooks& operator=(const SavedTensorHooks&) = delete;
};

// Nothing is recorded meanwhile; an error if the hook changes the tensor.
Ref<Packed> pack(SavedHooks& hooks, const Tensor& t);
// In the dtype that was saved; an error if the shape is another one.
Tensor unpack(Packed& packed);

// The values of a tensor as output i of an entry.
Tensor at_output(const Tensor& values, Entry& e, uint32_t i);
// A place of the graph without the memory of what stands there: a leaf itself, or a stand-in that
// only knows which output of which entry it is.
Tensor edge_of(const Tensor& t);
Tensor edge_to(Entry& e, uint32_t i);
// The values of one tensor at the place of another one.
Tensor at_edge(const Tensor& values, const Tensor& edge);

}  // namespace wengert
