// Tensors, a few operations, printing, errors, threads.
#include <cmath>
#include <limits>

#include "check.h"

using namespace wengert;

namespace {

void operations() {
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(value(sum(x)) == 21);
  CHECK(value(sum(x * 2.0 + 1)) == 48);
  CHECK(value(sum(-x / x)) == -6);
  CHECK((matmul(x, transpose(x, 0, 1)).shape() == Dims{2, 2}));
  CHECK(value(select(select(matmul(x, transpose(x, 0, 1)), 0, 1), 0, 1)) == 77);
  CHECK((cat(std::vector<Tensor>{x, x}, 0).shape() == Dims{4, 3}));
  CHECK(argmax(x).item().integer() == 5);
  CHECK((x + tensor<double>({1, 1, 1}, {3})).dtype() == Dtype::kFloat64);
}

void printing() {
  CHECK(to_string(tensor<float>({1, 2, 3, 4}, {2, 2})) == "tensor([[1., 2.],\n        [3., 4.]])");
  CHECK(to_string(transpose(tensor<float>({1.5f, 2, -3, 4}, {2, 2}), 0, 1)) ==
        "tensor([[ 1.5000, -3.0000],\n        [ 2.0000,  4.0000]])");
  CHECK(to_string(tensor<double>({1e-6, 1, std::numeric_limits<double>::quiet_NaN()}, {3})) ==
        "tensor([1.0000e-06, 1.0000e+00,        nan], dtype=wengert.float64)");
  CHECK(to_string(Tensor::empty({0, 3}, Dtype::kFloat32), ", requires_grad=True") ==
        "tensor([], size=(0, 3), requires_grad=True)");
  CHECK(to_string(tensor<int64_t>({7}, {})) == "tensor(7)");
}

void errors() {
  const Tensor x = ones({2, 3});
  CHECK_THROWS(matmul(x, x), kRuntime, "inner dimensions differ");
  CHECK_THROWS(reshape(x, Dims{4}), kRuntime, "invalid for input of size 6");
  CHECK_THROWS(sum(x, Dims{2}), kIndex, "range");
  CHECK_THROWS(backward(sum(x)), kRuntime, "grad");
  CHECK_THROWS(tensor<float>({1, 2}, {3}), kRuntime, "tensor");
  CHECK_THROWS(nn::Dropout(2), kValue, "probability");
  CHECK_THROWS(optim::SGD(nn::Linear(1, 1).parameters(), {.lr = -1}), kValue,
               "SGD: invalid learning rate: -1");
  CHECK_THROWS(optim::Adam({ones({1})}, {.beta2 = 1}), kValue, "Adam: invalid beta2");
  CHECK_THROWS(optim::RMSprop({ones({1})}, {.alpha = std::nan("")}), kValue,
               "RMSprop: invalid alpha");
  CHECK_THROWS(optim::Adadelta({ones({1})}, {.rho = 1.5}), kValue, "Adadelta: invalid rho");
  CHECK_THROWS(optim::Rprop({ones({1})}, {.eta1 = 1}), kValue, "Rprop: invalid etas");
  CHECK_THROWS(set_num_threads(0), kRuntime, "threads");
}

void threads() {
  manual_seed(1);
  const Tensor x = randn({300, 400}), w = randn({400, 500});
  set_num_threads(1);
  const Tensor one = exp(matmul(x, w) * 0.01);
  set_num_threads(3);
  const Tensor three = exp(matmul(x, w) * 0.01);
  CHECK(all(eq(one, three)).item().integer() == 1);
  set_num_threads(default_num_threads());
}

// A linear layer and its activation in one pass give the bits of one after the other.
void fused_activation() {
  struct Case {
    const char* name;
    double p[4];
  };
  const Case cases[] = {{"relu", {}}, {"tanh", {}}, {"silu", {}}, {"leaky_relu", {0.1}}};
  const int64_t sizes[][3] = {{1, 5, 3},       {7, 33, 1},   {32, 4, 64},  {33, 300, 50},
                              {300, 500, 310}, {6, 300, 50}, {90, 1500, 4}};
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64})
    for (const auto& [m, k, n] : sizes)
      for (const Case& f : cases) {
        const Tensor x = randn({m, k}, dtype), w = randn({n, k}, dtype), b = randn({n}, dtype);
        const Tensor z = linear(x, w, b);
        const Op* op = find_op(f.name);
        const Tensor y = apply(*op, {z}, *f.p == 0 ? Attrs() : Attrs(*f.p));
        CHECK(all(eq(z, add(linear(x, w), b))).item().integer() == 1);
        for (const bool keep : {false, true}) {
          Call c(*find_op("linear_activation"), Attrs(op, f.p[0], f.p[1], f.p[2], f.p[3], keep));
          for (const Tensor& t : {x, w, b}) c.add_input(t);
          apply(c);
          CHECK(all(eq(c.out[0], y)).item().integer() == 1);
          if (keep) CHECK(all(eq(c.out[1], z)).item().integer() == 1);
        }
      }
  Call c(*find_op("linear_activation"), Attrs(int64_t{64}, 0.0, 0.0, 0.0, 0.0, false));
  for (int i = 0; i < 2; ++i) c.add_input(ones({3, 3}));
  CHECK_THROWS(apply(c), kRuntime, "must be an operation");
}

