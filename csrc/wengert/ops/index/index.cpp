// x[key]: its basic part as one view, its tensors as one gather; and x[key] = value.
#include "wengert/kernels/index/index.h"

#include <bit>

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/index/key.h"
#include "wengert/ops/index/layout.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/shape/view.h"
#include "wengert/tape/history.h"

namespace wengert {
namespace {

// ---- the basic part ------------------------------------------------------------------------

// Note [basic key]: integers, slices and new axes are kept as four attributes that say nothing of
// strides, so that the same key applies to x, to its gradient, or to a copy:
//   size, steps  of each output dimension
//   dims         four bits for each: the input dimension it steps along
//   offset       of the first element, counted as if the input were contiguous
// A new axis has step 0, and no other has; in files of version 0.1 it steps along a dimension that
// the input has not. No size at all: the whole input.

constexpr Signature kGetItem =
    "(input: Tensor, size: ints | None, steps: ints | None, dims: int, offset: int) -> Tensor";
constexpr Signature kSetItem =
    "(input: Tensor, value: Operand, size: ints | None, steps: ints | None, dims: int, "
    "offset: int, accumulate: bool, indices: Tensors | None) -> Tensor";
constexpr int kSize = attribute("size", kGetItem, kSetItem);
constexpr int kSteps = attribute("steps", kGetItem, kSetItem);
constexpr int kDims = attribute("dims", kGetItem, kSetItem);
constexpr int kOffset = attribute("offset", kGetItem, kSetItem);

int dim_of(const Attrs& a, int i) { return static_cast<int>(a.integer(kDims) >> 4 * i & 15); }
bool is_new_axis(const Attrs& a, int i, int64_t step, int ndim) {
  return step == 0 || dim_of(a, i) >= ndim;
}

View basic_rule(const View& x, const Attrs& a) {
  if (!a.has(kSize)) return x;
  View y{a.dims(kSize), a.dims(kSteps), x.offset};
  int64_t rest = a.integer(kOffset);
  for (int d = x.shape.size() - 1; d >= 0 && rest > 0; --d) {
    y.offset += rest % x.shape[d] * x.strides[d];
    rest /= x.shape[d];
  }
  for (int i = y.shape.size() - 1; i >= 0; --i) {
    if (is_new_axis(a, i, y.strides[i], x.shape.size())) {
      y.strides[i] = i + 1 < y.shape.size() ? y.shape[i + 1] * y.strides[i + 1] : 1;
    } else {
      y.strides[i] *= x.strides[dim_of(a, i)];
    }
  }
  return y;
}

// That what is selected lies within the input's own memory, whoever made the key.
void basic_shape(Call& c) {
  const Tensor& x = c.in(0);
  const Attrs& a = c.attrs;
  bool fits = true;
  if (a.has(kSize)) {
    const int64_t offset = a.integer(kOffset);
    fits = a.ints(kSize).size() == a.ints(kSteps).size() && offset >= 0 &&
           (offset == 0 || offset < x.numel());
    for (int64_t step : a.ints(kSteps)) fits = fits && step >= 0;
  }
  check(fits, ErrorKind::kIndex, "a key that is not within shape ", x.shape());
  const View y = basic_rule(view_of(x), a);
  const auto last = [&](const Dims& shape, const Dims& strides, int64_t at) {
    for (int d = 0; d < shape.size(); ++d) {
      int64_t step = 0;
      fits = fits && shape[d] >= 0 && !__builtin_mul_overflow(shape[d] - 1, strides[d], &step) &&
             !__builtin_add_overflow(at, step, &at);
    }
    return at;
  };
  const bool within = last(y.shape, y.strides, y.offset) <= last(x.shape(), x.strides(), x->offset);
  check(fits && ((within && x.numel() > 0) || numel(y.shape) == 0), ErrorKind::kIndex,
        "a key that is not within shape ", x.shape());
  c.output_view(y.shape, y.strides, y.offset);
}

// y = x[key]                    dx = g at the key, else 0
constinit const Op basic_index_op{
    .name = "__getitem__",
    .signature = kGetItem,
    .on = 0,
    .doc = "The view that integers, slices, None and an ellipsis select; see Note [basic key].",
    .view = true,
    .shape = basic_shape,
    .vjp = view_vjp<basic_rule>,
};

// That the attributes are those of a key of an input of shape x: what they select is within it.
void check_basic(const Dims& x, const Attrs& a) {
  if (!a.has(kSize)) return;
  const Dims size = a.dims(kSize), steps = a.dims(kSteps), own = contiguous_strides(x);
  const int64_t offset = a.integer(kOffset), count = numel(x);
  bool fits = size.size() == steps.size() && offset >= 0 && offset < std::max<int64_t>(count, 1) &&
              (count > 0 || numel(size) == 0);
  uint32_t seen = 0;
  for (int i = 0; fits && i < size.size(); ++i) {
    if (is_new_axis(a, i, steps[i], x.size())) {
      fits = size[i] == 1;
      continue;
    }
    const int d = dim_of(a, i);
    fits = !(seen >> d & 1) && size[i] >= 0 && size[i] <= x[d] && steps[i] > 0;
    if (fits && count > 0 && size[i] > 1)
      fits = size[i] - 1 <= (x[d] - 1 - offset / own[d] % x[d]) / steps[i];
    seen |= 1u << d;
  }
  check(fits, ErrorKind::kIndex, "a key that is not within shape ", x);
}

// A key taken apart: the basic part as attributes, the tensors as a list for `index`.
class Key {
 public:
  Key(const Tensor& x, const IndexKey& key) : x_(x), own_(contiguous_strides(x.shape())) {
    int64_t taken = 0;
    for (const IndexItem& item : key.items()) taken += dims_taken(item);
    check(taken == 0 || x.ndim() > 0, ErrorKind::kIndex,
          "invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a "
          "number");
    check(taken <= x.ndim(), ErrorKind::kIndex, "too many indices for tensor of dimension ",
          x.ndim(), ", got ", taken);
    bool expanded = false;
    for (const IndexItem& item : key.items()) {
      if (item.kind == IndexItem::Kind::kEllipsis) {
        for (int64_t i = taken; !expanded && i < x.ndim(); ++i) whole();
        expanded = true;
      } else {
        add(item);
      }
    }
    while (dim_ < x.ndim()) whole();
    for (int64_t n : shape_)
      if (n == 0) offset_ = 0;
  }

