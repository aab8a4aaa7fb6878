// Op: one row says all there is to say of an operation. Call: one use of it.
#pragma once

#include <array>
#include <bit>
#include <memory>

#include "wengert/base/generator.h"
#include "wengert/tensor/tensor.h"

namespace wengert {

class Call;
class Vjp;
struct Op;

inline constexpr int kMaxOutputs = 4;

// The arguments of an op that are not tensors, in the order of its signature. An argument that was
// left out without a default is None. Strings are held as the index among the declared choices.
class Attrs {
 public:
  enum class Kind : uint8_t { kNone, kBool, kInt, kFloat, kInts, kDtype, kGenerator };

  Attrs() = default;
  Attrs(const Attrs& o) : count_(o.count_), used_(o.used_) {
    std::copy_n(o.tags_, count_, tags_);
    std::copy_n(o.slots_, used_, slots_);
  }
  Attrs& operator=(const Attrs& o) {
    if (this != &o) new (this) Attrs(o);
    return *this;
  }
  template <class... Values>
    requires(sizeof...(Values) > 0 && (!std::is_same_v<Values, Attrs> && ...))
  explicit Attrs(const Values&... values) {
    (add(values), ...);
  }
  void add(std::nullptr_t) { push(Kind::kNone, 0); }
  void add(bool v) { push(Kind::kBool, v); }
  void add(int v) { push(Kind::kInt, v); }
  void add(int64_t v) { push(Kind::kInt, v); }
  void add(double v) { push(Kind::kFloat, std::bit_cast<int64_t>(v)); }
  void add(Dtype v) { push(Kind::kDtype, static_cast<int64_t>(v)); }
  void add(Generator* g) { push(Kind::kGenerator, reinterpret_cast<int64_t>(g)); }
  void add(const Scalar& s) {
    if (s.is_float()) return add(s.real());
    if (s.kind() == Scalar::Kind::kBool) return add(s.integer() != 0);
    add(s.integer());
  }
  void add(Ints v) {
    check(used_ + v.size() <= kSlots, "too many integers in one call: ", v.size());
    begin(Kind::kInts);
    tags_[count_ - 1].length = static_cast<uint8_t>(v.size());
    for (int64_t i : v) slots_[used_++] = i;
  }
  void add(const Dims& v) { add(Ints(v)); }
  // Copies argument i of another call.
  void add_from(const Attrs& o, int i) {
    const Tag t = o.tags_[i];
    if (t.kind == Kind::kInts) return add(o.ints(i));
    push(t.kind, o.slots_[t.at]);
  }

  // Replaces number i by another.
  void set(int i, double v) {
    tags_[i].kind = Kind::kFloat;
    slots_[tags_[i].at] = std::bit_cast<int64_t>(v);
  }

  int count() const { return count_; }
  Kind kind(int i) const { return tags_[i].kind; }
  bool has(int i) const { return tags_[i].kind != Kind::kNone; }
  int64_t integer(int i) const {
    return kind(i) == Kind::kFloat ? static_cast<int64_t>(real(i)) : slots_[tags_[i].at];
  }
  double real(int i) const {
    const int64_t bits = slots_[tags_[i].at];
    return kind(i) == Kind::kFloat ? std::bit_cast<double>(bits) : static_cast<double>(bits);
  }
  bool flag(int i) const { return slots_[tags_[i].at] != 0; }
  Dtype dtype(int i) const { return static_cast<Dtype>(slots_[tags_[i].at]); }
  Dtype dtype_or(int i, Dtype otherwise) const { return has(i) ? dtype(i) : otherwise; }
  Generator* generator(int i) const { return reinterpret_cast<Generator*>(slots_[tags_[i].at]); }
  Ints ints(int i) const { return Ints(slots_ + tags_[i].at, tags_[i].length); }
  Dims dims(int i) const { return Dims(ints(i)); }
  Scalar scalar(int i) const {
    if (kind(i) == Kind::kFloat) return Scalar(real(i));
    if (kind(i) == Kind::kBool) return Scalar(flag(i));
    return Scalar(slots_[tags_[i].at]);
  }

