// What one writes without looking it up: lists in braces, operators, brackets, methods.
#include <array>
#include <cmath>
#include <sstream>
#include <type_traits>

#include "check.h"

using namespace wengert;

namespace {

bool is(const Tensor& found, const Tensor& expected) {
  return found.dtype() == expected.dtype() && found.shape() == expected.shape() &&
         (found == expected).all().item<bool>();
}
Tensor counting(const Dims& shape) {
  return arange(0, static_cast<double>(numel(shape)), 1, Dtype::kFloat32).reshape(shape);
}

void lists() {
  const Tensor a = counting({2, 3}), b = a * 10;
  CHECK((reshape(a, {3, 2}).shape() == Dims{3, 2}));
  CHECK((reshape(a, {-1}).shape() == Dims{6}));
  CHECK((cat({a, b}).shape() == Dims{4, 3}));
  CHECK((cat({a, b}, 1).shape() == Dims{2, 6}));
  CHECK((stack({a, a}, 0).shape() == Dims{2, 2, 3}));
  CHECK(is(sum(a, {0}), tensor<float>({3, 5, 7})));
  CHECK(is(sum(a, 0), sum(a, {0})) && is(a.sum({0, 1}), a.sum()));
  CHECK(is(mean(a, {1}, true), tensor<float>({1, 4}, {2, 1})));
  CHECK(is(permute(a, {1, 0}), a.t()));
  CHECK((squeeze(ones({1, 2, 1}), {0}).shape() == Dims{2, 1}));
  CHECK((expand(ones({1, 3}), {2, -1}).shape() == Dims{2, 3}));
  CHECK((squeeze(ones({1, 2, 1})).shape() == Dims{2}));
  const std::array<int64_t, 2> sizes{3, 2};
  CHECK((reshape(a, sizes).shape() == Dims{3, 2}));
  CHECK((reshape(a, std::vector<int64_t>{6}).shape() == Dims{6}));
  CHECK((cat(std::vector<Tensor>{a, b}).shape() == Dims{4, 3}));
  CHECK((cat(std::array{a, b}).shape() == Dims{4, 3}));
  static_assert(!std::is_convertible_v<bool, Ints> && !std::is_convertible_v<double, Ints>);
}

void operators() {
  const Tensor a = tensor<float>({1, 2, 3}), b = tensor<float>({3, 2, 1});
  CHECK(is(a < b, tensor<bool>({true, false, false})));
  CHECK(is(a <= b, tensor<bool>({true, true, false})));
  CHECK(is(a > b, tensor<bool>({false, false, true})));
  CHECK(is(a >= 2, tensor<bool>({false, true, true})));
  CHECK(is(a == b, tensor<bool>({false, true, false})));
  CHECK(is(2 == a, a == 2) && is(a != 2, (a == 2).logical_not()) && is(2.5 > a, a < 2.5));
  static_assert(!std::is_constructible_v<bool, Tensor>);  // `if (a == b)` is not the question

  Tensor c = a.clone();
  c += 1;
  c *= b;
  c -= a;
  c /= 2;
  CHECK(is(c, ((a + 1) * b - a) / 2));
  Tensor w = ones({3}).set_requires_grad(true);
  Tensor y = w * 2;
  y *= w;
  y.sum().backward();
  CHECK(is(w.grad(), full({3}, 4)));
  CHECK_THROWS(w += 1, kRuntime, "leaf");
  {
    const NoGradGuard off;
    w += 1;
    CHECK(!(w * 2).requires_grad());
  }
  CHECK(is(w, full({3}, 2)) && (w * 2).requires_grad());
  const std::vector<Tensor> g = grad({(w * w).sum()}, {w});
  CHECK(is(g[0], w.detach() * 2));
  static_assert(!std::is_assignable_v<Tensor, Tensor>);  // x[0] = y would change nothing
  static_assert(std::is_assignable_v<Tensor&, Tensor>);
}

void brackets() {
  const Tensor x = counting({4, 5});
  CHECK(x[1][2].item<int64_t>() == 7 && x[{1, 2}].item<float>() == 7 &&
        x[{-1, -1}].item<int>() == 19);
  CHECK((x[Slice(1, 3)].shape() == Dims{2, 5}) && x[Slice(1, 3)]->storage == x->storage);
  CHECK(is(x[{Slice(), 0}], tensor<float>({0, 5, 10, 15})));
  CHECK(is(x[{Slice({}, {}, 2), Slice(-2)}], tensor<float>({3, 4, 13, 14}, {2, 2})));
  CHECK(is(x[{ellipsis, 1}], x[{Slice(), 1}]));
  CHECK((x[{new_axis, 0}].shape() == Dims{1, 5}));
  CHECK(is(x[x > 17], tensor<float>({18, 19})));
  CHECK(is(x[{tensor<int64_t>({0, 3}), 1}], tensor<float>({1, 16})));
  CHECK_THROWS(x[4], kIndex, "out of bounds");
  CHECK_THROWS((x[{0, 0, 0}]), kIndex, "too many indices");
  x.set_item({Slice(), 0}, -1);
  CHECK(x[{3, 0}].item<int>() == -1);
  x.set_item(x < 0, 0.5);
  CHECK(x[{3, 0}].item<double>() == 0.5);
  x.set_item(0, tensor<float>({9, 8, 7, 6, 5}));
  CHECK(x[{0, 4}].item<int>() == 5);
  Tensor leaf = ones({3}).set_requires_grad(true);
  const Tensor y = leaf * 1;
  y.set_item(0, 5);
  (y * y).sum().backward();
  CHECK(is(leaf.grad(), tensor<float>({0, 2, 2})));
}

// One of each kind; the declarations are compared in tests/test_methods.py.
void methods() {
  const Tensor x = tensor<float>({-1, 0, 2, 3}, {2, 2});
  CHECK(is(x.relu(), relu(x)) && is(x.softmax(-1), softmax(x, -1)) &&
        is(x.matmul(x), matmul(x, x)));
  CHECK((x.reshape({4}).shape() == Dims{4}) && x.split(1).size() == 2 && x.chunk(2, 1).size() == 2);
  CHECK(x.max().item<float>() == 3 && x.argmax().item<int>() == 3 && x.std().item<double>() > 1);
  const auto [values, places] = x.max(0);
  CHECK(is(values, tensor<float>({2, 3})) && is(places, tensor<int64_t>({1, 1})));
  CHECK(is(x.reshape(-1).topk(2).first, tensor<float>({3, 2})));
  CHECK(is(x.reshape(-1).sort(-1, true).second, tensor<int64_t>({3, 2, 1, 0})));
  CHECK((x.repeat({2, 1}).shape() == Dims{4, 2}) && x.to(Dtype::kInt64).dtype() == Dtype::kInt64);
  Tensor y = x.clone();
  CHECK(y.add_(1).is_same(y) && is(y, x + 1) && is(y.zero_(), zeros({2, 2})));
  CHECK(is(eye(2), tensor<float>({1, 0, 0, 1}, {2, 2})));
  CHECK(is(linspace(0, 1, 3), tensor<float>({0, 0.5, 1})));
  CHECK(std::abs(value(huber_loss(x, x + 2.0)) - 1.5) < 1e-6);
  CHECK(std::abs(value(kl_div(log_softmax(x, 1), softmax(x, 1), Reduction::kSum))) < 1e-6);
}

void memory() {
  float numbers[] = {1, 2, 3, 4, 5, 6};
  int released = 0;
  {
    Tensor t = from_blob(numbers, {2, 3}, [&] { ++released; });
    CHECK(t.data_as<float>() == numbers && t.sum().item<int>() == 21);
    t *= 2;
    CHECK(numbers[5] == 12);
    const Tensor row = t[1];
    t = Tensor();
    CHECK(released == 0 && row[0].item<int>() == 8);
  }
  CHECK(released == 1);
  const float* fixed = numbers;
  Tensor t = from_blob(fixed, {6});
  CHECK_THROWS(t += 1, kRuntime, "read-only");
  CHECK((t + 1)[0].item<int>() == 3);
  CHECK(from_blob(static_cast<void*>(numbers), {3}, Dtype::kInt64).dtype() == Dtype::kInt64);
  CHECK_THROWS(from_blob(static_cast<float*>(nullptr), {1}), kRuntime, "null pointer");
  CHECK(from_blob(static_cast<float*>(nullptr), {0}).numel() == 0);
  CHECK_THROWS(from_blob(numbers, {-1}), kRuntime, "negative");
  CHECK_THROWS(from_blob(reinterpret_cast<char*>(numbers) + 1, {1}, Dtype::kFloat32), kRuntime,
               "aligned");
  CHECK_THROWS(from_blob(numbers, {int64_t{1} << 40, int64_t{1} << 40}), kRuntime, "");

  CHECK(is(tensor(std::array{1.5f, 2.5f}), tensor<float>({1.5, 2.5})));
  CHECK(is(tensor(std::vector<int64_t>{1, 2}, {2, 1}), tensor<int64_t>({1, 2}, {2, 1})));
  CHECK_THROWS(tensor(std::array{1.0, 2.0}, {3}), kRuntime, "do not fill");
  CHECK((to_vector<double>(tensor<float>({1, 2}).t()) == std::vector<double>{1, 2}));
  CHECK((to_vector<int64_t>(counting({2, 2}).t()) == std::vector<int64_t>{0, 2, 1, 3}));
}

void printing() {
  std::ostringstream out;
  out << tensor<float>({1, 2}) << '\n' << Tensor() << '\n' << Dims{2, 3} << '\n' << Dtype::kInt64;
  CHECK(out.str() == "tensor([1., 2.])\nundefined tensor\n(2, 3)\nint64");
  out.str("");
  out << ones({1}).set_requires_grad(true);
  CHECK(out.str() == "tensor([1.], requires_grad=True)");
}

}  // namespace

int main() {
  return run([] {
    lists();
    operators();
    brackets();
    methods();
    memory();
    printing();
  });
}
