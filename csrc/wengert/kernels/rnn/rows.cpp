// Rows of packed sequences, from and to padded ones.
#include <cstring>

#include "wengert/base/parallel.h"
#include "wengert/kernels/rnn/steps.h"

namespace wengert {
namespace {

// f(t, b, whether there is such a row, packed row) for all steps and sequences.
template <class F>
void each_row(const RnnRows& r, int64_t bytes, const F& f) {
  RnnRows packed = r;
  packed.batch_first = false;
  const detail::Steps steps(packed, false);
  const int64_t grain = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, r.batch * bytes));
  parallel_for(r.steps, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t b = 0; b < r.batch; ++b)
        f(t, b, b < steps.size(t), b < steps.size(t) ? steps.row(t, b) : 0);
  });
}
int64_t padded_row(const RnnRows& r, int64_t t, int64_t b) {
  return r.batch_first ? b * r.steps + t : t * r.batch + b;
}

}  // namespace

void pack_rows(const RnnRows& r, int64_t bytes, const void* padded, void* packed) {
  each_row(r, bytes, [&](int64_t t, int64_t b, bool is, int64_t row) {
    if (is)
      std::memcpy(static_cast<char*>(packed) + row * bytes,
                  static_cast<const char*>(padded) + padded_row(r, t, b) * bytes,
                  static_cast<size_t>(bytes));
  });
}

void pad_rows(const RnnRows& r, int64_t bytes, const void* packed, void* padded, const void* fill,
              int64_t fill_bytes) {
  each_row(r, bytes, [&](int64_t t, int64_t b, bool is, int64_t row) {
    char* const to = static_cast<char*>(padded) + padded_row(r, t, b) * bytes;
    if (is) {
      std::memcpy(to, static_cast<const char*>(packed) + row * bytes, static_cast<size_t>(bytes));
    } else {
      for (int64_t i = 0; i < bytes; i += fill_bytes)
        std::memcpy(to + i, fill, static_cast<size_t>(fill_bytes));
    }
  });
}

}  // namespace wengert
