// Reading and writing at places with duplicates: exact, sums of floats too, as they are taken in
// the order of the index.
#include "wengert/kernels/index/index.h"

#include "kernels.h"
#include "wengert/kernels/index/naive.h"

namespace wengert {
namespace {

template <class T>
void indexed(const Dims& shape, int dim, const Memory& l) {
  Indexed v;
  for (int d = 0; d < shape.size(); ++d) {
    if (d == dim) continue;
    (d < dim ? v.before : v.after).push_back(shape[d]);
    (d < dim ? v.before_strides : v.after_strides).push_back(l.strides[d]);
  }
  std::vector<int64_t> offsets;
  for (int64_t i = 0; i < 2 * shape[dim] + 1; ++i)
    offsets.push_back(i * i % shape[dim] * l.strides[dim]);
  v.offsets = offsets.data();
  v.count = static_cast<int64_t>(offsets.size());
  const int64_t others = numel(shape) / shape[dim] * v.count;
  const std::vector<T> x = numbers<T>(l.size), y = numbers<T>(others, 2);

  std::vector<T> fast(static_cast<size_t>(others)), slow = fast;
  index_gather(v, fast.data(), x.data() + l.offset, sizeof(T));
  naive::each_indexed(v, [&](int64_t at, int64_t i) { slow[i] = x[l.offset + at]; });
  CHECK(fast == slow);
  for (const bool one : {false, true}) {
    fast = slow = x;
    index_scatter(v, fast.data() + l.offset, y.data(), one, sizeof(T));
    naive::each_indexed(v, [&](int64_t at, int64_t i) { slow[l.offset + at] = y[one ? 0 : i]; });
    CHECK(fast == slow);
    fast = slow = x;
    index_accumulate(v, fast.data() + l.offset, y.data(), one, Scalar(2), dtype_of<T>());
    naive::each_indexed(
        v, [&](int64_t at, int64_t i) { slow[l.offset + at] += T(2) * y[one ? 0 : i]; });
    CHECK(close(fast, slow, kLoose<T>, kLoose<T>));
  }
}

template <class T>
void along(const Dims& shape, int dim, const Memory& l) {
  Along a{shape, dim, nullptr, l.strides, contiguous_strides(shape), shape[dim]};
  std::vector<int64_t> index;
  for (int64_t i = 0; i < numel(shape); ++i) index.push_back(i * 5 % shape[dim]);
  a.index = index.data();
  const std::vector<T> x = numbers<T>(l.size), y = numbers<T>(numel(shape), 2);

  std::vector<T> fast(y.size()), slow = fast;
  CHECK(along_gather(a, fast.data(), x.data() + l.offset, sizeof(T)));
  naive::each_along(a, [&](int64_t at, int64_t i) { slow[i] = x[l.offset + at]; });
  CHECK(fast == slow);
  for (const bool one : {false, true}) {
    fast = slow = x;
    CHECK(along_scatter(a, fast.data() + l.offset, y.data(), one, sizeof(T)));
    naive::each_along(a, [&](int64_t at, int64_t i) { slow[l.offset + at] = y[one ? 0 : i]; });
    CHECK(fast == slow);
  }
  fast = slow = x;
  CHECK(along_accumulate(a, fast.data() + l.offset, y.data(), dtype_of<T>()));
  naive::each_along(a, [&](int64_t at, int64_t i) { slow[l.offset + at] += y[i]; });
  CHECK(close(fast, slow, kLoose<T>, kLoose<T>));
  for (const int64_t wrong : {int64_t{-1}, shape[dim]}) {
    index[index.size() / 2] = wrong;
    CHECK(!along_gather(a, fast.data(), x.data() + l.offset, sizeof(T)));
  }
}

void masks(int64_t n) {
  const auto mask = std::make_unique<bool[]>(static_cast<size_t>(n));
  std::vector<int64_t> places;
  for (int64_t i = 0; i < n; ++i)
    if ((mask[i] = i * i % 7 < 3)) places.push_back(i);
  const std::vector<float> x = numbers<float>(n);
  CHECK(count_true(mask.get(), n) == static_cast<int64_t>(places.size()));
  std::vector<int64_t> found(places.size());
  find_true(mask.get(), Dims{n}, static_cast<int64_t>(found.size()), found.data());
  CHECK(found == places);
  std::vector<float> packed(places.size()), expected;
  compress(packed.data(), x.data(), mask.get(), n, sizeof(float));
  for (const int64_t i : places) expected.push_back(x[static_cast<size_t>(i)]);
  CHECK(packed == expected);
  std::vector<float> spread(x.size(), 9), slow = spread;
  decompress(spread.data(), spread.data(), packed.data(), mask.get(), n, sizeof(float));
  for (size_t i = 0; i < places.size(); ++i) slow[static_cast<size_t>(places[i])] = packed[i];
  CHECK(spread == slow);
  const float value = 5;
  mask_fill(spread.data(), x.data(), {1}, mask.get(), {1}, {n}, &value, sizeof(float));
  slow = x;
  for (const int64_t i : places) slow[static_cast<size_t>(i)] = value;
  CHECK(spread == slow);
}

}  // namespace

void test_index() {
  for (const Dims& shape : {Dims{9}, Dims{5, 7}, Dims{40, 33}, Dims{2, 3, 4}}) {
    for (int dim = 0; dim < shape.size(); ++dim) {
      for (const Memory& l : memories(shape)) {
        indexed<float>(shape, dim, l);
        indexed<int64_t>(shape, dim, l);
        indexed<uint8_t>(shape, dim, l);
        along<double>(shape, dim, l);
        along<int32_t>(shape, dim, l);
      }
    }
  }
  for (const int64_t n : {1, 63, 64, 1000}) masks(n);
}

}  // namespace wengert
