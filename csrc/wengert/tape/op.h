// Op: one row says all there is to say of an operation. Call: one use of it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

#include "wengert/tape/attrs.h"
#include "wengert/tape/signature.h"
#include "wengert/tensor/tensor.h"

namespace wengert {

class Call;
class Vjp;
struct Op;

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

// How an op's inputs are cast where autocast is on, as PyTorch does; float64 is left alone.
enum class Cast : uint8_t {
  kNone,     // not at all
  kLower,    // to the dtype of autocast: products
  kFloat32,  // to float32: losses, what sums many
  kWidest,   // to the widest of the inputs' dtypes: joins
};

// What the vjp reads of the call, beside shapes; all else is released once the op has run.
// Inputs are bits 0..., outputs bits 16...; the last bit of each stands for all that follow as
// well.
constexpr uint32_t reads_input(int i) { return 1u << std::min(i, 15); }
constexpr uint32_t reads_output(int i) { return 1u << (16 + std::min(i, 15)); }
enum Reads : uint32_t {
  kNothing = 0,
  kInput = 1u << 0,
  kOther = 1u << 1,
  kThird = 1u << 2,
  kInputs = 0xffff,
  kOutput = 1u << 16,
};

struct PointwiseRow;  // kernels of a pointwise op; see ops/pointwise/rows.h

struct Parameters;  // what a signature says; see tape/parameters.h

// A place for what is worked out of a row when first asked for. A copy of a row begins without.
struct WorkedOut {
  constexpr WorkedOut() = default;
  constexpr WorkedOut(const WorkedOut&) {}
  constexpr WorkedOut& operator=(const WorkedOut&) { return *this; }
  mutable std::atomic<const Parameters*> value{nullptr};
};

struct Op {
  const char* name;
  Cast autocast = Cast::kNone;
  bool mixed = false;  // input 0 may be a narrow float while others are float32
  // Python syntax; gives arguments, errors, __doc__ and stubs. See Note [signatures].
  Signature signature;
  uint32_t on = kMethod | kModule;
  const char* aliases = "";  // other names, with spaces between, in every form but functional
  // One paragraph: what it computes, shapes, dtypes, errors, source of the formula.
  const char* doc = "";

  Promote promote = Promote::kNone;
  bool contiguous = false;      // `run` is given contiguous inputs, by a copy where needed
  bool view = false;            // the output is the input's memory: `shape` gives strides, offset
  bool many = false;            // of a view: it is one of several, and not changed in place
  bool mutates = false;         // inputs are changed: the first, or those that `writes` names
  bool data_dependent = false;  // the output's shape depends on values
  bool shape_only = false;      // of the inputs it looks at shape and dtype, never at values
  bool draws = false;           // takes random numbers from a generator
  bool zeros = false;           // what it changes becomes zero
  // Users cannot call it, yet `shape` checks as much as if they did: a saved program may hold it.
  bool checked = false;
  bool any_dtype = false;  // `run` takes every dtype, narrow ones too; see Note [narrow]
  const PointwiseRow* pointwise = nullptr;  // its kernels, when shape and run are pointwise_*

  void (*shape)(Call& c) = nullptr;
  void (*run)(Call& c) = nullptr;
  void (*vjp)(Vjp& v) = nullptr;
  uint32_t reads = kNothing;
  // Whose gradients are why it reads the first inputs and its outputs, as bits of inputs; 0: those
  // of all. A product reads each factor for the other: {kOther, kInput}. What is read for gradients
  // that nobody wants is not kept.
  std::array<uint16_t, 4> read_for = {};
  uint16_t outputs_read_for = 0;
  // Which inputs a mutating op changes, if it is not input 0 and nothing else. If `shape` declares
  // no outputs, they are what the vjp knows as outputs, in order. If it does, they are state, such
  // as running means: no gradient flows into them.
  bool (*writes)(const Call& c, int i) = nullptr;
  // An op that is other ops: no shape, run or vjp, it calls them. For fused ops, `composed` is
  // the same function in small ops: its derivative where there is no vjp, and its test oracle.
  void (*composed)(Call& c) = nullptr;

  // The op that is this one and then, on tiles still in cache, a pointwise one of its result, which
  // may take another tensor as well. It finds that one and four numbers of it in its attributes.
  const Op* then_unary = nullptr;
  const Op* then_binary = nullptr;
  const Op* first = nullptr;  // of such an op: the one that it extends
  WorkedOut parameters = {};  // see parameters_of