  bool whole_input() const { return whole_; }
  Attrs attrs() const { return Attrs(shape_, steps_, dims_, offset_); }
  std::vector<Tensor> indices;

 private:
  static bool is_number(const Tensor& t) { return t.ndim() == 0 && is_index(t.dtype()); }
  static int64_t dims_taken(const IndexItem& item) {
    switch (item.kind) {
      case IndexItem::Kind::kInt:
      case IndexItem::Kind::kSlice:
        return 1;
      case IndexItem::Kind::kTensor:
        return is_mask(item.tensor) ? item.tensor.ndim() : 1;
      default:
        return 0;
    }
  }
  static bool is_mask(const Tensor& t) {
    return t.dtype() == Dtype::kBool || t.dtype() == Dtype::kUInt8;
  }

  void add(const IndexItem& item) {
    switch (item.kind) {
      case IndexItem::Kind::kInt:
        return number(*item.start);
      case IndexItem::Kind::kSlice:
        return slice(item);
      case IndexItem::Kind::kNewAxis:
        return new_axis();
      case IndexItem::Kind::kBool:
        return truth(*item.start != 0);
      case IndexItem::Kind::kTensor:
        if (is_number(item.tensor)) return number(item.tensor.item().integer());
        if (is_mask(item.tensor) && item.tensor.ndim() == 0)
          return truth(item.tensor.item().integer() != 0);
        return tensor(item.tensor);
      case IndexItem::Kind::kEllipsis:
        break;
    }
  }

