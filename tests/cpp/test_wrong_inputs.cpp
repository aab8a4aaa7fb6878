// Every row of the registry, applied to inputs that do not fit it: undefined tensors, numbers, too
// few, every dtype, several shapes. Each call ends in a result or in an Error. With WENGERT_TRACE
// in the environment it says which row it is at.
#include <wengert/ops/registry.h>
#include <wengert/tape/parameters.h>

#include <cstdlib>
#include <tuple>
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

// ---- every function of ops.h, by what it takes

template <class T>
T plain() {
  if constexpr (std::is_same_v<T, Ints>) {
    static constexpr int64_t kOne[] = {0};
    return Ints(kOne, 1);
  } else if constexpr (std::is_same_v<T, Dims>) {
    return {2, 3};
  } else if constexpr (std::is_same_v<T, Dtype>) {
    return Dtype::kFloat32;
  } else if constexpr (std::is_same_v<T, Scalar>) {
    return 1;
  } else {
    return T{};
  }
}
template <class T>
constexpr bool takes_tensor =
    std::is_same_v<T, Tensor> || std::is_same_v<T, Operand> || std::is_same_v<T, Tensors>;

// The message of a call whose argument `at` is undefined; all other tensors are there.
template <class R, class... A, size_t... I>
std::string said(R (*f)(A...), size_t at, std::index_sequence<I...>) {
  const Tensor given = counted({2, 3}, Dtype::kFloat32), none;
  std::tuple<std::remove_cvref_t<A>...> arguments([&] {
    using T = std::remove_cvref_t<A>;
    const Tensor& x = I == at ? none : given;
    if constexpr (std::is_same_v<T, Tensors>) {
      return Tensors(std::span(&x, 1));
    } else if constexpr (takes_tensor<T>) {
      return T(x);
    } else {
      return plain<T>();
    }
  }()...);
  try {
    f(static_cast<A>(std::get<I>(arguments))...);
    return "";
  } catch (const Error& e) {
    return e.what();
  }
}

// The first tensor is never left out; another may be, or the error says which it was.
template <class R, class... A>
void function(const char* name, R (*f)(A...)) {
  constexpr bool tensors[] = {takes_tensor<std::remove_cvref_t<A>>...};
  bool first = true;
  for (size_t i = 0; i < sizeof...(A); ++i) {
    if (!tensors[i]) continue;
    const std::string message = said(f, i, std::index_sequence_for<A...>());
    std::string op = name;  // rows in place have the name of the others
    if (op.ends_with('_') && !message.starts_with(op)) op.pop_back();
    const bool named = message.starts_with(op + ": ") &&
                       (message.find("argument '") != message.npos) &&
                       message.find("None") != message.npos;
    if (first && !named)
      std::fprintf(stderr, "%s, argument %d: '%s'\n", name, int(i), message.c_str());
    CHECK(named || !first);
    CHECK(message.find("the tensor is undefined") == message.npos);
    first = false;
  }
}

void functions() {
#define FUNCTION(name, ...) function(#name, static_cast<__VA_ARGS__>(&wengert::name));
#include "functions.h"
#undef FUNCTION
}

// What is asked of a handle itself.
void handles() {
  const Tensor x;
  CHECK(!x.defined());
  CHECK_THROWS(x.dtype(), kType, "dtype: the tensor is undefined");
  CHECK_THROWS(x.shape(), kType, "shape: the tensor is undefined");
  CHECK_THROWS(x.strides(), kType, "strides: the tensor is undefined");
  CHECK_THROWS(x.ndim(), kType, "ndim: the tensor is undefined");
  CHECK_THROWS(x.size(0), kType, "size: the tensor is undefined");
  CHECK_THROWS(x.numel(), kType, "numel: the tensor is undefined");
  CHECK_THROWS(x.bytes(), kType, "the tensor is undefined");
  CHECK_THROWS(x.is_contiguous(), kType, "is_contiguous: the tensor is undefined");
  CHECK_THROWS(x.data(), kType, "data: the tensor is undefined");
  CHECK_THROWS(x.data_as<float>(), kType, "data: the tensor is undefined");
  CHECK_THROWS(x.requires_grad(), kType, "requires_grad: the tensor is undefined");
  CHECK_THROWS(x.is_leaf(), kType, "is_leaf: the tensor is undefined");
  CHECK_THROWS(x.grad(), kType, "grad: the tensor is undefined");
  CHECK_THROWS(x.has_grad(), kType, "has_grad: the tensor is undefined");
  CHECK_THROWS(x.set_grad({}), kType, "set_grad: the tensor is undefined");
  CHECK_THROWS(Tensor().set_requires_grad(true), kType, "set_requires_grad: the tensor");
  CHECK_THROWS(x.alias(), kType, "the tensor is undefined");
  CHECK_THROWS(x.detach(), kType, "detach: the tensor is undefined");
  CHECK_THROWS(x.item(), kType, "item: the tensor is undefined");
  CHECK_THROWS(x.sum(), kType, "sum: argument 'input'");
  CHECK_THROWS(x[0], kType, "get_item: argument 'input'");
  CHECK_THROWS(x.set_item(0, 1), kType, "set_item: argument 'input'");
  CHECK_THROWS(ones({2})[Tensor()], kType, "get_item: argument 'key'");
  CHECK_THROWS(ones({2}).set_item(0, Tensor()), kType, "set_item: argument 'value'");
  CHECK_THROWS(x.backward(), kType, "backward: argument 'tensors'");
  CHECK_THROWS(backward(x), kType, "backward: argument 'tensors'");
  CHECK_THROWS(grad({ones({})}, {x}), kType, "grad: argument 'inputs'");
  CHECK_THROWS(to_string(x), kType, "to_string: argument");
  CHECK_THROWS(to_vector<float>(x), kType, "to: argument");
  CHECK_THROWS(zero_grad({&x, 1}), kType, "zero_grad: argument");
  CHECK_THROWS(x.shares_memory(ones({1})), kType, "shares_memory: the tensor is undefined");
  CHECK_THROWS(ones({1}).shares_memory(x), kType, "shares_memory: the tensor is undefined");
  CHECK_THROWS(hooks_of(x), kType, "hooks_of: argument");
  CHECK_THROWS(remove_hook(x, 0), kType, "remove_hook: argument");
  CHECK_THROWS(retain_grad(x), kType, "retain_grad: argument");
  CHECK_THROWS(clip_grad_norm({&x, 1}, 1), kType, "element 0 in argument 'tensors'");
  CHECK_THROWS(capture([](const Tensor& a) { return a + 1; })(x), kType, "add: argument 'input'");
  CHECK_THROWS(nn::Linear(1, 1)(x), kType, "linear: argument 'input'");
  CHECK_THROWS(optim::SGD({x}), kRuntime, "undefined");
}

void tests() {
  functions();
  handles();
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