 private:
  static constexpr int kMax = 14, kSlots = 24;
  struct Tag {
    Kind kind;
    uint8_t at, length;
  };
  void begin(Kind k) {
    check(count_ < kMax, "too many arguments in one call");
    tags_[count_++] = {k, used_, 1};
  }
  void push(Kind k, int64_t v) {
    begin(k);
    check(used_ < kSlots, "too many arguments in one call");
    slots_[used_++] = v;
  }
  Tag tags_[kMax];
  int64_t slots_[kSlots];
  uint8_t count_ = 0, used_ = 0;
};

// Where an op appears in Python.
enum On : uint32_t {
  kMethod = 1,
  kModule = 2,
  kFunctional = 4,
  kInplace = 8,             // method `name_`, that writes to its first argument
  kInplaceFunctional = 16,  // functional form takes a last argument `inplace`, and has a `name_`
  kCreation = 32,           // takes device, layout, pin_memory and requires_grad as well
};

// What `apply` does with the dtypes of the inputs before `shape` sees them.
enum class Promote : uint8_t {
  kNone,      // nothing; the op checks what it needs
  kCommon,    // all become the common dtype, which is the output's
  kFloat,     // as kCommon, and integers become the default dtype
  kCompare,   // as kCommon; the output is bool
  kNotFirst,  // as kCommon without the first input (a mask)
};

// What the vjp reads of the call, beside shapes; all else is released once the op has run.
// Inputs are bits 0..., outputs bits 16...
constexpr uint32_t reads_input(int i) { return 1u << i; }
constexpr uint32_t reads_output(int i) { return 1u << (16 + i); }
enum Reads : uint32_t {
  kNothing = 0,
  kInput = 1u << 0,
  kOther = 1u << 1,
  kThird = 1u << 2,
  kInputs = 0xffff,
  kOutput = 1u << 16,
};

struct PointwiseRow;  // kernels of a pointwise op; see ops/pointwise/rows.h

struct Op {
  const char* name;
  // Python syntax, parsed once; gives arguments, errors, __doc__ and stubs. See
  // bind/call/signature.h.
  const char* signature;
  uint32_t on = kMethod | kModule;
  // One paragraph: what it computes, shapes, dtypes, errors, source of the formula.
  const char* doc = "";

  Promote promote = Promote::kNone;
  bool contiguous = false;      // `run` is given contiguous inputs, by a copy where needed
  bool view = false;            // the output is the input's memory: `shape` gives strides, offset
  bool mutates = false;         // input 0 is changed; it is output 0 as well
  bool data_dependent = false;  // the output's shape depends on values
  bool shape_only = false;      // of the inputs it looks at shape and dtype, never at values
  bool draws = false;           // takes random numbers from a generator
  const PointwiseRow* pointwise = nullptr;  // its kernels, when shape and run are pointwise_*

  void (*shape)(Call& c) = nullptr;
  void (*run)(Call& c) = nullptr;
  void (*vjp)(Vjp& v) = nullptr;
  uint32_t reads = kNothing;
  // Which inputs a mutating op changes, if it is not input 0 alone.
  bool (*writes)(const Call& c, int i) = nullptr;
  // An op that is other ops: no shape, run or vjp, it calls them. For fused ops, `composed` is
  // the same function in small ops: its derivative where there is no vjp, and its test oracle.
  void (*composed)(Call& c) = nullptr;

  bool is_composite() const { return !run && !view; }
};

// Shape, dtype and, for views, place of an output.
struct OutputMeta {
  Dtype dtype;
  Dims shape;
  Dims strides;
  int64_t offset;
};

// One use of an op: its inputs, attributes, and outputs as they come to be.
class Call {
 public:
  explicit Call(const Op& op) : op_(&op) {}
  Call(const Op& op, const Attrs& a) : attrs(a), op_(&op) {}

  const Op& op() const { return *op_; }

  void add_input(Operand x) {
    if (count_ < kInline) {
      inline_[count_++] = std::move(x);
    } else {
      if (more_.empty()) more_.reserve(16);
      more_.push_back(std::move(x));
      ++count_;
    }
  }
  int inputs() const { return count_; }
  Operand& input(int i) { return i < kInline ? inline_[i] : more_[i - kInline]; }
  const Operand& input(int i) const { return i < kInline ? inline_[i] : more_[i - kInline]; }
  const Tensor& in(int i) const { return input(i).tensor(); }
  bool has(int i) const { return i < count_ && !input(i).is_none(); }
  Dtype common = Dtype::kFloat32;  // the dtype that promotion found

  Attrs attrs;

  // For `shape`: declares the next output.
  void output(Dtype dtype, const Dims& shape) {
    OutputMeta& m = meta[outputs_++];
    m.dtype = dtype;
    m.shape = shape;
  }
  void output_view(const Dims& shape, const Dims& strides, int64_t offset) {
    output(in(0).dtype(), shape);
    meta[outputs_ - 1].strides = strides;
    meta[outputs_ - 1].offset = offset;
  }
  int outputs() const { return outputs_; }
  std::array<OutputMeta, kMaxOutputs> meta;
  std::array<Tensor, kMaxOutputs> out;  // allocated before `run`

  // For `composed`: the results. A composite may return a list of any length.
  List<Tensor> results;

  // Gives `run` another tensor in place of input i: cast, or made contiguous. The tape keeps the
  // original.
  void replace(int i, Tensor by) {
    replaced_.emplace_back(i, std::move(input(i).tensor()));
    input(i).tensor() = std::move(by);
  }
  const Operand& original(int i) const {
    for (const auto& [at, operand] : replaced_)
      if (at == i) return operand;
    return input(i);
  }

 private:
  static constexpr int kInline = 6;
  const Op* op_;
  int count_ = 0, outputs_ = 0;
  std::array<Operand, kInline> inline_;
  List<Operand> more_;
  List<std::pair<int, Operand>> replaced_;
};

}  // namespace wengert