  void emit(int64_t size, int64_t step, int dim) {
    check(shape_.size() < kMaxDims, ErrorKind::kIndex, "the result would have more than ", kMaxDims,
          " dimensions");
    dims_ |= static_cast<int64_t>(static_cast<uint64_t>(dim) << 4 * shape_.size());
    shape_.push_back(size);
    steps_.push_back(step);
  }
  void mark(Tensor t) {  // the next output dimensions are indexed by t
    while (static_cast<int>(indices.size()) + extra_ < shape_.size()) indices.emplace_back();
    if (is_mask(t)) extra_ += t.ndim() - 1;
    indices.push_back(std::move(t));
  }
  void whole() {
    emit(x_.shape()[dim_], 1, dim_);
    ++dim_;
  }
  void number(int64_t i) {
    const int64_t n = x_.shape()[dim_];
    check(i >= -n && i < n, ErrorKind::kIndex, "index ", i, " is out of bounds for dimension ",
          dim_, " with size ", n);
    offset_ += (i < 0 ? i + n : i) * own_[dim_++];
    whole_ = false;
  }
  void slice(const IndexItem& item) {
    check(item.step > 0, ErrorKind::kValue, "step must be greater than zero");
    const int64_t n = x_.shape()[dim_];
    const auto clip = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
    const int64_t start = clip(item.start.value_or(0)), stop = clip(item.stop.value_or(n));
    const int64_t size = stop > start ? (stop - start - 1) / item.step + 1 : 0;
    offset_ += start * own_[dim_];
    whole_ &= size == n;
    emit(size, size > 1 ? item.step : 1, dim_++);
  }
  void new_axis() {
    emit(1, 0, 0);
    whole_ = false;
  }
  void truth(bool b) {
    mark(reshape(Tensor::scalar(b, Dtype::kBool), Dims{1}));
    new_axis();
  }
  void tensor(const Tensor& t) {
    check(is_mask(t) || is_index(t.dtype()), ErrorKind::kIndex,
          "tensors used as indices must be long, int, byte or bool tensors, got ", t.dtype());
    mark(t);
    for (int i = 0; i < (is_mask(t) ? t.ndim() : 1); ++i) whole();
  }

  const Tensor& x_;
  Dims own_, shape_, steps_;
  int64_t dims_ = 0, offset_ = 0;
  int dim_ = 0, extra_ = 0;
  bool whole_ = true;
};

// ---- tensors as indices --------------------------------------------------------------------

// Masks as the positions of their true elements: from here on one index for each dimension.
std::vector<Tensor> expand_masks(const Dims& shape, std::span<const Tensor> indices) {
  std::vector<Tensor> out;
  for (const Tensor& t : indices) {
    const int d = static_cast<int>(out.size());
    if (!t.defined() || is_index(t.dtype())) {
      out.push_back(t);
      continue;
    }
    check(!is_floating(t.dtype()) && !is_narrow(t.dtype()), ErrorKind::kIndex,
          "tensors used as indices must be long, int, byte or bool tensors, got ", t.dtype());
    check(t.ndim() > 0, ErrorKind::kIndex, "a mask among indices needs at least 1 dimension");
    for (int i = 0; i < t.ndim(); ++i)
      check(d + i < shape.size() && t.shape()[i] == shape[d + i], ErrorKind::kIndex,
            "The shape of the mask ", t.shape(), " at index ", i,
            " does not match the shape of the indexed tensor ", shape, " at index ", d + i);
    const Tensor places = nonzero(t);
    for (int i = 0; i < t.ndim(); ++i) out.push_back(select(places, 1, i));
  }
  check(static_cast<int>(out.size()) <= shape.size(), ErrorKind::kIndex,
        "too many indices for tensor of dimension ", shape.size(), ", got ",
        static_cast<uint64_t>(out.size()));
  return out;
}

std::vector<Tensor> saved_indices(const Vjp& v, int first) {
  std::vector<Tensor> out;
  for (int i = first; i < v.inputs(); ++i) out.push_back(v.has(i) ? v.x(i).tensor() : Tensor());
  return out;
}

constexpr uint32_t kAllButFirst = kInputs & ~kInput;
constexpr uint32_t kAllButTwo = kAllButFirst & ~kOther;

// y_k = x_{i_k}                 dx_i = sum of g_k over i_k = i
constinit const Op index_op{
    .name = "index",
    .signature = "(input: Tensor, indices: Tensors | None) -> Tensor",
    .on = 0,
    .doc =
        "The elements at integer positions, one index tensor for each dimension (none: all of "
        "it), broadcast together. Negative positions count from the end; an IndexError if one "
        "is out of range.",
    .checked = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          check_indices(c, 1, c.in(0).ndim());
          c.output(c.in(0).dtype(), IndexedShape(c.in(0).shape(), c, 1).result);
        },
    .run =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const IndexedPlaces p(view_of(x), c, 1, IndexedShape(x.shape(), c, 1));
          index_gather(p.v, c.out[0].data(), x.data(), item_size(x));
        },
    .vjp = [](Vjp& v) { v.set(0, index_backward(v.g(), v.shape(0), saved_indices(v, 1))); },
    .reads = kAllButFirst,
};

