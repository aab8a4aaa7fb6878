// Positions as vectors: whether they are in range, and runs of equal ones.
#include <algorithm>

#include "wengert/kernels/index/index.h"

namespace wengert {

int64_t find_outside(const int64_t* v, int64_t n, int64_t low, int64_t high) {
  int64_t outside = 0;
  for (int64_t i = 0; i < n; ++i) outside |= int64_t{v[i] < low} | int64_t{v[i] >= high};
  if (outside == 0) return -1;
  int64_t i = 0;
  while (v[i] >= low && v[i] < high) ++i;
  return i;
}

void fill_runs(int64_t* to, const int64_t* begin, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i) std::fill(to + begin[i], to + begin[i + 1], i);
}

}  // namespace wengert
