// Rows of a user's own: ops that change several inputs, have outputs besides, or many outputs.
#include <algorithm>
#include <cmath>

#include "check.h"

using namespace wengert;

namespace {

double mean_of(const Tensor& x) {
  double sum = 0;
  for (int64_t i = 0; i < x.numel(); ++i) sum += x.data_as<double>()[i];
  return sum / double(x.numel());
}

// y = x - m, m = mean(x)        dx = g_y - mean(g_y) + g_m / n
// and running = (1 - momentum) running + momentum m, which is state, as is the count.
constinit const Op centre_op{
    .name = "centre",
    .signature = "(input: Tensor, running: Tensor, count: Tensor, momentum: float) -> Tensor",
    .on = 0,
    .contiguous = true,
    .mutates = true,
    .shape =
        [](Call& c) {
          c.output(c.in(0).dtype(), c.in(0).shape());
          c.output(c.in(0).dtype(), {});
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          const double m = mean_of(x), momentum = c.attrs.real(0);
          for (int64_t i = 0; i < x.numel(); ++i)
            y.data_as<double>()[i] = x.data_as<double>()[i] - m;
          *c.out[1].data_as<double>() = m;
          double& running = *c.in(1).data_as<double>();
          running = (1 - momentum) * running + momentum * m;
          ++*c.in(2).data_as<int64_t>();
        },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.g(0);
          v.set(0, add(sub(g, mean(g)), div(v.g(1), double(numel(v.shape(0))))));
        },
    .writes = [](const Call&, int i) { return i == 1 || i == 2; }};

struct Centred {
  Tensor y, mean;
};
Centred centre(const Tensor& x, const Tensor& running, const Tensor& count) {
  Call c(centre_op, Attrs(0.25));
  for (const Tensor& t : {x, running, count}) c.add_input(t);
  apply(c);
  return {c.out[0], c.out[1]};
}

// x, y = y, x
constinit const Op swap_op{
    .name = "swap",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .on = 0,
    .mutates = true,
    .shape = [](Call& c) { check(c.in(0).shape() == c.in(1).shape(), "the shapes differ"); },
    .run =
        [](Call& c) {
          auto *x = c.in(0).data_as<double>(), *y = c.in(1).data_as<double>();
          std::swap_ranges(x, x + c.in(0).numel(), y);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, v.g(1));
          v.set(1, v.g(0));
        },
    .writes = [](const Call&, int) { return true; }};
void swap(const Tensor& x, const Tensor& y) { apply(swap_op, {x, y}); }

// y_k = e^(k x) for k < n        dx = sum_k k y_k g_k
constinit const Op powers_op{.name = "powers",
                             .signature = "(input: Tensor, n: int) -> list[Tensor]",
                             .on = 0,
                             .contiguous = true,
                             .shape =
                                 [](Call& c) {
                                   for (int k = 0; k < c.attrs.integer(0); ++k)
                                     c.output(Dtype::kFloat64, c.in(0).shape());
                                 },
                             .run =
                                 [](Call& c) {
                                   const Tensor& x = c.in(0);
                                   for (int k = 0; k < c.outputs(); ++k)
                                     for (int64_t i = 0; i < x.numel(); ++i)
                                       c.out[k].data_as<double>()[i] =
                                           std::exp(k * x.data_as<double>()[i]);
                                 },
                             .vjp =
                                 [](Vjp& v) {
                                   Tensor sum = zeros(v.shape(0), v.dtype(0));
                                   for (int k = 0; k < v.attrs().integer(0); ++k)
                                     if (v.has_g(k)) sum = add(sum, mul(mul(v.y(k), v.g(k)), k));
                                   v.set(0, sum);
                                 },
                             .reads = 0xffffu << 16};

Tensor doubles(std::initializer_list<double> v) {
  return tensor<double>(v, {static_cast<int64_t>(v.size())});
}

