#include "wengert/kernels/embedding/embedding.h"

#include <cmath>
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kGrain = 16384;  // elements per chunk
constexpr int64_t kPiece = 64;     // columns: whole cache lines

// Tasks of so many rows, or of a part of one.
struct Cut {
  // `work` elements for each of `rows` rows of `width` columns.
  Cut(int64_t rows, int64_t width, int64_t work) : width(width), piece(width), pieces(1) {
    grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(work, 1));
    if (work > 4 * kGrain && width > kPiece) {
      const int64_t wanted = (width * kGrain + work - 1) / work;
      piece = (wanted + kPiece - 1) / kPiece * kPiece;
      pieces = (width + piece - 1) / piece;
    }
    tasks = rows * pieces;
  }
  // f(row, first column, end of columns)
  template <class F>
  void each(const F& f) const {
    parallel_for(tasks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % pieces * piece;
        f(i / pieces, first, std::min(first + piece, width));
      }
    });
  }
  int64_t width, piece, pieces, grain, tasks;
};

// f(column, how many) for every register of a row's part; four at once where there are as many.
template <class T, class Four, class One>
void each_block(int64_t first, int64_t last, const Four& four, const One& one) {
  constexpr int64_t kSize = Vec<T>::kSize;
  int64_t i = first;
  for (; i + 4 * kSize <= last; i += 4 * kSize) four(i);
  for (; i < last; i += kSize) one(i, last - i);
}

// Where each row's own are in the index: a counting sort, which keeps their order.
class Occurrences {
 public:
  Occurrences(const RowSums& s)
      : starts_(static_cast<size_t>(s.rows + 1) * sizeof(int64_t)),
        order_(static_cast<size_t>(s.count) * sizeof(int64_t)),
        skip_(s.skip) {
    int64_t *start = starts_.as<int64_t>(), *order = order_.as<int64_t>();
    std::memset(start, 0, static_cast<size_t>(s.rows + 1) * sizeof(int64_t));
    for (int64_t k = 0; k < s.count; ++k) ++start[s.index[k]];
    int64_t sum = 0;
    for (int64_t r = 0; r < s.rows; ++r) {
      sum += start[r];
      start[r] = sum;
    }
    start[s.rows] = sum;
    // From the last: behind it a row's start is where it begins.
    for (int64_t k = s.count - 1; k >= 0; --k) order[--start[s.index[k]]] = k;
  }
  const int64_t* begin(int64_t row) const {
    return order_.as<int64_t>() + starts_.as<int64_t>()[row];
  }
  int64_t count(int64_t row) const {
    const int64_t* start = starts_.as<int64_t>() + row;
    return row == skip_ ? 0 : start[1] - start[0];
  }

 private:
  Scratch starts_, order_;
  int64_t skip_;
};

// Terms that are added one by one before their sum is added to those of the others.
constexpr int64_t kTerms = 64;

// Columns i to i + kRegisters registers of the sum of a row's sources; the last register holds m.
template <class T, int kRegisters>
void sum_columns(const RowSums& s, const int64_t* k, int64_t n, const T* source, int64_t i,
                 int64_t m, Vec<T> (&sum)[kRegisters]) {
  const T* weight = static_cast<const T*>(s.weight);
  const auto row = [&](int64_t j) { return source + (s.from ? s.from[k[j]] : k[j]) * s.width + i; };
  const auto term = [&](int64_t j, int r) {
    const Vec<T> v = load_part(row(j) + r * Vec<T>::kSize, m, 0);
    return weight ? v * Vec<T>::repeat(weight[k[j]]) : v;
  };
  for (int64_t first = 0; first < n; first += kTerms) {
    Vec<T> part[kRegisters];
    for (int r = 0; r < kRegisters; ++r) part[r] = term(first, r);
    for (int64_t j = first + 1; j < std::min(n, first + kTerms); ++j)
      for (int r = 0; r < kRegisters; ++r) part[r] = part[r] + term(j, r);
    for (int r = 0; r < kRegisters; ++r) sum[r] = first == 0 ? part[r] : sum[r] + part[r];
  }
}

