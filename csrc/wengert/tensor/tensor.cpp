#include "wengert/tensor/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace wengert {

namespace {
thread_local Watch* this_threads = nullptr;
}
Watch* detail::this_threads_watch() { return this_threads; }
Watch* set_watch(Watch* w) {
  Watch* before = this_threads;
  this_threads = w;
  return before;
}

Storage::Storage(size_t bytes) : data_(static_cast<std::byte*>(allocate(bytes))), bytes_(bytes) {
  if (Watch* w = watch()) watch_id = w->id;
}

namespace {
struct Owner final : RefCounted {
  Owner(void* o, void (*r)(void*)) : owner(o), release(r) {}
  ~Owner() override { release(owner); }
  void* owner;
  void (*release)(void*);
};
}  // namespace

Storage::Storage(void* data, size_t bytes, void* owner, void (*release)(void*), bool writable)
    : writable_(writable),
      data_(static_cast<std::byte*>(data)),
      bytes_(bytes),
      owner_(new Owner(owner, release)) {}

Storage::Storage(Ref<Storage> of)
    : writable_(of->writable_), again_(true), data_(of->data_), bytes_(of->bytes_), owner_(of) {}

Storage::Storage(Within, size_t bytes)
    : within_(true), data_(reinterpret_cast<std::byte*>(this + 1)), bytes_(bytes) {
  if (Watch* w = watch()) watch_id = w->id;
}

namespace {
// Beyond, a block of both would be of a larger class than the two.
constexpr size_t kLargestWithin = 1024 - sizeof(Storage);
size_t bytes_with(size_t bytes) { return sizeof(Storage) + std::max<size_t>(bytes, 1); }
}  // namespace

Storage* Storage::make(size_t bytes) {
  if (bytes > kLargestWithin) return new Storage(bytes);
  return new (allocate(bytes_with(bytes))) Storage(Within(), bytes);
}

void Storage::dispose() {
  if (!within_) return RefCounted::dispose();
  const size_t size = bytes_with(bytes_);
  this->~Storage();
  deallocate(this, size);
}

Storage::~Storage() {
  if (watch_slot != 0) [[unlikely]]
    if (Watch* w = watch(); w && w->id == watch_id) w->storage_gone(watch_slot);
  if (keeps & kFamilies) forget_families(*this);
  if (!owner_ && !within_) deallocate(data_, bytes_);
}

void Tensor::undefined(const char* what) {
  fail(ErrorKind::kType, what, ": the tensor is undefined, as grad() is before a backward");
}

void refuse_undefined(const char* op, const char* argument) {
  Error e(ErrorKind::kType, text("argument '", argument, "' must be Tensor, not None"));
  e.set_op(op);
  throw e;
}

Tensor Tensor::empty(const Dims& shape, Dtype dtype) {
  int64_t bytes = 0;
  for (int64_t s : shape)
    check(s >= 0, "empty: negative dimension ", s, " in shape ", shape, "; sizes must be >= 0");
  check(!__builtin_mul_overflow(wengert::numel(shape), item_size(dtype), &bytes),
        ErrorKind::kMemory, "a tensor of shape ", shape, " and dtype ", dtype,
        " is larger than the address space");
  Ref<TensorImpl> t = new TensorImpl(Storage::make(static_cast<size_t>(bytes)), 0, dtype, shape,
                                     contiguous_strides(shape));
  t->storage->whole = t.get();
  return Tensor(std::move(t));
}

Tensor Tensor::empty(const Dims& shape, const Dims& strides, Dtype dtype) {
  Tensor t = empty(shape, dtype);
  t->strides = strides;
  return t;
}

Tensor Tensor::scalar(const Scalar& value, Dtype dtype) {
  Tensor t = empty({}, dtype);
  dispatch_all(dtype,
               [&](auto zero) { *t.data_as<decltype(zero)>() = value.to<decltype(zero)>(); });
  return t;
}

Tensor& Tensor::set_requires_grad(bool on) {
  get("set_requires_grad");
  check(!p_->entry || on,
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach().");
  check(!on || is_floating(dtype()), "only Tensors of floating point dtype can require gradients, ",
        "got ", dtype());
  if (!p_->entry) p_->requires_grad = on;
  return *this;
}

Tensor Tensor::alias(const Dims& shape, const Dims& strides, int64_t offset) const {
  get("alias");
  Ref<TensorImpl> v = new TensorImpl(p_->storage, offset, p_->dtype, shape, strides);
  v->view = std::max(ViewKind::kPlain, p_->view);
  v->recorded_at = p_->recorded_at;
  v->join_family(p_->family);
  return Tensor(std::move(v));
}

uint32_t new_family() {
  static std::atomic<uint32_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

Tensor Tensor::detach() const {
  get("detach");
  Tensor t = alias();
  t->view = ViewKind::kNone;
  t->join_family(new_family());
  t->recorded_at = p_->storage->recorded;
  return t;
}

Tensor Tensor::saved() const {
  Tensor t = alias();
  t->recorded_at = kNeverStale;
  return t;
}

Tensor Tensor::unseen() const {
  get("unseen");
  Ref<Storage> again = new Storage(Ref<Storage>(p_->storage->root()));
  Ref<TensorImpl> t = new TensorImpl(again, p_->offset, p_->dtype, p_->shape, p_->strides);
  again->whole = t.get();
  return Tensor(std::move(t));
}

void Tensor::move_onto(const Tensor& t) const {
  if (p_->family != 0) p_->count_stranger(-1);
  if (p_->storage->whole == p_.get() || p_->storage->keeps) p_->leave_memory();
  p_->family = 0;
  p_->storage = t->storage->root();
  p_->offset = t->offset;
  p_->shape = t->shape;
  p_->strides = t->strides;
  p_->dtype = t->dtype;
  p_->recorded_at = p_->storage->recorded;
  if (p_->requires_grad) p_->join_family(new_family());
}

Scalar Tensor::item() const {
  get("item");
  check(numel() == 1, "a Tensor with ", numel(), " elements cannot be converted to Scalar");
  value_leaves("item()");
  return dispatch_all(dtype(), [&](auto zero) { return number(*data_as<decltype(zero)>()); });
}

}  // namespace wengert
