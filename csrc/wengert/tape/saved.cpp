#include "wengert/tape/saved.h"

#include <utility>

#include "wengert/tape/history.h"
#include "wengert/tape/tape.h"
#include "wengert/tape/turn.h"

namespace wengert {
namespace {

struct Hooked {
  ~Hooked() {
    detail::saved_hooks.fetch_sub(static_cast<int>(stack.size()), std::memory_order_relaxed);
  }
  List<Ref<SavedHooks>> stack;
  std::optional<std::string> refused;
};
Hooked& hooked() {
  thread_local Hooked of_this_thread;
  return of_this_thread;
}

}  // namespace

SavedHooks* detail::innermost_saved_hooks() {
  const List<Ref<SavedHooks>>& stack = hooked().stack;
  return stack.empty() ? nullptr : stack.back().get();
}

void push_saved_hooks(Ref<SavedHooks> hooks) {
  if (hooked().refused) fail(ErrorKind::kRuntime, *hooked().refused);
  hooked().stack.push_back(std::move(hooks));
  detail::saved_hooks.fetch_add(1, std::memory_order_relaxed);
}

void pop_saved_hooks() {
  check(!hooked().stack.empty(), "pop_saved_hooks: this thread has no hooks for saved tensors");
  hooked().stack.pop_back();
  detail::saved_hooks.fetch_sub(1, std::memory_order_relaxed);
}

std::optional<std::string> refuse_saved_hooks(std::optional<std::string> why) {
  if (why && !hooked().stack.empty()) fail(ErrorKind::kRuntime, *why);
  return std::exchange(hooked().refused, std::move(why));
}

Ref<Packed> pack(SavedHooks& hooks, const Tensor& t) {
  const UserCode user;
  const GradMode off(false);
  const Ref<Storage> memory = t->storage;
  const uint32_t version = memory->version;
  Ref<Packed> packed = hooks.pack(t);
  check(t->storage == memory && memory->version == version,
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to "
        "pack hook can not be modified by in-place operations as this can lead to unexpected "
        "side-effects.");
  packed->shape = t.shape();
  packed->dtype = t.dtype();
  return packed;
}

Tensor unpack(Packed& packed) {
  const UserCode user;
  const Tensor t = packed.unpack();
  check(t.shape() == packed.shape, "a saved tensor of shape ", packed.shape,
        " was packed, and its unpack hook returned one of shape ", t.shape());
  const GradMode off(false);
  return t.dtype() == packed.dtype ? t.saved() : to(t, packed.dtype);
}

Tensor at_output(const Tensor& values, Entry& e, uint32_t i) {
  const Tensor t = values.saved();
  give_entry(t, &e, i);
  return t;
}

Tensor edge_to(Entry& e, uint32_t i) {
  return at_output(Tensor::empty({0}, e.outputs()[i].dtype), e, i);
}

Tensor edge_of(const Tensor& t) {
  t.catch_up();
  if (Entry* e = entry_of(t)) return edge_to(*e, t->output_index);
  return t->requires_grad ? t : Tensor();
}

Tensor at_edge(const Tensor& values, const Tensor& edge) {
  if (!edge.defined()) return values.saved();
  if (Entry* e = entry_of(edge)) return at_output(values, *e, edge->output_index);
  // A leaf is where its own memory is, so these values are something made from it.
  static constexpr Op row{
      .name = "Unpacked", .signature = "(input: Tensor)", .vjp = [](Vjp& v) { v.set(0, v.g()); }};
  const Tensor t = values.saved();
  Call c(row);
  c.add_input(edge);
  give_entry(t, make_entry(c, {&t, 1}), 0);
  return t;
}

}  // namespace wengert