constexpr Signature kIndexBackward =
    "(grad: Tensor, size: ints, indices: Tensors | None) -> Tensor";
// y_i = sum of g_k over i_k = i        dg_k = h_{i_k}
constinit const Op index_backward_op{
    .name = "_index_backward",
    .signature = kIndexBackward,
    .on = 0,
    .doc = "Zeros of `size` with `grad` added at the indices.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Dims size = c.attrs.dims(kIndexBackward["size"]);
          check_indices(c, 1, size.size());
          const Dims selected = IndexedShape(size, c, 1).result;
          check(c.in(0).numel() == numel(selected), "a gradient of shape ", selected,
                " expected, got ", c.in(0).shape());
          c.output(c.in(0).dtype(), size);
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.out[0];
          zero_bytes(y.data(), y.bytes());
          const IndexedPlaces p(view_of(y), c, 1, IndexedShape(y.shape(), c, 1));
          index_accumulate(p.v, y.data(), c.in(0).data(), false, 1, y.dtype());
        },
    .vjp = [](Vjp& v) { v.set(0, index(v.g(), saved_indices(v, 1))); },
    .reads = kAllButFirst,
};

Tensor apply_index(const Op& op, const Tensor& x, std::span<const Tensor> indices,
                   const Attrs& attrs) {
  Call c(op, attrs);
  c.add_input(x);
  for (const Tensor& t : indices) c.add_input(t);
  apply(c);
  return std::move(c.out[0]);
}

// ---- assignment ----------------------------------------------------------------------------

// y[basic][indices] = value, or += value if `accumulate`; see Note [basic key].
constexpr int kAccumulate = kSetItem["accumulate"];

Dims target_shape(const Call& c, const View& region) {
  return c.inputs() > 2 ? IndexedShape(region.shape, c, 2).result : region.shape;
}

// PyTorch lets a value have more dimensions than its place if the first ones are of size 1.
Dims without_leading_ones(const Dims& shape, int keep) {
  Dims out = shape;
  while (out.size() > keep && out[0] == 1) out.erase(0);
  return out;
}

void put_shape(Call& c) {
  check_basic(c.in(0).shape(), c.attrs);
  const View region = basic_rule(view_of(c.in(0)), c.attrs);
  check_indices(c, 2, region.shape.size());
  const Dims to = target_shape(c, region);
  if (!c.input(1).is_tensor()) return;
  const Dims from = without_leading_ones(c.in(1).shape(), to.size());
  bool fits = from.size() <= to.size();
  for (int i = 1; fits && i <= from.size(); ++i)
    fits = from[from.size() - i] == to[to.size() - i] || from[from.size() - i] == 1;
  check(fits, "shape mismatch: value tensor of shape ", c.in(1).shape(),
        " cannot be broadcast to indexing result of shape ", to);
}

// The value as contiguous elements of y's dtype, in the shape of its place.
class Values {
 public:
  Values(const Operand& value, const Dims& to, Dtype dtype) : one(true) {
    if (value.is_scalar()) {
      dispatch(dtype, [&](auto zero) {
        const auto v = value.scalar().to<decltype(zero)>();
        scratch_.emplace(sizeof v);
        *scratch_->as<decltype(zero)>() = v;
      });
      return;
    }
    const Tensor& x = value.tensor();
    one = x.numel() == 1;
    const Dims shape = one ? Dims{} : to;
    const int keep = std::min(x.ndim(), to.size());
    const Dims own(Ints(x.shape().end() - keep, static_cast<size_t>(keep)));
    const Dims steps(Ints(x.strides().end() - keep, static_cast<size_t>(keep)));
    scratch_.emplace(static_cast<size_t>(numel(shape) * item_size(dtype)));
    cast_strided(scratch_->as<void>(), dtype, contiguous_strides(shape), x.data(), x.dtype(),
                 one ? Dims{} : broadcast_strides(own, steps, to), shape);
  }
  const void* data() const { return scratch_->as<void>(); }
  bool one;