// The same of a product and an activation's backward.
void fused_backward() {
  struct Case {
    const char* name;
    double p[4];
  };
  const Case cases[] = {
      {"relu_backward", {}}, {"tanh_backward", {}}, {"leaky_relu_backward", {0.1}}, {"mul", {}}};
  const int64_t sizes[][3] = {{1, 5, 3}, {7, 33, 1}, {33, 300, 50}, {300, 500, 310}, {90, 1500, 4}};
  for (const Dtype dtype : {Dtype::kFloat32, Dtype::kFloat64})
    for (const auto& [m, k, n] : sizes)
      for (const bool turned : {false, true})
        for (const Case& f : cases) {
          const Tensor x = randn({m, k}, dtype), other = randn({m, n}, dtype);
          const Tensor y = turned ? t(randn({n, k}, dtype)) : randn({k, n}, dtype);
          const Op* op = find_op(f.name);
          const Attrs numbers = *f.p == 0 ? Attrs() : Attrs(*f.p);
          const Tensor expected = apply(*op, {matmul(x, y), other}, numbers);
          for (const Tensor& given : {other, t(contiguous(t(other)))}) {
            Call c(*find_op("mm_pointwise"), Attrs(op, f.p[0], f.p[1], f.p[2], f.p[3]));
            for (const Tensor& in : {x, y, given}) c.add_input(in);
            apply(c);
            CHECK(all(eq(c.out[0], expected)).item().integer() == 1);
          }
        }
  const auto refused = [](const Op* op, const Dims& other, const char* words) {
    Call c(*find_op("mm_pointwise"), Attrs(op, 0.0, 0.0, 0.0, 0.0));
    for (int i = 0; i < 2; ++i) c.add_input(ones({3, 3}));
    c.add_input(ones(other));
    CHECK_THROWS(apply(c), kRuntime, words);
  };
  refused(find_op("mul"), {3, 2}, "must have the product's shape");
  refused(find_op("relu"), {3, 3}, "a pointwise op of two");
}

std::string warned;

void warnings() {
  const WarningHandler before = set_warning_handler([](const std::string& s) { warned += s; });
  const Tensor x = ones({3});
  CHECK(mse_loss(x, x).item().real() == 0 && warned.empty());
  CHECK(mse_loss(x, ones({3, 1})).item().real() == 0);
  CHECK(warned.starts_with("Using a target size (3, 1) that is different to the input size (3,)"));
  warned.clear();
  const NoWarnings silent;
  mse_loss(x, ones({3, 1}));
  CHECK(warned.empty());
  set_warning_handler(before);
}

void warnings_that_throw() {
  const WarningHandler before =
      set_warning_handler([](const std::string& s) { fail(ErrorKind::kValue, s); });
  CHECK_THROWS(wengert::std(ones({1}), {}, 1, false), kValue, "degrees of freedom");
  set_warning_handler(before);
}

}  // namespace

int main() {
  return run([] {
    operations();
    printing();
    errors();
    warnings();
    warnings_that_throw();
    threads();
    fused_activation();
    fused_backward();
  });
}
