// Tensors on memory of somebody else's.
#include "wengert/ops/create/create.h"

namespace wengert {
namespace {

Tensor on_memory(void* data, const Dims& shape, Dtype dtype, std::function<void()> release,
                 bool writable) {
  int64_t bytes = 0;
  for (int64_t n : shape)
    check(n >= 0, "from_blob: negative dimension ", n, " in shape ", shape, "; sizes must be >= 0");
  check(!__builtin_mul_overflow(numel(shape), item_size(dtype), &bytes),
        "from_blob: a tensor of shape ", shape, " and dtype ", dtype,
        " is larger than the address space");
  check(data || bytes == 0, "from_blob: a null pointer has no ", numel(shape), " elements");
  check(reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(item_size(dtype)) == 0,
        "from_blob: the memory is not aligned to elements of ", dtype);
  struct Owner {
    std::function<void()> release;
  };
  auto* owner = new Owner{std::move(release)};
  const auto gone = [](void* p) {
    const std::unique_ptr<Owner> last(static_cast<Owner*>(p));
    if (last->release) last->release();
  };
  return Tensor(new TensorImpl(new Storage(data, static_cast<size_t>(bytes), owner, gone, writable),
                               0, dtype, shape, contiguous_strides(shape)));
}

}  // namespace

Tensor from_blob(void* data, const Dims& shape, Dtype dtype, std::function<void()> release) {
  return on_memory(data, shape, dtype, std::move(release), true);
}
Tensor from_blob(const void* data, const Dims& shape, Dtype dtype, std::function<void()> release) {
  return on_memory(const_cast<void*>(data), shape, dtype, std::move(release), false);
}

}  // namespace wengert
