#include "wengert/base/dtype.h"

#include <atomic>

namespace wengert {

namespace {
std::atomic<Dtype> default_dtype_{Dtype::kFloat32};
}

Dtype default_dtype() { return default_dtype_.load(std::memory_order_relaxed); }

void set_default_dtype(Dtype d) {
  check(is_floating(d), ErrorKind::kType,
        "set_default_dtype: only floating-point types are supported as the default type, got ", d);
  default_dtype_.store(d, std::memory_order_relaxed);
}

void overflows(const Scalar& s, Dtype d) {
  fail(ErrorKind::kRuntime, "value ", s, " cannot be converted to type ", d, " without overflow");
}

}  // namespace wengert
