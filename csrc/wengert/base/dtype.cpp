#include "wengert/base/dtype.h"

#include <atomic>

namespace wengert {

namespace {
std::atomic<Dtype> default_dtype_{Dtype::kFloat32};
}

Dtype default_dtype() { return default_dtype_.load(std::memory_order_relaxed); }

void set_default_dtype(Dtype d) {
  check(is_floating(d) && !is_narrow(d), ErrorKind::kType,
        "set_default_dtype: only float32 and float64 are supported as the default type, got ", d);
  default_dtype_.store(d, std::memory_order_relaxed);
}

void not_computed(Dtype d) { fail(ErrorKind::kNotImplemented, "not implemented for '", d, "'"); }

void overflows(const Scalar& s, Dtype d) {
  fail(ErrorKind::kRuntime, "value ", s, " cannot be converted to type ", d, " without overflow");
}

}  // namespace wengert
