// Whether a script is one that `apply` could have recorded. See Note [program files].
#include <algorithm>

#include "wengert/base/warning.h"
#include "wengert/kernels/core/pointwise.h"
#include "wengert/program/file/script.h"
#include "wengert/tape/parameters.h"

namespace wengert {
namespace {

using Slot = Script::Slot;
using Piece = Script::Piece;
using Operand = Script::Operand;
using Step = Script::Step;

// What all steps of one run may read and write in all: a terabyte, minutes of work.
constexpr int64_t kMostBytes = int64_t{1} << 40;

// While a shape is asked for, no op may run: there is nothing behind the tensors it is asked with.
class NoRun final : public Watch {
 public:
  NoRun() : Watch(UINT32_MAX), before_(set_watch(this)) { start(); }
  ~NoRun() override {
    stop();
    set_watch(before_);
  }
  void before(const Call&, Writes) override { refuse(); }
  void after(const Call&, Writes) override {}
  void value_leaves(const char*) override { refuse(); }
  void grad_used(TensorImpl&, GradAccess) override { refuse(); }
  void storage_gone(uint32_t) override {}

 private:
  [[noreturn]] static void refuse() {
    fail(ErrorKind::kRuntime, "its inputs are not as the operation takes them");
  }
  Watch* before_;
};

void keep_memory(void*) {}

void check_attribute(const Param& p, const Attrs& a, int i) {
  using Is = Attrs::Kind;
  const Is is = a.kind(i);
  const bool number = is == Is::kInt || is == Is::kFloat || is == Is::kBool;
  bool fits = is == Is::kNone && p.optional;
  switch (p.kind) {
    case ParamKind::kNumber:
      fits |= number;
      break;
    case ParamKind::kFloat:
      fits |= is == Is::kFloat || is == Is::kInt;
      break;
    case ParamKind::kInt:
      fits |= is == Is::kInt;
      break;
    case ParamKind::kInts:
      fits |= is == Is::kInts || is == Is::kInt;
      break;
    case ParamKind::kFloats:
      fits |= is == Is::kInts || is == Is::kFloat;
      break;
    case ParamKind::kBool:
      fits |= is == Is::kBool;
      break;
    case ParamKind::kDtype:
      fits |= is == Is::kDtype;
      break;
    case ParamKind::kChoice:
      fits |= is == Is::kInt && a.integer(i) >= 0 && a.integer(i) < std::ssize(p.choices);
      break;
    case ParamKind::kGenerator:
      fits |= is == Is::kGenerator;
      break;
    case ParamKind::kOp:
      fits |= is == Is::kOp;
      break;
    default:
      break;
  }
  check(fits, "attribute ", i, " is not of the kind it must be");
}

bool fits(const Param& p, const Operand& o) {
  if (o.kind == Argument::Kind::kPiece) return true;
  return o.kind == Argument::Kind::kNumber ? p.kind == ParamKind::kOperand : p.optional;
}

// As many inputs and attributes as the op's signature has, each of its kind. Optional tensors at
// the end may be left out.
void check_arguments(const Step& s) {
  size_t input = 0;
  int attribute = 0;
  for (const Param& p : parameters_of(*s.op).params) {
    if (!p.is_input()) {
      check(attribute < s.attrs.count(), "attributes are missing");
      check_attribute(p, s.attrs, attribute++);
      continue;
    }
    const size_t end = p.kind == ParamKind::kTensors ? s.inputs.size() : input + 1;
    check(end <= s.inputs.size() || p.optional, "inputs are missing");
    for (; input < std::min(end, s.inputs.size()); ++input)
      check(fits(p, s.inputs[input]), "input ", static_cast<uint64_t>(input),
            " is not of the kind it must be");
  }
  check(attribute == s.attrs.count() && input == s.inputs.size(), "too many arguments");
}

bool same(const Piece& a, const Piece& b) {
  return a.slot == b.slot && a.offset == b.offset && a.shape == b.shape && a.strides == b.strides;
}

class Checker {
 public:
  explicit Checker(Script& script) : script_(script), ready_(script.slots.size()) {}

