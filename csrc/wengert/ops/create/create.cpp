// Tensors from nothing: constants, ranges, and tensors like others.
#include "wengert/ops/create/create.h"

#include <cmath>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 1 << 15;

Dims checked_size(Ints size) {
  const Dims shape(size);
  for (int64_t n : shape)
    check(n >= 0, "Trying to create tensor with negative dimension ", n, ": ", shape);
  return shape;
}

// ---- one value everywhere ------------------------------------------------------------------

void fill(const Tensor& y, const Scalar& value) {
  fill_strided(y.data(), y.dtype(), y.strides(), y.shape(), value);
}
void run_zeros(Call& c) { zero_bytes(c.out[0].data(), c.out[0].bytes()); }
void run_ones(Call& c) { fill(c.out[0], 1); }
void run_nothing(Call&) {}

constexpr Signature kSized = "(*size: ints, dtype: dtype | None = None) -> Tensor";
constexpr Signature kLike = "(input: Tensor, *, dtype: dtype | None = None) -> Tensor";
constexpr Signature kNew = "(input: Tensor, *size: ints, dtype: dtype | None = None) -> Tensor";

void shape_of_size(Call& c) {
  c.output(c.attrs.dtype_or(kSized["dtype"], default_dtype()),
           checked_size(c.attrs.ints(kSized["size"])));
}
void shape_like(Call& c) { output_like(c, c.attrs.dtype_or(kLike["dtype"], c.in(0).dtype())); }
// A method of a tensor that gives the dtype.
void shape_new(Call& c) {
  c.output(c.attrs.dtype_or(kNew["dtype"], c.in(0).dtype()),
           checked_size(c.attrs.ints(kNew["size"])));
}

constexpr Op creation(const char* name, const Signature& signature, uint32_t on, const char* doc,
                      void (*shape)(Call&), void (*run)(Call&)) {
  return {.name = name,
          .signature = signature,
          .on = on | kCreation,
          .doc = doc,
          .shape_only = true,
          .shape = shape,
          .run = run};
}

// As above, of one element throughout.
constexpr Op filled(const char* name, const Signature& signature, uint32_t on, const char* doc,
                    void (*shape)(Call&), void (*run)(Call&)) {
  return creation(name, signature, on, doc, shape, run).of_any_dtype();
}

// y = 0
constexpr Op zeros_op =
    filled("zeros", kSized, kModule, "A tensor of zeros.", shape_of_size, run_zeros);
// y = 1
constexpr Op ones_op =
    filled("ones", kSized, kModule, "A tensor of ones.", shape_of_size, run_ones);
// y = whatever the memory holds
constexpr Op empty_op = filled("empty", kSized, kModule, "A tensor of whatever is in its memory.",
                               shape_of_size, run_nothing);
// y = 0
constexpr Op zeros_like_op = filled(
    "zeros_like", kLike, kModule, "Zeros with the input's shape and dtype.", shape_like, run_zeros);
// y = 1
constexpr Op ones_like_op = filled("ones_like", kLike, kModule,
                                   "Ones with the input's shape and dtype.", shape_like, run_ones);
// y = whatever the memory holds
constexpr Op empty_like_op =
    filled("empty_like", kLike, kModule,
           "An uninitialised tensor with the input's shape and dtype.", shape_like, run_nothing);
// y = 0
constexpr Op new_zeros_op =
    filled("new_zeros", kNew, kMethod, "Zeros of this shape, with the tensor's dtype.", shape_new,
           run_zeros);
// y = 1
constexpr Op new_ones_op = filled(
    "new_ones", kNew, kMethod, "Ones of this shape, with the tensor's dtype.", shape_new, run_ones);
// y = whatever the memory holds
constexpr Op new_empty_op = filled("new_empty", kNew, kMethod,
                                   "An uninitialised tensor of this shape, with the tensor's "
                                   "dtype.",
                                   shape_new, run_nothing);

constexpr Signature kFull =
    "(size: sizes, fill_value: Number, *, dtype: dtype | None = None) -> Tensor";
// y = value
constexpr Op full_op = filled(
    "full", kFull, kModule, "A tensor of fill_value; its dtype is that of the number unless given.",
    [](Call& c) {
      c.output(c.attrs.dtype_or(kFull["dtype"], c.attrs.scalar(kFull["fill_value"]).dtype()),
               checked_size(c.attrs.ints(kFull["size"])));
    },
    [](Call& c) { fill(c.out[0], c.attrs.scalar(kFull["fill_value"])); });

