// Copies, casts, fills and the pointwise loop: exact.
#include "kernels.h"

namespace wengert {
namespace {

const Dims kShapes[] = {{}, {37}, {5, 7}, {64, 65}, {3, 1, 9}, {2, 0, 3}, {2, 3, 4, 5}, {300, 301}};

template <class T>
void copies(const Dims& shape) {
  for (const Memory& from : memories(shape)) {
    const std::vector<T> src = numbers<T>(from.size);
    for (const Memory& to : memories(shape)) {
      std::vector<T> fast = numbers<T>(to.size, 2), slow = fast;
      if (fast.empty()) continue;
      copy_strided(fast.data() + to.offset, to.strides, src.data() + from.offset, from.strides,
                   shape, sizeof(T));
      naive::copy(slow.data() + to.offset, to.strides, src.data() + from.offset, from.strides,
                  shape, sizeof(T));
      CHECK(fast == slow);
    }
  }
}

template <class From, class To>
void casts(const Dims& shape) {
  const std::vector<From> src = numbers<From>(2 * numel(shape) + 1);
  const Dims strides = memories(shape)[1].strides;
  std::vector<uint8_t> bytes(static_cast<size_t>(numel(shape)) * sizeof(To));
  std::vector<uint8_t> expected = bytes;
  std::vector<uint8_t> from(src.size() * sizeof(From));
  for (size_t i = 0; i < src.size(); ++i) {
    const From x = src[i];
    std::memcpy(from.data() + i * sizeof(From), &x, sizeof x);
  }
  cast_strided(bytes.data(), dtype_of<To>(), contiguous_strides(shape), from.data(),
               dtype_of<From>(), strides, shape);
  naive::each(shape, [&](const Dims& at, int64_t i) {
    const From x = src[static_cast<size_t>(naive::place(at, strides))];
    const To y = naive::cast<To>(x);
    std::memcpy(expected.data() + static_cast<size_t>(i) * sizeof(To), &y, sizeof y);
  });
  CHECK(bytes == expected);
}

template <class T>
void multiply_add(void* out, const void* const* in, int64_t n, const double* p) {
  for (int64_t i = 0; i < n; ++i) {
    static_cast<T*>(out)[i] = static_cast<const T*>(in[0])[i] * static_cast<const T*>(in[1])[i] +
                              static_cast<T>(p[0]) * static_cast<const T*>(in[2])[i];
  }
}

// Operands of every layout, and one that is broadcast along the first dimension.
template <class T>
void pointwise_loops(const Dims& shape) {
  const double params[] = {0.5};
  Dims row = contiguous_strides(shape);
  if (!row.empty()) row[0] = 0;
  for (const Memory& l : memories(shape)) {
    for (const Memory& to : memories(shape)) {
      std::vector<T> x = numbers<T>(l.size), y = numbers<T>(numel(shape) + 1, 2);
      std::vector<T> fast(static_cast<size_t>(to.size)), slow = fast;
      if (fast.empty()) continue;
      const auto bytes = [](auto* p) { return reinterpret_cast<std::byte*>(p); };
      PointwiseOperand operands[] = {
          {bytes(fast.data() + to.offset), sizeof(T), to.strides},
          {bytes(x.data() + l.offset), sizeof(T), l.strides},
          {bytes(y.data()), sizeof(T), row},
          {bytes(y.data()), sizeof(T), Dims::filled(shape.size(), 0)},
      };
      PointwiseOperand again[4];
      std::copy(operands, operands + 4, again);
      again[0].data = bytes(slow.data() + to.offset);
      pointwise_loop(multiply_add<T>, params, shape, operands, 4);
      naive::pointwise(multiply_add<T>, params, shape, again, 4);
      CHECK(fast == slow);
    }
  }
}

}  // namespace

void test_core() {
  for (const Dims& shape : kShapes) {
    copies<uint8_t>(shape);
    copies<float>(shape);
    copies<int64_t>(shape);
    casts<float, int64_t>(shape);
    casts<double, float>(shape);
    casts<double, uint8_t>(shape);
    casts<int32_t, double>(shape);
    casts<int64_t, bool>(shape);
    casts<bool, float>(shape);
    pointwise_loops<float>(shape);
    pointwise_loops<double>(shape);
    for (const Memory& l : memories(shape)) {
      std::vector<int32_t> fast(static_cast<size_t>(l.size)), slow = fast;
      if (fast.empty()) continue;
      const int32_t value = 7;
      fill_strided(fast.data() + l.offset, l.strides, shape, 4, &value);
      naive::copy(slow.data() + l.offset, l.strides, &value, Dims::filled(shape.size(), 0), shape,
                  4);
      CHECK(fast == slow);
    }
  }
}

}  // namespace wengert