 private:
  std::optional<Scratch> scratch_;
};

// Whether value may be read while y is written.
bool is_apart(const Operand& value, const Tensor& y) {
  return value.is_tensor() && !value.tensor().shares_memory(y);
}

void put(Call& c, const Tensor& y) {
  const View region = basic_rule(view_of(y), c.attrs);
  std::byte* base = y->storage->data() + region.offset * item_size(y);
  const Operand& value = c.input(1);
  if (c.inputs() == 2 && value.is_scalar())
    return fill_strided(base, y.dtype(), region.strides, region.shape, value.scalar());
  const Dims to = target_shape(c, region);
  if (c.inputs() == 2 && is_apart(value, y)) {
    const Tensor& x = value.tensor();
    const int keep = std::min(x.ndim(), to.size());
    const Dims own(Ints(x.shape().end() - keep, static_cast<size_t>(keep)));
    const Dims steps(Ints(x.strides().end() - keep, static_cast<size_t>(keep)));
    return cast_strided(base, y.dtype(), region.strides, x.data(), x.dtype(),
                        broadcast_strides(own, steps, to), to);
  }
  const Values values(value, to, y.dtype());
  if (c.inputs() == 2) {
    const Dims steps = values.one ? Dims::filled(to.size(), 0) : contiguous_strides(to);
    return copy_strided(base, region.strides, values.data(), steps, to, item_size(y));
  }
  const IndexedPlaces p(region, c, 2, IndexedShape(region.shape, c, 2));
  if (c.attrs.flag(kAccumulate)) {
    index_accumulate(p.v, base, values.data(), values.one, 1, y.dtype());
  } else {
    index_scatter(p.v, base, values.data(), values.one, item_size(y));
  }
}

Tensor put_copy(const Tensor& x, const Operand& value, std::span<const Tensor> indices,
                const Attrs& attrs);

void put_vjp(Vjp& v) {
  const Attrs& a = v.attrs();
  const std::vector<Tensor> indices = saved_indices(v, 2);
  const Tensor g = v.g();
  if (v.needs(0)) v.set(0, a.flag(kAccumulate) ? g : put_copy(g, 0, indices, a));
  if (!v.needs(1)) return;
  Tensor d = g;
  if (a.has(kSize)) d = apply(basic_index_op, {g}, a);
  if (!indices.empty()) d = index(d, indices);
  const Dims own = without_leading_ones(v.shape(1), d.ndim());
  v.set(1, own.size() == v.shape(1).size() ? d : reshape(sum_to(d, own), v.shape(1)));
}

// y = x but v at the key      dx = g but 0 at the key (all of g if added)      dv = g at the key
constinit const Op put_op{
    .name = "_set_item",
    .signature = kSetItem,
    .on = 0,
    .doc = "A copy of the input with input[key] = value done to it, or += if `accumulate`.",
    .checked = true,
    .shape =
        [](Call& c) {
          put_shape(c);
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          copy_strided(y.data(), y.strides(), x.data(), x.strides(), x.shape(), item_size(x));
          put(c, y);
        },
    .vjp = put_vjp,
    .reads = kAllButTwo,
};

// x[key] = v                    dx = g but 0 at the key        dv = g at the key
constinit const Op put_inplace_op{
    .name = "__setitem__",
    .signature = kSetItem,
    .on = 0,
    .doc = "input[key] = value in place, or += if `accumulate`.",
    .mutates = true,
    .checked = true,
    .shape = put_shape,
    .run = [](Call& c) { put(c, c.in(0)); },
    .vjp = put_vjp,
    .reads = kAllButTwo,
};