constexpr Signature kFullLike =
    "(input: Tensor, fill_value: Number, *, dtype: dtype | None = None) -> Tensor";
// y = value
constexpr Op full_like_op = filled(
    "full_like", kFullLike, kModule, "fill_value everywhere, with the input's shape and dtype.",
    [](Call& c) { output_like(c, c.attrs.dtype_or(kFullLike["dtype"], c.in(0).dtype())); },
    [](Call& c) { fill(c.out[0], c.attrs.scalar(kFullLike["fill_value"])); });

constexpr Signature kNewFull =
    "(input: Tensor, size: sizes, fill_value: Number, *, dtype: dtype | None = None) -> Tensor";
// y = value
constexpr Op new_full_op = filled(
    "new_full", kNewFull, kMethod, "fill_value in this shape, with the tensor's dtype.",
    [](Call& c) {
      c.output(c.attrs.dtype_or(kNewFull["dtype"], c.in(0).dtype()),
               checked_size(c.attrs.ints(kNewFull["size"])));
    },
    [](Call& c) { fill(c.out[0], c.attrs.scalar(kNewFull["fill_value"])); });

// ---- ranges --------------------------------------------------------------------------------

constexpr Signature kArange =
    "(start: Number, end: Number, step: Number = 1, *, dtype: dtype | None = None) -> Tensor";
constexpr Signature kArangeEnd = "(end: Number, *, dtype: dtype | None = None) -> Tensor";

struct Range {
  Scalar start, end, step;
  Dtype dtype;
};

Range range_of(const Attrs& a) {
  const bool only_end = a.count() == kArangeEnd.attributes();
  Range r{0, a.scalar(kArangeEnd["end"]), 1, Dtype::kInt64};
  if (!only_end)
    r = {a.scalar(kArange["start"]), a.scalar(kArange["end"]), a.scalar(kArange["step"]),
         Dtype::kInt64};
  const bool real = r.start.is_float() || r.end.is_float() || r.step.is_float();
  r.dtype = a.dtype_or(only_end ? kArangeEnd["dtype"] : kArange["dtype"],
                       real ? default_dtype() : Dtype::kInt64);
  return r;
}

int64_t range_length(const Range& r) {
  const double start = r.start.real(), end = r.end.real(), step = r.step.real();
  check(std::isfinite(start) && std::isfinite(end), "unsupported range: ", r.start, " -> ", r.end);
  check(step != 0, "step must be nonzero");
  check(std::isfinite(step) && (step > 0 ? end >= start : end <= start),
        "upper bound and lower bound inconsistent with step sign: ", r.start, " to ", r.end, " by ",
        r.step);
  double n = std::ceil((end - start) / step);
  if (r.dtype == Dtype::kInt64) {
    const int64_t s = r.step.integer();
    check(s != 0, "step must be nonzero as an integer, got ", r.step);
    const __int128 span = static_cast<__int128>(r.end.integer()) - r.start.integer();
    n = static_cast<double>((span + s - (s > 0 ? 1 : -1)) / s);
  }
  check(n < 0x1p62, "invalid size, possible overflow: ", n, " elements");
  return std::max<int64_t>(0, static_cast<int64_t>(n));
}

template <class F>
void fill_indexed(const Tensor& y, const F& value) {
  parallel_for(y.numel(), kGrain, [&](int64_t begin, int64_t end) {
    dispatch(y.dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* out = y.data_as<T>();
      const F at = value;  // a copy, which what is written cannot be a part of
      for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(at(i));
    });
  });
}

// y_i = start + i step
constexpr Op arange_op = creation(
    "arange", kArange, kModule,
    "start, start + step, ... up to but without end. int64 if all are integers, else the default "
    "dtype.",
    [](Call& c) {
      const Range r = range_of(c.attrs);
      c.output(r.dtype, Dims{range_length(r)});
    },
    [](Call& c) {
      const Range r = range_of(c.attrs);
      if (is_floating(r.dtype)) {
        fill_indexed(c.out[0], [start = r.start.real(), step = r.step.real()](int64_t i) {
          return start + static_cast<double>(i) * step;
        });
      } else {
        fill_indexed(c.out[0], [start = r.start.integer(), step = r.step.integer()](int64_t i) {
          return start + i * step;
        });
      }
    });
// y_i = start + i step
constinit const Op arange_end_op = renamed(arange_op, "arange", kArangeEnd);

constexpr Signature kLinspace =
    "(start: Number, end: Number, steps: int, *, dtype: dtype | None = None) -> Tensor";