  // The row with other names for it; see `aliases`.
  constexpr Op also(const char* names) const {
    Op op(*this);
    op.aliases = names;
    return op;
  }
  constexpr Op reading_for(const std::array<uint16_t, 4>& inputs, uint16_t outputs = 0) const {
    Op op(*this);
    op.read_for = inputs;
    op.outputs_read_for = outputs;
    return op;
  }
  // The row whose `run` takes elements of whatever dtype; see `any_dtype`.
  constexpr Op of_any_dtype() const {
    Op op(*this);
    op.any_dtype = true;
    return op;
  }
  // Whether the tape keeps input i, or output i, when gradients of the `wanted` inputs are.
  bool keeps_input(int i, uint32_t wanted) const {
    if (!(reads & reads_input(i))) return false;
    const uint32_t by = static_cast<size_t>(i) < read_for.size() ? read_for[i] : 0;
    return by == 0 || (by & wanted);
  }
  bool keeps_output(int i, uint32_t wanted) const {
    return (reads & reads_output(i)) && (outputs_read_for == 0 || (outputs_read_for & wanted));
  }
  bool is_composite() const { return !run && !view; }
};

// Shape, dtype and, for views, place of an output. Without strides it is contiguous.
struct OutputMeta {
  Dtype dtype;
  Dims shape;
  Dims strides;
  int64_t offset;
};

// One use of an op: its inputs, attributes, and outputs as they come to be.
class Call {
 public:
  explicit Call(const Op& op) : op_(&op) { begin(); }
  Call(const Op& op, const Attrs& a) : attrs(a), op_(&op) { begin(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    for (int i = 0; i < std::min(count_, kInline); ++i) std::destroy_at(inline_ + i);
    if (out != near_out_) [[unlikely]]
      delete[] out;
  }

  const Op& op() const { return *op_; }
  // For `shape`: hands the call on to a row that reads and runs alike, for values that are rare.
  void become(const Op& other) { op_ = &other; }

  void add_input(Operand x) {
    if (!x.is_tensor()) unusual_ |= x.is_scalar() ? number_bit(count_) : none_bit(count_);
    if (count_ < kInline) {
      inline_[count_++] = std::move(x);
    } else {
      if (more_.empty()) more_.reserve(16);
      more_.push_back(std::move(x));
      ++count_;
    }
  }
  int inputs() const { return count_; }
  // Whether there are as many as the signature has, None and numbers only where it says so.
  bool fits() const {
    return (unusual_ & op_->signature.refused()) == 0 && count_ >= op_->signature.least();
  }
  Operand& input(int i) { return i < kInline ? inline_[i] : more_[i - kInline]; }
  const Operand& input(int i) const { return i < kInline ? inline_[i] : more_[i - kInline]; }
  const Tensor& in(int i) const { return input(i).tensor(); }
  bool has(int i) const { return i < inputs() && !input(i).is_none(); }
  // Whether the op, which mutates, changes input i.
  bool writes(int i) const {
    return input(i).is_tensor() && (op_->writes ? op_->writes(*this, i) : i == 0);
  }
  Dtype common = Dtype::kFloat32;  // the dtype that promotion found
  // The call that this one computes on wider elements; see Note [narrow].
  const Call* narrow = nullptr;

  Attrs attrs;

  // For `shape`: declares the next output, contiguous or with dense strides.
  void output(Dtype dtype, const Dims& shape) { meta.add(dtype, shape, Dims(), int64_t{0}); }
  void output(Dtype dtype, const Dims& shape, const Dims& strides) {
    meta.add(dtype, shape, strides, int64_t{0});
  }
  void output_view(const Dims& shape, const Dims& strides, int64_t offset) {
    output_view(in(0).dtype(), shape, strides, offset);
  }
  // The same bytes as another dtype, whose elements `offset` counts.
  void output_view(Dtype dtype, const Dims& shape, const Dims& strides, int64_t offset) {
    meta.add(dtype, shape, strides, offset);
  }
  int outputs() const { return meta.size(); }
  Few<OutputMeta, 4> meta;
  // One for each output; for an op in place the first is input 0. Made before `run`.
  Tensor* out = near_out_;
  void make_room() {
    if (outputs() <= kNearOut) [[likely]]
      return;
    out = new Tensor[static_cast<size_t>(outputs())];
  }

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
  Operand& original(int i) { return const_cast<Operand&>(std::as_const(*this).original(i)); }

 private:
  static constexpr int kInline = 6, kNearOut = 4;
  const Op* op_;
  int count_ = 0;
  uint32_t unusual_ = 0;  // none_bit, number_bit
  // Those that are not there are none, which is all zeros: fewer instructions than a constructor.
  void begin() { std::memset(static_cast<void*>(inline_), 0, sizeof inline_); }
  union {
    Operand inline_[kInline];
  };
  List<Operand> more_;
  Tensor near_out_[kNearOut];
  List<std::pair<int, Operand>> replaced_;
};

}  // namespace wengert