void state() {
  Tensor x = doubles({1, 2, 6});
  x.set_requires_grad(true);
  const Tensor running = doubles({4}), count = zeros({}, Dtype::kInt64);
  const Tensor earlier = mul(running, x);  // saves running
  const auto [y, m] = centre(x, running, count);
  CHECK(value(m) == 3 && value(running) == 3.75 && count.item().integer() == 1);
  CHECK(running->storage->version == 1 && count->storage->version == 1);
  CHECK(y.requires_grad() && m.requires_grad() && !running.requires_grad());
  CHECK(running.is_leaf() && count.is_leaf());
  backward(add(sum(mul(y, doubles({1, 0, 0}))), mul(m, 3)));
  const double third = 1.0 / 3;
  for (int i = 0; i < 3; ++i)
    CHECK(std::abs(x.grad().data_as<double>()[i] - ((i == 0) - third + 1)) < 1e-12);
  CHECK_THROWS(backward(sum(earlier)), kRuntime, "modified by an inplace");
}

void errors() {
  const Tensor x = doubles({1, 2}), count = zeros({}, Dtype::kInt64);
  Tensor leaf = doubles({1});
  leaf.set_requires_grad(true);
  CHECK_THROWS(centre(x, leaf, count), kRuntime, "leaf");
  CHECK_THROWS(centre(x, mul(leaf, 2), count), kRuntime, "centre: input 1 is changed");
  const Tensor wide = expand(doubles({1}), Dims{4});
  CHECK_THROWS(centre(x, wide, count), kRuntime, "single memory location");
  CHECK_THROWS(swap(x, wide), kRuntime, "swap: the shapes differ");
  CHECK_THROWS(swap(doubles({1, 2, 3, 4}), wide), kRuntime, "single memory location");
  {
    GradMode off(false);
    centre(x, leaf, count);
  }
  CHECK(value(leaf) == 0.75 * 1 + 0.25 * 1.5);
}

void several_in_place() {
  Tensor a = doubles({1, 2}), b = doubles({3, 4});
  a.set_requires_grad(true);
  b.set_requires_grad(true);
  const Tensor x = mul(a, 10), y = mul(b, 100), view = y;
  swap(x, y);
  CHECK(x.data_as<double>()[0] == 300 && y.data_as<double>()[1] == 20);
  CHECK(x->entry && x->entry == y->entry && x->output_index == 0 && y->output_index == 1);
  backward(add(sum(mul(x, 2)), sum(mul(y, 3))));
  CHECK(a.grad().data_as<double>()[0] == 30 && b.grad().data_as<double>()[1] == 200);
}

void many_outputs() {
  Tensor x = doubles({1, -2});
  x.set_requires_grad(true);
  Call c(powers_op, Attrs(40));
  c.add_input(x);
  apply(c);
  CHECK(c.outputs() == 40);
  for (int k = 0; k < 40; ++k) CHECK(c.out[k].data_as<double>()[1] == std::exp(-2.0 * k));
  backward(add(sum(c.out[3]), sum(c.out[39])));
  const double expected = 3 * std::exp(-6.0) + 39 * std::exp(-78.0);
  CHECK(std::abs(x.grad().data_as<double>()[1] - expected) < 1e-15);
}

void captured() {
  const auto run = [](bool replayed) {
    const Tensor running = doubles({4}), count = zeros({}, Dtype::kInt64);
    Tensor w = doubles({2, 3, 4});
    w.set_requires_grad(true);
    const auto step = [&](const Tensor& x) {
      w.set_grad({});
      const Centred c = centre(mul(w, x), running, count);
      Call many(powers_op, Attrs(6));
      many.add_input(c.y);
      apply(many);
      Tensor loss = add(sum(mul(many.out[5], many.out[2])), c.mean);
      backward(loss);
      return loss;
    };
    auto fast = capture(step);
    std::vector<double> seen;
    for (int i = 0; i < 6; ++i) {
      const Tensor x = doubles({1.0 + i, 2, 3});
      seen.push_back(value(replayed ? fast(x) : step(x)));
      seen.push_back(value(running));
      seen.push_back(double(count.item().integer()));
      for (int k = 0; k < 3; ++k) seen.push_back(w.grad().data_as<double>()[k]);
    }
    if (replayed) CHECK(fast.cache_info().hits == 5);
    return seen;
  };
  CHECK(run(false) == run(true));
}

void tests() {
  state();
  errors();
  several_in_place();
  many_outputs();
  captured();
}

}  // namespace

int main() { return run(tests); }
