#include "wengert/base/shape.h"

namespace wengert {

void Dims::too_many(size_t n) {
  fail(ErrorKind::kRuntime, "at most ", kMaxDims, " dimensions are supported, got ",
       static_cast<uint64_t>(n));
}

bool is_dense(const Dims& shape, const Dims& strides) {
  if (is_contiguous(shape, strides)) return true;
  int outer[kMaxDims];  // dimensions from the largest stride to the smallest
  int n = 0;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    int at = n++;
    for (; at > 0 && strides[outer[at - 1]] < strides[d]; --at) outer[at] = outer[at - 1];
    outer[at] = d;
  }
  int64_t step = 1;
  for (int i = n - 1; i >= 0; --i) {
    if (strides[outer[i]] != step) return false;
    step *= shape[outer[i]];
  }
  return true;
}

Dims broadcast_shapes(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims out = longer;
  const int lead = longer.size() - shorter.size();
  for (int i = 0; i < shorter.size(); ++i) {
    const int64_t m = longer[lead + i], n = shorter[i];
    if (m == n || n == 1) continue;
    check(m == 1, "The size of tensor a (", a[a.size() - shorter.size() + i],
          ") must match the size of tensor b (", b[b.size() - shorter.size() + i],
          ") at non-singleton dimension ", lead + i, ": shapes ", a, " and ", b);
    out[lead + i] = n;
  }
  return out;
}

Dims broadcast_strides(const Dims& shape, const Dims& strides, const Dims& to) {
  Dims out = Dims::filled(to.size(), 0);
  const int lead = to.size() - shape.size();
  for (int i = 0; i < shape.size(); ++i)
    out[lead + i] = shape[i] == 1 && to[lead + i] != 1 ? 0 : strides[i];
  return out;
}

bool view_strides(const Dims& shape, const Dims& strides, const Dims& to, Dims& out) {
  out = contiguous_strides(to);
  if (numel(shape) == 0) return true;
  // Walk both shapes from the right: each run of old dimensions that lies evenly in memory must
  // hold a whole number of new ones.
  int j = to.size() - 1;
  int i = shape.size() - 1;
  while (i >= 0) {
    int64_t run = shape[i];
    const int64_t step = strides[i];
    int64_t last = step * shape[i];
    --i;
    while (i >= 0 && (shape[i] == 1 || strides[i] == last || run == 1)) {
      if (run == 1) break;
      run *= shape[i];
      if (shape[i] != 1) last = strides[i] * shape[i];
      --i;
    }
    if (run == 1) continue;
    int64_t filled = 1;
    while (j >= 0 && filled < run) {
      out[j] = step * filled;
      filled *= to[j--];
    }
    if (filled != run) return false;
    while (j >= 0 && to[j] == 1) out[j--] = step * filled;
  }
  return true;
}

Dims infer_shape(Ints to, int64_t n) {
  Dims out(to);
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < out.size(); ++i) {
    if (out[i] == -1) {
      check(unknown < 0, "only one dimension can be inferred");
      unknown = i;
    } else {
      check(out[i] >= 0, "invalid shape dimension ", out[i]);
      check(!__builtin_mul_overflow(known, out[i], &known), "shape '", to, "' is too large");
    }
  }
  if (unknown >= 0 && known > 0 && n % known == 0) {
    out[unknown] = n / known;
    return out;
  }
  check(unknown < 0 || known != 0, "cannot reshape tensor of ", n, " elements into shape ", to,
        " because the unspecified dimension size -1 can be any value and is ambiguous");
  check(unknown < 0 && known == n, "shape '", to, "' is invalid for input of size ", n);
  return out;
}

}  // namespace wengert
