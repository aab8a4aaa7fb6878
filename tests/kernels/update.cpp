// Loops over many arrays: small ones, one larger than a chunk, and strided ones.
#include "wengert/kernels/update/update.h"

#include "kernels.h"
#include "wengert/kernels/update/naive.h"

namespace wengert {
namespace {

template <class T>
struct Arrays {
  std::vector<std::vector<T>> memory;
  std::vector<Dims> shapes;
  std::vector<Memory> places;
  std::vector<kernels::UpdateItem> items;

  Arrays() {
    for (const Dims& shape : {Dims{3}, Dims{70, 50}, Dims{1}, Dims{300, 301}, Dims{2, 3, 4}}) {
      for (const Memory& l : memories(shape)) {
        if (l.strides[0] < 0) continue;
        memory.push_back(numbers<T>(l.size, static_cast<uint32_t>(memory.size())));
        shapes.push_back(shape);
        places.push_back(l);
      }
    }
    for (size_t i = 0; i < memory.size(); ++i) {
      kernels::UpdateItem item;
      item.dtype = dtype_of<T>();
      item.size = numel(shapes[i]);
      item.contiguous = is_contiguous(shapes[i], places[i].strides);
      item.lanes[0] = {reinterpret_cast<std::byte*>(memory[i].data() + places[i].offset),
                       shapes[i].begin(), places[i].strides.begin(), shapes[i].size(),
                       item.contiguous};
      items.push_back(item);
    }
  }
};

template <class T>
void updates() {
  Arrays<T> fast, slow;
  for (const double p : {1.0, 2.0, 3.0, double(INFINITY)}) {
    const double expected = naive::norm<T>(slow.items, p);
    CHECK(close(kernels::norm(fast.items, p), expected, 1e-5, 0));
  }
  kernels::scale(fast.items, 0.3);
  naive::each_parameter<T>(slow.items, [](const auto&, T& x) { x *= static_cast<T>(0.3); });
  CHECK(fast.memory == slow.memory);
}

}  // namespace

void test_update() {
  updates<float>();
  updates<double>();
}

}  // namespace wengert
