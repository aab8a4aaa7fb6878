// Storage (memory), TensorImpl (a strided view of it) and Tensor (a handle of one word).
#pragma once

#include <atomic>
#include <iosfwd>
#include <utility>
#include <vector>

#include "wengert/base/dtype.h"
#include "wengert/base/ref.h"
#include "wengert/base/shape.h"
#include "wengert/tensor/watch.h"

namespace wengert {

class Generator;
class Operand;
class Tensor;
struct IndexItem;
struct TensorImpl;

// Memory shared by a tensor and its views. Its version counts in-place changes, so that the tape
// can tell when something it saved is no longer what it was.
class Storage final : public RefCounted {
 public:
  explicit Storage(size_t bytes);
  // Memory of somebody else's; `release(owner)` is called when the last tensor goes.
  Storage(void* data, size_t bytes, void* owner, void (*release)(void*), bool writable);
  // The memory of another with a version and a history of its own: changes through one are none to
  // those who use the other.
  explicit Storage(Ref<Storage> of);
  ~Storage() override;
  // As Storage(bytes), but what is small shares one block with its storage.
  static Storage* make(size_t bytes);

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  bool writable() const { return writable_; }
  // Not somebody else's.
  bool owned() const { return !owner_; }
  // The same of all that have this memory.
  const Storage* root() const { return again_ ? static_cast<const Storage*>(owner_.get()) : this; }
  Storage* root() { return const_cast<Storage*>(std::as_const(*this).root()); }

  uint32_t version = 0;
  // In-place changes that the tape recorded; see Note [views and in-place].
  uint32_t recorded = 0;
  // The watch that saw this memory being made, and its number there; see tensor/watch.h.
  uint32_t watch_id = 0, watch_slot = 0;
  // How many of its tensors have a family of their own; from kMany on it is not known.
  std::atomic<uint16_t> strangers{0};
  static constexpr uint16_t kMany = UINT16_MAX;
  // Bits of Keeps: what beside `whole` must hear of tensors that go.
  uint8_t keeps = 0;
  enum Keeps : uint8_t { kOwnsWhole = 1, kFamilies = 2 };

  // Other memory under the same handle, for a program that is run on it. Not for memory it owns.
  void point_to(void* data) { data_ = static_cast<std::byte*>(data); }

 private:
  struct Within {};
  Storage(Within, size_t bytes);
  void dispose() override;

  bool writable_ : 1 = true;
  bool within_ : 1 = false;  // the data follow this object, in its block
  bool again_ : 1 = false;   // the owner is a storage
  std::byte* data_;
  size_t bytes_;
  Ref<RefCounted> owner_;

 public:
  // The tensor of which all others of this storage and of no other family are parts, while it
  // lives. It may be owned: then it stands in for one that has gone. See Note [views and in-place].
  TensorImpl* whole = nullptr;
};
static_assert(sizeof(Storage) == kAlignment, "data that follow it are aligned");

// What only few tensors have: hooks, a kept gradient of a non-leaf. Floor 2 fills it in.
struct TensorExtras : RefCounted {
  virtual void tensor_gone() {}
};

void forget_families(const Storage& s);  // on floor 2

// Of what the tape itself saved: it has no part in what is recorded of its storage.
inline constexpr uint32_t kNeverStale = UINT32_MAX;
// A number for a tensor on the memory of others that shares no history with them.
uint32_t new_family();

// How a tensor came to share memory. Of those behind kPlain the tape refuses to record a change; a
// view of a view is at least what that is.
enum class ViewKind : uint8_t {
  kNone,
  kPlain,
  kNoGrad,     // made while nothing was recorded
  kOneOfMany,  // split() and the like
  kFunction,   // the result of a user's Function
};

struct TensorImpl final : RefCounted {
  TensorImpl(Ref<Storage> s, int64_t off, Dtype d, const Dims& sh, const Dims& st)
      : dtype(d),
        recorded_at(s->recorded),
        offset(off),
        shape(sh),
        strides(st),
        storage(std::move(s)) {}
  ~TensorImpl() override {
    if (extras) extras->tensor_gone();
    if (family != 0) count_stranger(-1);
    if (storage->refs() > 1 && (storage->whole == this || storage->keeps)) leave_memory();
  }
  void join_family(uint32_t number) {
    if (family != 0) count_stranger(-1);
    family = number;
    if (family != 0) count_stranger(1);
  }
  void count_stranger(int change) {
    std::atomic<uint16_t>& n = storage->strangers;
    if (n.load(std::memory_order_relaxed) == Storage::kMany) return;
    n.fetch_add(static_cast<uint16_t>(change), std::memory_order_relaxed);
  }
  void leave_memory();  // the storage's whole, or one of those that have one; on floor 2