constexpr Signature kLogspace =
    "(start: Number, end: Number, steps: int, base: float = 10.0, *, dtype: dtype | None = None) "
    "-> Tensor";
constexpr int kStart = attribute("start", kLinspace, kLogspace);
constexpr int kEnd = attribute("end", kLinspace, kLogspace);
constexpr int kSteps = attribute("steps", kLinspace, kLogspace);

// From both ends towards the middle, in the
// precision of the dtype (integers: double), so that the last value is `end` exactly.
void shape_spaced(Call& c, int dtype) {
  const int64_t n = c.attrs.integer(kSteps);
  check(n >= 0, "number of steps must be non-negative, got ", n);
  c.output(c.attrs.dtype_or(dtype, default_dtype()), Dims{n});
}

template <class F>
void fill_spaced(Call& c, const F& f) {
  const Tensor& y = c.out[0];
  const int64_t n = y.numel();
  dispatch(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using Real = std::conditional_t<std::is_same_v<T, float>, float, double>;
    const Real start = static_cast<Real>(c.attrs.scalar(kStart).to<T>());
    const Real end = static_cast<Real>(c.attrs.scalar(kEnd).to<T>());
    const Real step = n > 1 ? (end - start) / static_cast<Real>(n - 1) : Real(0);
    T* out = y.data_as<T>();
    parallel_for(n, kGrain, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const bool lower = i < n / 2 || n == 1;
        out[i] = static_cast<T>(f(lower ? start + step * static_cast<Real>(i)
                                        : end - step * static_cast<Real>(n - 1 - i)));
      }
    });
  });
}

// y_i = start + i (end - start) / (steps - 1)
constexpr Op linspace_op = creation(
    "linspace", kLinspace, kModule,
    "`steps` evenly spaced values from start to end, both included.",
    [](Call& c) { shape_spaced(c, kLinspace["dtype"]); },
    [](Call& c) { fill_spaced(c, [](auto v) { return v; }); });

// y_i = base^(start + i (end - start) / (steps - 1))
constexpr Op logspace_op = creation(
    "logspace", kLogspace, kModule,
    "base to the power of `steps` evenly spaced values from start to end.",
    [](Call& c) { shape_spaced(c, kLogspace["dtype"]); },
    [](Call& c) {
      fill_spaced(c, [base = c.attrs.real(kLogspace["base"])](auto v) {
        return std::pow(static_cast<decltype(v)>(base), v);
      });
    });

// ---- matrices ------------------------------------------------------------------------------

constexpr Signature kEye =
    "(n: int, m: int | None = None, *, dtype: dtype | None = None) -> Tensor";
// y_ij = 1 where i = j, else 0
constexpr Op eye_op = creation(
    "eye", kEye, kModule,
    "An n x m matrix (m = n unless given) with ones on the diagonal and zeros elsewhere.",
    [](Call& c) {
      const int64_t n = c.attrs.integer(kEye["n"]),
                    m = c.attrs.has(kEye["m"]) ? c.attrs.integer(kEye["m"]) : n;
      check(n >= 0, "n must be greater or equal to 0, got ", n);
      check(m >= 0, "m must be greater or equal to 0, got ", m);
      c.output(c.attrs.dtype_or(kEye["dtype"], default_dtype()), Dims{n, m});
    },
    [](Call& c) {
      const Tensor& y = c.out[0];
      run_zeros(c);
      const int64_t m = y.shape()[1];
      fill_strided(y.data(), y.dtype(), Dims{m + 1}, Dims{std::min(y.shape()[0], m)}, 1);
    });

constexpr Signature kTriangle =
    "(row: int, col: int, offset: int = 0, *, dtype: dtype | None = None) -> Tensor";

// Rows i and columns j with j - i <= offset (or >=), as PyTorch orders them.
template <bool lower>
struct Triangle {
  explicit Triangle(const Attrs& a)
      : rows(a.integer(kTriangle["row"])),
        cols(a.integer(kTriangle["col"])),
        offset(std::clamp(a.integer(kTriangle["offset"]), -rows, cols)) {}