void add_put_inputs(Call& c, const Tensor& x, const Operand& value,
                    std::span<const Tensor> indices) {
  c.add_input(x);
  c.add_input(value.is_tensor() && !is_floating(x.dtype()) ? Operand(value->detach()) : value);
  for (const Tensor& t : indices) c.add_input(t);
}

Tensor put_copy(const Tensor& x, const Operand& value, std::span<const Tensor> indices,
                const Attrs& attrs) {
  Call c(put_op, attrs);
  add_put_inputs(c, x, value, indices);
  apply(c);
  return std::move(c.out[0]);
}

void put_inplace(const Tensor& x, const Operand& value, std::span<const Tensor> indices,
                 const Attrs& attrs) {
  Call c(put_inplace_op, attrs);
  add_put_inputs(c, x, value, indices);
  apply(c);
}

// Whether mask has the shape of x, or of its first dimensions.
bool is_mask_of(const Tensor& mask, const Tensor& x) {
  return mask.dtype() == Dtype::kBool && mask.ndim() <= x.ndim() &&
         std::equal(mask.shape().begin(), mask.shape().end(), x.shape().begin());
}

const Op* const kIndexOps[] = {&basic_index_op, &index_op, &index_backward_op, &put_op,
                               &put_inplace_op};

}  // namespace

Tensor index(const Tensor& x, std::span<const Tensor> indices) {
  if (indices.size() == 1 && indices[0].defined() && indices[0].dtype() == Dtype::kBool &&
      indices[0].ndim() > 0 && indices[0].shape() == x.shape())
    return masked_select(x, indices[0]);
  return apply_index(index_op, x, expand_masks(x.shape(), indices), {});
}

Tensor index_backward(const Tensor& g, const Dims& shape, std::span<const Tensor> indices) {
  return apply_index(index_backward_op, g, indices, Attrs(shape));
}

Tensor index_put(const Tensor& x, std::span<const Tensor> indices, const Operand& values,
                 bool accumulate) {
  return put_copy(x, values, expand_masks(x.shape(), indices),
                  Attrs(nullptr, nullptr, 0, 0, accumulate));
}

Tensor& index_put_(Tensor& x, std::span<const Tensor> indices, const Operand& values,
                   bool accumulate) {
  put_inplace(x, values, expand_masks(x.shape(), indices),
              Attrs(nullptr, nullptr, 0, 0, accumulate));
  return x;
}

namespace {
void check_key(const Tensor& x, const IndexKey& key, const char* name) {
  check_defined(x, name);
  for (const IndexItem& item : key.items())
    if (item.kind == IndexItem::Kind::kTensor) check_defined(item.tensor, name, "key");
}
}  // namespace

Tensor get_item(const Tensor& x, const IndexKey& key) {
  check_key(x, key, "get_item");
  const Key k(x, key);
  if (k.indices.empty()) return apply(basic_index_op, {x}, k.attrs());
  return index(k.whole_input() ? x : apply(basic_index_op, {x}, k.attrs()), k.indices);
}

Tensor& set_item(Tensor& x, const IndexKey& key, const Operand& value) {
  check_key(x, key, "set_item");
  if (!value.is_scalar()) check_defined(value, "set_item", "value");
  const Key k(x, key);
  const bool one = value.is_scalar() || value->ndim() == 0;
  if (one && k.whole_input() && k.indices.size() == 1 && is_mask_of(k.indices[0], x)) {
    // No positions are needed, so this does not depend on the values of the mask.
    Tensor mask = k.indices[0];
    while (mask.ndim() < x.ndim()) mask = unsqueeze(mask, -1);
    return masked_fill_(x, mask, value);
  }
  Attrs attrs = k.attrs();
  attrs.add(false);
  const View region = basic_rule(view_of(x), attrs);
  // `x[key] += y` ends with x[key] written where it is already.
  if (k.indices.empty() && is_view_at(value, x, region.shape, region.strides, region.offset))
    return x;
  put_inplace(x, value, expand_masks(region.shape, k.indices), attrs);
  return x;
}

std::span<const Op* const> index_ops() { return kIndexOps; }

}  // namespace wengert