  bool stale() const { return recorded_at != storage->recorded && recorded_at != kNeverStale; }

  // In an order that leaves no gaps.
  Dtype dtype;
  bool requires_grad = false;  // of a leaf; a tensor with an entry needs one anyway
  ViewKind view = ViewKind::kNone;
  bool retains_grad = false;
  uint32_t output_index = 0;  // which output of `entry` this is
  uint32_t recorded_at;       // storage->recorded that this tensor's history knows of
  int64_t offset;             // in elements
  Dims shape, strides;
  Ref<Storage> storage;
  Ref<RefCounted> entry;  // the tape entry that made it
  Ref<TensorImpl> grad;
  Ref<TensorExtras> extras;
  void* python = nullptr;  // the Python object of this tensor, if there is one; not owned
  bool is_inference = false;
  uint32_t family = 0;  // other than 0: a detached tensor and its views; see join_family()
};

// Without a tensor behind it a handle is undefined, as grad() is before a backward. Whatever is
// asked of it then, other than defined(), is a TypeError.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> p) : p_(std::move(p)) {}
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) = default;
  // To variables only: `x[0] = y` would give another tensor to a handle that is gone at once.
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & = default;

  // Uninitialised memory.
  static Tensor empty(const Dims& shape, Dtype dtype);
  // With the dimensions in another order: the strides are dense.
  static Tensor empty(const Dims& shape, const Dims& strides, Dtype dtype);
  // A number as a 0-d tensor.
  static Tensor scalar(const Scalar& value, Dtype dtype);

  bool defined() const { return static_cast<bool>(p_); }
  TensorImpl* impl() const { return p_.get(); }
  // For the core: not checked.
  TensorImpl* operator->() const { return p_.get(); }
  const Ref<TensorImpl>& ref() const { return p_; }
  bool is_same(const Tensor& o) const { return p_ == o.p_; }

  Dtype dtype() const { return get("dtype").dtype; }
  const Dims& shape() const { return get("shape").shape; }
  const Dims& strides() const { return get("strides").strides; }
  int ndim() const { return get("ndim").shape.size(); }
  int64_t size(int64_t dim) const {
    const Dims& sizes = get("size").shape;
    return sizes[wrap_dim(dim, sizes.size())];
  }
  int64_t numel() const { return wengert::numel(get("numel").shape); }
  int64_t bytes() const { return numel() * item_size(dtype()); }
  bool is_contiguous() const {
    const TensorImpl& t = get("is_contiguous");
    return wengert::is_contiguous(t.shape, t.strides);
  }
  std::byte* data() const {
    const TensorImpl& t = get("data");
    return t.storage->data() + t.offset * item_size(t.dtype);
  }
  template <class T>
  T* data_as() const {
    return reinterpret_cast<T*>(data());
  }

  bool requires_grad() const {
    const TensorImpl& t = get("requires_grad");
    catch_up();
    return t.requires_grad || t.entry;
  }
  bool is_leaf() const {
    const TensorImpl& t = get("is_leaf");
    catch_up();
    return !t.entry;
  }
  // After a change in place to the same memory: the history of what is there now.
  void catch_up() const {
    if (get("catch_up").stale()) [[unlikely]]
      take_history();
  }
  // Undefined before a backward.
  Tensor grad() const {
    TensorImpl& t = get("grad");
    if (Watch* w = watch()) w->grad_used(t, GradAccess::kRead);
    return Tensor(t.grad);
  }
  bool has_grad() const {
    TensorImpl& t = get("has_grad");
    if (Watch* w = watch()) w->grad_used(t, GradAccess::kRead);
    return static_cast<bool>(t.grad);
  }
  void set_grad(const Tensor& g) const {
    TensorImpl& t = get("set_grad");
    if (Watch* w = watch())
      w->grad_used(t, g.defined() ? GradAccess::kReplaced : GradAccess::kDropped);
    t.grad = g.p_;
  }
  // Whether this handle is the only way to its memory, so that nobody sees what is written there.
  bool is_only_handle() const {
    const TensorImpl& t = get("is_only_handle");
    return t.refs() == 1 && t.storage->refs() == 1 && t.storage->owned();
  }
  // A leaf that asks for gradients; only floating tensors may.
  Tensor& set_requires_grad(bool on);

  // The same memory seen otherwise; no tape.
  Tensor alias(const Dims& shape, const Dims& strides, int64_t offset) const;
  Tensor alias() const {
    const TensorImpl& t = get("alias");
    return alias(t.shape, t.strides, t.offset);
  }
  // The same memory without history; shares the version.
  Tensor detach() const;
  Tensor saved() const;  // the same, for the tape itself
  // As detach(), but with a version of its own: a change to it is unseen by what was saved here.
  Tensor unseen() const;
  // Is from now on what `t` is, on the memory of `t`.
  void move_onto(const Tensor& t) const;
  bool shares_memory(const Tensor& t) const {
    return get("shares_memory").storage->root() == t.get("shares_memory").storage->root();
  }

  // The one element of a one-element tensor.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }

  // x[0], x[{Slice(1, 3), -1}], x[mask]: see Slice in ops/index/index.h.
  Tensor operator[](const IndexItem& at) const;
  Tensor operator[](std::initializer_list<IndexItem> at) const;
  // What Python writes as x[at] = value: in place, recorded; the value is cast and broadcast.
  void set_item(const IndexItem& at, const Operand& value) const;
  void set_item(std::initializer_list<IndexItem> at, const Operand& value) const;

  // Gradients of what depends on this tensor of one element, into .grad() of every leaf.
  void backward() const;