  int64_t begin(int64_t i) const { return lower ? 0 : std::clamp<int64_t>(i + offset, 0, cols); }
  int64_t end(int64_t i) const {
    return lower ? std::clamp<int64_t>(i + offset + 1, 0, cols) : cols;
  }
  // How many places (i, j) there are: rows that grow (shrink) by one, and rows that are full.
  __int128 count() const {
    const int64_t k = lower ? offset : offset - 1;  // j - i <= k: these, or all but these
    const int64_t first = std::max<int64_t>(0, -k), full = std::clamp(cols - 1 - k, first, rows);
    __int128 n = static_cast<__int128>(rows - full) * cols;
    if (full > first) n += (static_cast<__int128>(first + k + 1) + (full + k)) * (full - first) / 2;
    return lower ? n : static_cast<__int128>(rows) * cols - n;
  }

  static void shape(Call& c) {
    const Attrs& a = c.attrs;
    const int64_t rows = a.integer(kTriangle["row"]), cols = a.integer(kTriangle["col"]);
    check(rows >= 0, "row must be non-negative, got ", rows);
    check(cols >= 0, "col must be non-negative, got ", cols);
    const Dtype d = a.dtype_or(kTriangle["dtype"], Dtype::kInt64);
    check(d == Dtype::kInt64 || d == Dtype::kInt32, "expected an index dtype, got ", d);
    constexpr int64_t kMost = int64_t{1} << 60;
    const bool fits = rows < kMost && cols < kMost && Triangle(a).count() < kMost;
    check(fits, "a matrix of ", rows, " x ", cols, " is too large");
    c.output(d, Dims{2, static_cast<int64_t>(Triangle(a).count())});
  }
  static void run(Call& c) {
    const Triangle t(c.attrs);
    const Tensor& y = c.out[0];
    const int64_t n = y.shape()[1];
    dispatch(y.dtype(), [&](auto zero) {
      using T = decltype(zero);
      T* out = y.data_as<T>();
      // Rows in front of the first place, and behind the last, may be many.
      for (int64_t i = lower ? std::max<int64_t>(0, -t.offset) : 0, k = 0; k < n; ++i)
        for (int64_t j = t.begin(i); j < t.end(i); ++j, ++k) {
          out[k] = static_cast<T>(i);
          out[n + k] = static_cast<T>(j);
        }
    });
  }
  const int64_t rows, cols, offset;
};
// y = the (i, j) with j - i <= offset, a column each
constexpr Op tril_indices_op =
    creation("tril_indices", kTriangle, kModule,
             "(2, n) rows and columns of the lower triangle of a row x col matrix, up to the "
             "diagonal `offset` above the main one.",
             Triangle<true>::shape, Triangle<true>::run);
// y = the (i, j) with j - i >= offset, a column each
constexpr Op triu_indices_op =
    creation("triu_indices", kTriangle, kModule,
             "(2, n) rows and columns of the upper triangle of a row x col matrix, from the "
             "diagonal `offset` above the main one.",
             Triangle<false>::shape, Triangle<false>::run);

const Op* const kCreateOps[] = {
    &zeros_op,      &ones_op,      &empty_op,        &zeros_like_op,   &ones_like_op,
    &empty_like_op, &new_zeros_op, &new_ones_op,     &new_empty_op,    &full_op,
    &full_like_op,  &new_full_op,  &arange_end_op,   &arange_op,       &linspace_op,
    &logspace_op,   &eye_op,       &tril_indices_op, &triu_indices_op,
};

}  // namespace

Tensor zeros(const Dims& shape, Dtype dtype) { return apply(zeros_op, {}, Attrs(shape, dtype)); }
Tensor ones(const Dims& shape, Dtype dtype) { return apply(ones_op, {}, Attrs(shape, dtype)); }
Tensor full(const Dims& shape, const Scalar& value, Dtype dtype) {
  return apply(full_op, {}, Attrs(shape, value, dtype));
}
Tensor zeros_like(const Tensor& x) { return apply(zeros_like_op, {x}, Attrs(nullptr)); }
Tensor ones_like(const Tensor& x) { return apply(ones_like_op, {x}, Attrs(nullptr)); }
Tensor arange(double start, double end, double step, Dtype dtype) {
  return apply(arange_op, {}, Attrs(start, end, step, dtype));
}
Tensor linspace(double start, double end, int64_t steps, Dtype dtype) {
  return apply(linspace_op, {}, Attrs(start, end, steps, dtype));
}
Tensor eye(int64_t rows, int64_t columns, Dtype dtype) {
  return apply(eye_op, {}, Attrs(rows, columns, dtype));
}
Tensor empty_like(const Tensor& x) {
  check_defined(x, "empty_like");
  return apply(empty_like_op, {x}, Attrs(x.dtype()));
}
std::span<const Op* const> create_ops() { return kCreateOps; }

}  // namespace wengert
