// Images whose channels come last in memory.
#include "bind/types/memory_format.h"

#include "wengert/ops/images.h"

namespace wengert::bind {
namespace {

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
  return x.ndim() == dims_of(format) && lies(x, true);
}

MemoryFormat format_of(const Tensor& x) {
  for (const MemoryFormat last : {MemoryFormat::kChannelsLast, MemoryFormat::kChannelsLast3d})
    if (x.ndim() == dims_of(last) && has_channels_last(x)) return last;
  return MemoryFormat::kContiguous;
}

Tensor laid_out(const Tensor& x, MemoryFormat format) {
  if (format == MemoryFormat::kPreserve) return x;
  const bool last = format != MemoryFormat::kContiguous;
  if (last) check_rank(x, format);
  return last ? wengert::laid_out(x, true) : contiguous(x);
}

Tensor empty_in(const Tensor& x, MemoryFormat format) {
  if (format == MemoryFormat::kContiguous) return Tensor::empty(x.shape(), x.dtype());
  check_rank(x, format);
  return Tensor::empty(x.shape(), channels_last_strides(x.shape()), x.dtype());
}

}  // namespace wengert::bind