// Every operation of Python's Tensor that has a function in ops.h.
#include "wengert/tensor/methods.h"

 private:
  void take_history() const;  // on floor 2
  TensorImpl& get(const char* what) const {
    if (!p_) [[unlikely]]
      undefined(what);
    return *p_;
  }
  [[noreturn, gnu::cold]] static void undefined(const char* what);

  Ref<TensorImpl> p_;
};

// A TypeError that names operation and argument, for what looks at a tensor before `apply` does.
[[noreturn, gnu::cold]] void refuse_undefined(const char* op, const char* argument);
inline void check_defined(const Tensor& x, const char* op, const char* argument = "input") {
  if (!x.defined()) [[unlikely]]
    refuse_undefined(op, argument);
}

// A list of tensors as an argument: `{x, y}`, a vector, an array. It lives as long as the call.
struct Tensors : std::span<const Tensor> {
  using std::span<const Tensor>::span;
  Tensors(std::span<const Tensor> list) : span(list) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
#endif
  Tensors(std::initializer_list<Tensor> list) : span(list.begin(), list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
};
inline void check_defined(Tensors list, const char* op, const char* argument) {
  for (const Tensor& t : list) check_defined(t, op, argument);
}

// Tensor or number, for arguments that may be either; `x * 2` makes no tensor of the 2.
class Operand {
 public:
  Operand() = default;
  Operand(const Tensor& t) : tensor_(t) {}
  Operand(Tensor&& t) : tensor_(std::move(t)) {}
  Operand(const Scalar& s) : scalar_(s), is_scalar_(true) {}
  Operand(bool v) : Operand(Scalar(v)) {}
  Operand(int v) : Operand(Scalar(v)) {}
  Operand(int64_t v) : Operand(Scalar(v)) {}
  Operand(double v) : Operand(Scalar(v)) {}

  bool is_tensor() const { return tensor_.defined(); }
  bool is_scalar() const { return is_scalar_; }
  // Neither: an optional argument that was left out.
  bool is_none() const { return !is_scalar_ && !tensor_.defined(); }
  const Tensor& tensor() const { return tensor_; }
  Tensor& tensor() { return tensor_; }
  const Scalar& scalar() const { return scalar_; }
  // For vjps of ops whose argument is always a tensor.
  operator const Tensor&() const { return tensor_; }
  const Tensor* operator->() const { return &tensor_; }

 private:
  Tensor tensor_;
  Scalar scalar_;
  bool is_scalar_ = false;
};

// "tensor([[1., 2.],\n        [3., 4.]])": PyTorch's form. In print.cpp.
struct PrintOptions {
  int precision = 4;
  int64_t threshold = 1000;
  int64_t edgeitems = 3;
  int64_t linewidth = 80;
  int sci_mode = -1;  // -1: decide, 0: never, 1: always
};
PrintOptions& print_options();
// `suffix` is what follows the numbers, such as ", requires_grad=True".
std::string to_string(const Tensor& t, const std::string& suffix = "",
                      const std::string& prefix = "tensor(");
std::ostream& operator<<(std::ostream& out, const Tensor& t);
std::ostream& operator<<(std::ostream& out, const Dims& shape);
std::ostream& operator<<(std::ostream& out, Dtype dtype);

}  // namespace wengert