  void inputs() {
    for (size_t i = 1; i < script_.slots.size(); ++i) {
      const Slot& s = script_.slots[i];
      check(s.count <= kMostBytes / item_size(s.dtype), "slot ", static_cast<uint64_t>(i),
            " is too large");
      touch(s.bytes());
      ready_[i] = s.kind == Slot::Kind::kTensor;
    }
    for (size_t i = 0; i < script_.inputs.size(); ++i) {
      const Piece& p = script_.inputs[i];
      const Slot& s = slot(p.slot);
      check(
          s.kind == Slot::Kind::kInput && !ready_[p.slot] && p.offset == 0 && extent(p) == s.count,
          "argument ", static_cast<uint64_t>(i), " is not memory of its own");
      ready_[p.slot] = 1;
    }
    for (size_t i = 1; i < script_.slots.size(); ++i)
      check(ready_[i] || script_.slots[i].kind == Slot::Kind::kMade, "slot ",
            static_cast<uint64_t>(i), " is no argument");
    for (const auto& [to, from] : script_.resets) {
      const Slot &t = slot(to), &f = slot(from);
      check(t.kind == Slot::Kind::kMade && !ready_[to] && f.kind == Slot::Kind::kTensor &&
                t.dtype == f.dtype && t.count == f.count,
            "slot ", uint64_t{to}, " cannot begin as slot ", uint64_t{from});
      ready_[to] = 1;
    }
  }

  void step(Step& s) {
    check_arguments(s);
    Call call(*s.op, s.attrs);
    for (const Operand& o : s.inputs) call.add_input(operand(o));
    call.common = s.common;
    check_inputs(s, call);
    ask_shape(s, call);
    s.attrs = call.attrs;
    s.written.assign(s.inputs.size(), 0);
    if (s.op->mutates) {
      mutated(s, call);
    } else if (s.writes == Writes::kSelf) {
      itself(s, call);
    } else {
      check(s.writes == Writes::kOutputs, "it cannot write to its input");
      made(s, call);
    }
  }

  void results() {
    for (const Operand& o : script_.results) {
      check(o.kind != Argument::Kind::kNumber, "a result that is no tensor");
      if (o.kind == Argument::Kind::kPiece) use(o.piece);
    }
  }

 private:
  const Slot& slot(uint32_t i) const {
    check(i > 0 && i < script_.slots.size(), "there is no slot ", uint64_t{i});
    return script_.slots[i];
  }
  Dtype dtype(const Piece& p) const { return script_.slots[p.slot].dtype; }

  void touch(int64_t bytes) {
    bytes_ += bytes;  // of terms that are at most kMostBytes each
    check(bytes_ <= kMostBytes, "a run would touch more than ", kMostBytes, " bytes");
  }

  // Elements of memory from the first to the last of the piece.
  static int64_t extent(const Piece& p) {
    int64_t last = 1;
    bool ok = p.strides.size() == p.shape.size();
    for (int d = 0; ok && d < p.shape.size(); ++d) {
      if (p.shape[d] == 0) last = 0;
      int64_t step = 0;
      ok = p.strides[d] >= 0;
      if (!ok || p.shape[d] == 0 || last == 0) continue;
      ok = !__builtin_mul_overflow(p.shape[d] - 1, p.strides[d], &step) &&
           !__builtin_add_overflow(last, step, &last);
    }
    check(ok, "the strides ", p.strides, " do not fit the shape ", p.shape);
    return last;
  }

  // The piece lies within its slot.
  void place(const Piece& p) {
    const int64_t n = extent(p), count = slot(p.slot).count;
    check(n <= count && p.offset <= count - n, "a tensor of shape ", p.shape, ", strides ",
          p.strides, " and offset ", p.offset, " is not within slot ", uint64_t{p.slot});
    int64_t elements = 1;  // an empty tensor may have loops over its other dimensions
    for (int64_t n : p.shape) elements *= std::max<int64_t>(n, 1);
    check(elements <= kMostBytes / item_size(dtype(p)), "a tensor of shape ", p.shape,
          " is too large");
    touch(elements * item_size(dtype(p)));
  }
  // And it has been written.
  void use(const Piece& p) {
    place(p);
    check(ready_[p.slot], "slot ", uint64_t{p.slot}, " is read before it is written");
  }

  Tensor placeholder(const Piece& p) const {
    const Slot& s = script_.slots[p.slot];
    Ref<Storage> nothing =
        new Storage(nullptr, static_cast<size_t>(s.bytes()), nullptr, keep_memory, true);
    return Tensor(new TensorImpl(std::move(nothing), p.offset, s.dtype, p.shape, p.strides));
  }
  wengert::Operand operand(const Operand& o) {
    if (o.kind == Argument::Kind::kNumber) return o.number;
    if (o.kind == Argument::Kind::kNone) return {};
    use(o.piece);
    return placeholder(o.piece);
  }

