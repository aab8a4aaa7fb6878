// Images whose channels come last in memory.
#include "bind/types/memory_format.h"

#include "wengert/ops/basic.h"

namespace wengert::bind {
namespace {

// x with the channels as its last dimension.
Tensor turned(const Tensor& x) {
  Dims order{0};
  for (int d = 2; d < x.ndim(); ++d) order.push_back(d);
  order.push_back(1);
  return permute(x, order);
}

int dims_of(MemoryFormat format) { return format == MemoryFormat::kChannelsLast ? 4 : 5; }
void check_rank(const Tensor& x, MemoryFormat format) {
  const int n = dims_of(format);
  check(x.ndim() == n, "required rank ", n, " tensor to use channels_last", n == 5 ? "_3d" : "",
        " format");
}

}  // namespace

MemoryFormat read_memory_format(PyObject* o) {
  const py::handle value(o);
  const std::string name =
      py::hasattr(value, "_name") ? py::cast<std::string>(py::str(value.attr("_name"))) : "";
  const char* const names[] = {"contiguous_format", "preserve_format", "channels_last",
                               "channels_last_3d"};
  for (size_t i = 0; i < std::size(names); ++i)
    if (name == names[i]) return static_cast<MemoryFormat>(i);
  fail(ErrorKind::kType, "argument 'memory_format' must be wengert.memory_format, not ",
       Py_TYPE(o)->tp_name);
}

bool lies_in(const Tensor& x, MemoryFormat format) {
  if (format == MemoryFormat::kPreserve) return true;
  if (format == MemoryFormat::kContiguous) return x.is_contiguous();
  const int n = x.ndim();
  if (n != dims_of(format)) return false;
  Dims shape{x.shape()[0]}, strides{x.strides()[0]};
  for (int d = 2; d <= n; ++d) {
    shape.push_back(x.shape()[d == n ? 1 : d]);
    strides.push_back(x.strides()[d == n ? 1 : d]);
  }
  return is_contiguous(shape, strides);
}

MemoryFormat format_of(const Tensor& x) {
  const int n = x.ndim();
  if ((n != 4 && n != 5) || x.strides()[1] == 0) return MemoryFormat::kContiguous;
  int64_t least = 0;
  for (int i = 0, d = 1; i < n; ++i, d = i == n - 1 ? 0 : n - i) {
    const int64_t size = x.shape()[d], stride = x.strides()[d];
    if (size == 0 || stride < least || (d == 0 && least == x.strides()[1]))
      return MemoryFormat::kContiguous;
    least = stride * size;
  }
  return n == 4 ? MemoryFormat::kChannelsLast : MemoryFormat::kChannelsLast3d;
}

Tensor laid_out(const Tensor& x, MemoryFormat format) {
  if (format == MemoryFormat::kPreserve) return x;
  if (format == MemoryFormat::kContiguous) return contiguous(x);
  const int n = dims_of(format);
  check_rank(x, format);
  if (lies_in(x, format)) return x;
  Dims back{0, n - 1};
  for (int d = 1; d < n - 1; ++d) back.push_back(d);
  return permute(contiguous(turned(x)), back);
}

Tensor empty_in(const Tensor& x, MemoryFormat format) {
  if (format == MemoryFormat::kContiguous) return Tensor::empty(x.shape(), x.dtype());
  check_rank(x, format);
  Dims strides = x.shape();
  int64_t step = 1;
  for (int i = 0, n = x.ndim(), d = 1; i < n; ++i, d = i == n - 1 ? 0 : n - i) {
    strides[d] = step;
    step *= std::max<int64_t>(x.shape()[d], 1);
  }
  return Tensor::empty(x.shape(), strides, x.dtype());
}

}  // namespace wengert::bind
