// Every row of the registry, applied to inputs that do not fit it: undefined tensors, numbers, too
// few, every dtype, several shapes. Each call ends in a result or in an Error. With WENGERT_TRACE
// in the environment it says which row it is at.
#include <wengert/ops/registry.h>
#include <wengert/tape/parameters.h>

#include <cstdlib>
#include <vector>

#include "check.h"

using namespace wengert;

namespace {

Tensor counted(const Dims& shape, Dtype dtype) {
  const Tensor t = Tensor::empty(shape, dtype);
  dispatch(dtype, [&](auto zero) {
    for (int64_t i = 0; i < t.numel(); ++i)
      t.data_as<decltype(zero)>()[i] = static_cast<decltype(zero)>(i % 3);
  });
  return t;
}

// The defaults, and what is plain where there is none.
Attrs attributes(const Parameters& parameters) {
  Attrs out;
  int i = -1;
  for (const Param& p : parameters.params) {
    if (p.is_input()) continue;
    ++i;
    if (p.has_default()) {
      out.add_from(parameters.defaults, i);
    } else if (p.optional || p.kind == ParamKind::kGenerator || p.kind == ParamKind::kOp) {
      out.add(nullptr);
    } else if (p.kind == ParamKind::kInts) {
      out.add(Dims{0});
    } else if (p.kind == ParamKind::kFloat) {
      out.add(0.5);
    } else if (p.kind == ParamKind::kBool) {
      out.add(false);
    } else if (p.kind == ParamKind::kDtype) {
      out.add(Dtype::kFloat32);
    } else {
      out.add(int64_t{0});
    }
  }
  return out;
}

int inputs_of(const Parameters& parameters) {
  int n = 0;
  for (const Param& p : parameters.params)
    n += p.is_input() ? 1 + (p.kind == ParamKind::kTensors) : 0;
  return n;
}

int calls = 0;

// Whether there was no Error.
bool try_it(const Op& op, const Attrs& attrs, const std::vector<Operand>& inputs,
            void (*how)(Call&)) {
  ++calls;
  try {
    Call c(op, attrs);
    for (const Operand& x : inputs) c.add_input(x);
    how(c);
    return true;
  } catch (const Error&) {
    return false;
  }
}

void of(const Op& op) {
  if (std::getenv("WENGERT_TRACE")) std::fprintf(stderr, "%s\n", op.name);
  const Parameters& parameters = parameters_of(op);
  const Attrs attrs = attributes(parameters);
  const int n = inputs_of(parameters);
  const auto filled = [&](const Dims& shape, Dtype dtype) {
    std::vector<Operand> inputs;
    for (int i = 0; i < n; ++i) inputs.emplace_back(counted(shape, dtype));
    return inputs;
  };
  const auto both = [&](const std::vector<Operand>& inputs) {
    const bool done = try_it(op, attrs, inputs, apply);
    if (op.on & kInplace) try_it(op, attrs, inputs, apply_inplace);
    return done;
  };

  if (op.signature.least() > 0) {
    CHECK(!try_it(op, attrs, {}, apply));
    CHECK(!try_it(op, attrs, std::vector<Operand>(static_cast<size_t>(n)), apply));
    Call undefined(op, attrs);
    undefined.add_input(Tensor());
    CHECK_THROWS(apply(undefined), kType, op.name);
  }
  try_it(op, attrs, {}, apply_inplace);
  try_it(op, attrs, {Operand(2), Operand(3)}, apply_inplace);
  const Dtype dtypes[] = {Dtype::kBool,  Dtype::kUInt8,   Dtype::kInt32,
                          Dtype::kInt64, Dtype::kFloat32, Dtype::kFloat64};
  const Dims shapes[] = {{}, {0}, {3}, {2, 3}, {3, 3}, {2, 3, 4}, {1, 1, 1, 1, 1, 1, 1}};
  for (const Dims& shape : shapes)
    for (const Dtype dtype : dtypes) both(filled(shape, dtype));
  for (int i = 0; i < n; ++i) {
    for (const Dtype of_all : {Dtype::kFloat32, Dtype::kInt64}) {
      std::vector<Operand> inputs = filled({2, 3}, of_all);
      const auto with = [&](const Operand& x) {
        inputs[static_cast<size_t>(i)] = x;
        return both(inputs);
      };
      with(Operand());
      with(2);
      with(0.5);
      for (const Dims& shape : shapes)
        for (const Dtype dtype : dtypes) with(counted(shape, dtype));
    }
  }
}

void tests() {
  for (const Op* op : all_ops()) of(*op);
  CHECK(calls > 10000);
  const Tensor x = counted({2, 3}, Dtype::kFloat32);
  CHECK_THROWS(matmul(x, Tensor()), kType, "matmul: argument 'other' must be Tensor, not None");
  CHECK_THROWS(matmul(Tensor(), x), kType, "matmul: argument 'input' must be Tensor, not None");
  CHECK_THROWS(mul(x, Operand()), kType,
               "mul: argument 'other' must be Tensor or Number, not None");
  const std::vector<Tensor> holed{x, Tensor()};
  CHECK_THROWS(cat(holed), kType,
               "cat: expected Tensor as element 1 in argument 'tensors', but got None");
  CHECK_THROWS(stack(holed), kType, "expected Tensor as element 1");
}

}  // namespace

int main() { return run(tests); }