  // What `apply` makes of the inputs before a run: one dtype, contiguous.
  void check_inputs(const Step& s, const Call& call) const {
    const Op& op = *s.op;
    const bool mask =
        op.promote == Promote::kNotFirst || (op.pointwise && op.pointwise->mask_first);
    const bool common = op.promote != Promote::kNone || op.pointwise;
    for (int i = 0; i < call.inputs(); ++i) {
      if (!call.input(i).is_tensor()) continue;
      const Dtype want = mask && i == 0 ? Dtype::kBool : s.common;
      check(!common || call.in(i).dtype() == want, "input ", i, " has dtype ", call.in(i).dtype(),
            ", not ", want);
      check(!op.contiguous || call.in(i).is_contiguous(), "input ", i, " is not contiguous");
    }
    check(op.promote != Promote::kFloat || is_floating(s.common), "its dtype must be floating");
  }

  static void ask_shape(const Step& s, Call& call) {
    if (!s.op->shape) return;
    std::vector<const TensorImpl*> given;
    for (int i = 0; i < call.inputs(); ++i) given.push_back(call.input(i).tensor().impl());
    const GradMode off(false);
    const NoRun watch;
    const NoWarnings silent;
    s.op->shape(call);
    bool same = call.common == s.common && call.inputs() == static_cast<int>(given.size()) &&
                call.attrs.count() == s.attrs.count();
    for (int i = 0; same && i < call.inputs(); ++i)
      same = call.input(i).tensor().impl() == given[static_cast<size_t>(i)];
    check(same, "its inputs are not as the operation takes them");
  }

  void write(const Piece& p) const {
    const Slot::Kind kind = script_.slots[p.slot].kind;
    check(kind != Slot::Kind::kTensor, "it writes to a constant");
    for (int d = 0; d < p.shape.size(); ++d)
      check(p.strides[d] != 0 || p.shape[d] <= 1 || numel(p.shape) <= 1,
            "it writes to one place more than once");
  }

  // A step that changes inputs of its own choice.
  void mutated(Step& s, const Call& call) {
    check(s.writes == Writes::kInputs, "it must change its input");
    for (int i = 0; i < call.inputs(); ++i) {
      if (!call.writes(i)) continue;
      write(s.inputs[static_cast<size_t>(i)].piece);
      s.written[static_cast<size_t>(i)] = 1;
    }
    made(s, call);
  }

  void outputs(const Step& s, const Call& call) {
    check(static_cast<int>(s.outputs.size()) == call.outputs(), "it must have ", call.outputs(),
          " outputs");
    for (size_t i = 0; i < s.outputs.size(); ++i) {
      const Piece& p = s.outputs[i];
      place(p);
      const OutputMeta& m = call.meta[static_cast<int>(i)];
      check(p.shape == m.shape && dtype(p) == m.dtype, "output ", static_cast<uint64_t>(i),
            " must be ", m.dtype, ' ', m.shape, ", not ", dtype(p), ' ', p.shape);
    }
  }

  // A pointwise step that puts its output in place of its first input.
  void itself(const Step& s, const Call& call) {
    check(s.op->pointwise, "it cannot write to its input");
    outputs(s, call);
    const Piece& p = s.outputs[0];
    use(p);
    write(p);
    for (const Operand& o : s.inputs)
      check(o.kind != Argument::Kind::kPiece || o.piece.slot != p.slot || same(o.piece, p),
            "it reads what it writes");
  }

  // A step whose outputs are memory of their own, all of it, not seen before.
  void made(const Step& s, const Call& call) {
    outputs(s, call);
    for (size_t i = 0; i < s.outputs.size(); ++i) {
      const Piece& p = s.outputs[i];
      const Slot& to = script_.slots[p.slot];
      const Dims& strides = call.meta[static_cast<int>(i)].strides;
      check(to.kind == Slot::Kind::kMade && !ready_[p.slot] && p.offset == 0 &&
                p.strides == (strides.empty() ? contiguous_strides(p.shape) : strides) &&
                numel(p.shape) == to.count,
            "slot ", uint64_t{p.slot}, " is not memory that this step alone makes");
      ready_[p.slot] = 1;
    }
  }

  Script& script_;
  std::vector<char> ready_;  // by slot: it has been written
  int64_t bytes_ = 0;
};

}  // namespace

void Script::check() {
  Checker checker(*this);
  checker.inputs();
  for (size_t i = 0; i < steps.size(); ++i) {
    try {
      checker.step(steps[i]);
    } catch (const Error& e) {
      fail(ErrorKind::kRuntime, "step ", static_cast<uint64_t>(i), " (", steps[i].op->name,
           "): ", e.what());
    }
  }
  checker.results();
}

}  // namespace wengert