template <class T, bool kAdd>
void sum_row(const RowSums& s, const int64_t* k, int64_t n, const T* source, T* to, int64_t first,
             int64_t last) {
  constexpr int64_t kSize = Vec<T>::kSize;
  if (n == 0) {
    if (!kAdd) std::memset(to + first, 0, static_cast<size_t>(last - first) * sizeof(T));
    return;
  }
  const bool divide = s.by_frequency && n > 1;
  const auto store = [&](Vec<T> v, int64_t i, int64_t m) {
    if (divide) v = v / static_cast<double>(n);
    if (kAdd) v = load_part(to + i, m, 0) + v;
    store_part(v, to + i, m);
  };
  each_block<T>(
      first, last,
      [&](int64_t i) {
        Vec<T> sum[4];
        sum_columns<T, 4>(s, k, n, source, i, kSize, sum);
        for (int r = 0; r < 4; ++r) store(sum[r], i + r * kSize, kSize);
      },
      [&](int64_t i, int64_t m) {
        Vec<T> sum[1];
        sum_columns<T, 1>(s, k, n, source, i, m, sum);
        store(sum[0], i, m);
      });
}

// ---- bags

int64_t size_of(const Bags& b, int64_t bag) {
  int64_t n = 0;
  for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) n += b.index[k] != b.skip;
  return n;
}

template <class T>
void bag_sum(const Bags& b, int64_t bag, const T* table, T* y, int64_t first, int64_t last) {
  constexpr int64_t kSize = Vec<T>::kSize;
  const T* weight = static_cast<const T*>(b.weight);
  const int64_t n = size_of(b, bag);
  const auto sums = [&]<int kRegisters>(Vec<T>(&sum)[kRegisters], int64_t i, int64_t m) {
    for (Vec<T>& v : sum) v = Vec<T>(0.0);
    for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) {
      if (b.index[k] == b.skip) continue;
      const T* row = table + b.index[k] * b.width + i;
      for (int r = 0; r < kRegisters; ++r) {
        const Vec<T> v = load_part(row + r * kSize, m, 0);
        sum[r] = sum[r] + (weight ? v * Vec<T>::repeat(weight[k]) : v);
      }
    }
    for (int r = 0; r < kRegisters; ++r) {
      if (b.mode == BagMode::kMean && n > 1) sum[r] = sum[r] / static_cast<double>(n);
      store_part(sum[r], y + i + r * kSize, m);
    }
  };
  each_block<T>(
      first, last,
      [&](int64_t i) {
        Vec<T> sum[4];
        sums(sum, i, kSize);
      },
      [&](int64_t i, int64_t m) {
        Vec<T> sum[1];
        sums(sum, i, m);
      });
}

// NaN is larger than numbers.
template <class T>
void bag_max(const Bags& b, int64_t bag, const T* table, T* y, int64_t* largest, int64_t first,
             int64_t last) {
  for (int64_t i = first; i < last; ++i) {
    y[i] = 0;
    largest[i] = -1;
  }
  bool none = true;
  for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) {
    const int64_t at = b.index[k];
    if (at == b.skip) continue;
    const T* row = table + at * b.width;
    for (int64_t i = first; i < last; ++i) {
      const bool better = none || !(row[i] <= y[i] || y[i] != y[i]);
      y[i] = better ? row[i] : y[i];
      largest[i] = better ? at : largest[i];
    }
    none = false;
  }
}

}  // namespace

void sum_rows(Dtype dtype, const RowSums& s, bool add, const void* source, void* table) {
  if (s.rows * s.width == 0) return;
  const Occurrences found(s);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(source);
    T* to = static_cast<T*>(table);
    const Cut cut(s.rows, s.width, s.width * (1 + s.count / s.rows));
    const auto row = [&](int64_t r, int64_t first, int64_t last) {
      const int64_t n = found.count(r);
      const int64_t* k = found.begin(r);
      T* const at = to + r * s.width;
      add ? sum_row<T, true>(s, k, n, from, at, first, last)
          : sum_row<T, false>(s, k, n, from, at, first, last);
    };
    if (add || cut.pieces > 1 || s.count > s.rows) return cut.each(row);
    // Most rows of a large table are zeros, which are written faster in one piece than row by row.
    parallel_for(s.rows, cut.grain, [&](int64_t begin, int64_t end) {
      std::memset(to + begin * s.width, 0,
                  static_cast<size_t>((end - begin) * s.width) * sizeof(T));
      for (int64_t r = begin; r < end; ++r)
        if (found.count(r) > 0) row(r, 0, s.width);
    });
  });
}

void bag_rows(Dtype dtype, const Bags& b, const void* table, void* y, int64_t* largest) {
  if (b.bags * b.width == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(table);
    T* to = static_cast<T*>(y);
    const Cut cut(b.bags, b.width, b.width * (1 + (b.ends[b.bags] - b.ends[0]) / b.bags));
    cut.each([&](int64_t bag, int64_t first, int64_t last) {
      const int64_t at = bag * b.width;
      b.mode == BagMode::kMax ? bag_max(b, bag, from, to + at, largest + at, first, last)
                              : bag_sum(b, bag, from, to + at, first, last);
    });
  });
}

void bag_factors(Dtype dtype, const Bags& b, void* out) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* weight = static_cast<const T*>(b.weight);
    for (int64_t bag = 0; bag < b.bags; ++bag) {
      const T n = static_cast<T>(size_of(b, bag));
      for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k)
        static_cast<T*>(out)[k] = (weight ? weight[k] : T(1)) / n;
    }
  });
}

void bag_products(Dtype dtype, const Bags& b, int64_t count, const void* source, const void* table,
                  void* out) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = static_cast<const T*>(source), *w = static_cast<const T*>(table);
    T* to = static_cast<T*>(out);
    std::memset(to, 0, static_cast<size_t>(count) * sizeof(T));
    if (b.bags == 0) return;
    const Cut cut(b.bags, 1, b.width * (1 + (b.ends[b.bags] - b.ends[0]) / b.bags));
    cut.each([&](int64_t bag, int64_t, int64_t) {
      const T* x = g + bag * b.width;
      const double n = b.mode == BagMode::kMean ? static_cast<double>(size_of(b, bag)) : 1;
      for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) {
        if (b.index[k] == b.skip) continue;
        const T* row = w + b.index[k] * b.width;
        const double dot = row_sum<T>(b.width, [&](int64_t i, int64_t m) {
          return load_part(x + i, m, 0) * load_part(row + i, m, 0);
        });
        to[k] = static_cast<T>(dot / n);
      }
    });
  });
}

void sum_largest(Dtype dtype, int64_t bags, int64_t rows, int64_t width, const int64_t* largest,
                 const void* source, void* table) {
  if (rows * width == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* g = static_cast<const T*>(source);
    T* to = static_cast<T*>(table);
    // Bags share rows, so that columns are cut alone.
    const int64_t pieces = (width + 15) / 16;
    const int64_t grain = std::max<int64_t>(1, kGrain / (16 * (rows + bags)));
    parallel_for(pieces, grain, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * 16, last = std::min(end * 16, width);
      for (int64_t r = 0; r < rows; ++r)
        std::memset(to + r * width + first, 0, static_cast<size_t>(last - first) * sizeof(T));
      for (int64_t b = 0; b < bags; ++b)
        for (int64_t i = first; i < last; ++i) {
          const int64_t r = largest[b * width + i];
          if (r >= 0) to[r * width + i] += g[b * width + i];
        }
    });
  });
}

namespace {

template <class T>
double norm_of(const T* row, int64_t step, int64_t width, double p) {
  double sum = 0;
  if (p == 2) {
    for (int64_t i = 0; i < width; ++i) sum += double(row[i * step]) * double(row[i * step]);
    return std::sqrt(sum);
  }
  for (int64_t i = 0; i < width; ++i) {
    const double a = std::abs(double(row[i * step]));
    if (std::isinf(p)) {
      sum = i == 0 || (p > 0 ? a > sum : a < sum) || a != a ? a : sum;
    } else {
      sum += p == 1 ? a : p == 0 ? double(a != 0) : std::pow(a, p);
    }
  }
  return std::isinf(p) || p == 0 || p == 1 ? sum : std::pow(sum, 1 / p);
}

}  // namespace

void clip_rows(Dtype dtype, void* table, int64_t stride, int64_t step, int64_t width,
               const int64_t* rows, int64_t count, double p, double most) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(width, 1));
    parallel_for(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        T* row = static_cast<T*>(table) + rows[k] * stride;
        const double norm = norm_of(row, step, width, p);
        if (!(norm > most)) continue;
        // PyTorch's guard against a norm of 0.
        const T scale = static_cast<T>(most / (norm + 1e-7));
        for (int64_t i = 0; i < width; ++i) row[i * step] *= scale;
      }
    });
  });
}

}  // namespace wengert
