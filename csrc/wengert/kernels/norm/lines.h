// What the norms share: sums over lines that lie in one or several pieces of memory.
#pragma once

#include <algorithm>
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"

namespace wengert::detail {

constexpr int64_t kNormGrain = 16384;  // elements per chunk

// Lines of `planes` runs of `length`, `stride` elements apart. Each is cut into pieces, by its size
// alone, over which sums are taken in T; those of pieces are added in float64, in order.
struct Lines {
  int64_t count, planes, stride, length;
  int64_t step;  // from one line to the next
  static constexpr int64_t kPiece = 4096;

  int64_t total() const { return planes * length; }
  bool long_runs() const { return length >= kPiece; }
  int64_t planes_per_piece() const { return std::max<int64_t>(1, kPiece / length); }
  int64_t pieces_per_run() const { return (length + kPiece - 1) / kPiece; }
  int64_t pieces() const {
    if (long_runs()) return planes * pieces_per_run();
    return (planes + planes_per_piece() - 1) / planes_per_piece();
  }
};
struct Piece {
  int64_t at, planes, stride, length;  // at: of its first element, in memory
  int64_t within;                      // the same in its run
  int64_t size() const { return planes * length; }
};
inline Piece piece_of(const Lines& l, int64_t line, int64_t k) {
  const int64_t base = line * l.step;
  if (l.long_runs()) {
    const int64_t run = k / l.pieces_per_run(), within = k % l.pieces_per_run() * l.kPiece;
    return {base + run * l.stride + within, 1, l.stride, std::min(l.kPiece, l.length - within),
            within};
  }
  const int64_t first = k * l.planes_per_piece();
  return {base + first * l.stride, std::min(l.planes_per_piece(), l.planes - first), l.stride,
          l.length, 0};
}

// f(i, m): m elements of the piece from place i in memory.
template <class T, class F>
inline void each_of(const Piece& p, const F& f) {
  constexpr int64_t kSize = Vec<T>::kSize;
  for (int64_t r = 0; r < p.planes; ++r) {
    const int64_t begin = p.at + r * p.stride, end = begin + p.length;
    int64_t i = begin;
    for (; i + kSize <= end; i += kSize) f(i, kSize);
    if (i < end) f(i, end - i);
  }
}

// Sums of kSums terms at once: f(i, m, v) puts them into v, with 0 in the lanes behind m.
template <int kSums>
struct Sums {
  double of[kSums];
};
template <class T, int kSums, class F>
inline Sums<kSums> sums_of(const Piece& p, const F& f) {
  constexpr int64_t kSize = Vec<T>::kSize;
  constexpr int kAhead = 4;
  Vec<T> acc[kAhead][kSums], v[kSums];
  each<kAhead, kSums>([&](auto k, auto s) { acc[k][s] = Vec<T>(0.0); });
  for (int64_t r = 0; r < p.planes; ++r) {
    const int64_t begin = p.at + r * p.stride, end = begin + p.length;
    int64_t i = begin;
    for (; i + kAhead * kSize <= end; i += kAhead * kSize)
      each<kAhead>([&](auto k) {
        f(i + k * kSize, kSize, v);
        each<kSums>([&](auto s) { acc[k][s] = acc[k][s] + v[s]; });
      });
    for (; i < end; i += kSize) {
      f(i, end - i, v);
      each<kSums>([&](auto s) { acc[0][s] = acc[0][s] + v[s]; });
    }
  }
  Sums<kSums> out;
  each<kSums>(
      [&](auto s) { out.of[s] = lane_sum((acc[0][s] + acc[1][s]) + (acc[2][s] + acc[3][s])); });
  return out;
}

// Count, mean and sum of squared deviations from it.
struct Moments {
  double n, mean, m2;
};
// Two passes over what is in cache by then, the second corrected by the sum of the deviations, as
// the first is rounded: T. Chan, G. Golub, R. LeVeque, "Algorithms for computing the sample
// variance", 1983, formula 1.7. NaN stays NaN, as std::max gives its first argument then.
// What lies `ahead` elements behind is sent for meanwhile.
template <class T>
Moments moments_of(const T* x, const Piece& p, int64_t ahead = 0) {
  const auto n = static_cast<double>(p.size());
  const double sum = sums_of<T, 1>(p, [&](int64_t i, int64_t m, Vec<T>* v) {
                       v[0] = load_part(x + i, m, 0);
                     }).of[0];
  const double about = static_cast<double>(static_cast<T>(sum / n));
  const Sums<2> s = sums_of<T, 2>(p, [&](int64_t i, int64_t m, Vec<T>* v) {
    if (ahead > 0) fetch(x + i + ahead);
    v[0] = load_part(x + i, m, about) - about;
    v[1] = v[0] * v[0];
  });
  return {n, about + s.of[0] / n, std::max(s.of[1] - s.of[0] * s.of[0] / n, 0.0)};
}
inline Moments joined(const Moments* parts, int64_t count) {
  if (count == 1) return parts[0];
  double n = 0, sum = 0, m2 = 0;
  for (int64_t k = 0; k < count; ++k) {
    n += parts[k].n;
    sum += parts[k].n * parts[k].mean;
  }
  const double mean = sum / n;
  for (int64_t k = 0; k < count; ++k) {
    const double d = parts[k].mean - mean;
    m2 += parts[k].m2 + parts[k].n * (d * d);
  }
  return {n, mean, m2};
}

// part(piece) of all pieces of a line, finish(line, parts, count), then map(line, piece): line by
// line while one is in cache, or each step for all lines where they are few or long.
template <class Part, class F, class G, class H>
void for_lines(const Lines& l, const F& part, const G& finish, const H& map) {
  constexpr int64_t kCached = 65536;
  const int64_t pieces = l.pieces(), total = l.total();
  if (total <= kNormGrain || (total <= kCached && l.count >= 8)) {
    return parallel_for(
        l.count, std::max<int64_t>(1, kNormGrain / total), [&](int64_t begin, int64_t end) {
          Part few[16];
          const Scratch more(pieces > 16 ? static_cast<size_t>(pieces) * sizeof(Part) : 0);
          Part* parts = pieces > 16 ? more.as<Part>() : few;
          for (int64_t line = begin; line < end; ++line) {
            for (int64_t k = 0; k < pieces; ++k) parts[k] = part(piece_of(l, line, k));
            finish(line, parts, pieces);
            for (int64_t k = 0; k < pieces; ++k) map(line, piece_of(l, line, k));
          }
        });
  }
  const Scratch scratch(static_cast<size_t>(l.count * pieces) * sizeof(Part));
  Part* parts = scratch.as<Part>();
  const int64_t size = std::max<int64_t>(1, total / pieces);
  const int64_t grain = std::max<int64_t>(1, kNormGrain / size);
  parallel_for(l.count * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) parts[i] = part(piece_of(l, i / pieces, i % pieces));
  });
  for (int64_t line = 0; line < l.count; ++line) finish(line, parts + line * pieces, pieces);
  parallel_for(l.count * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) map(i / pieces, piece_of(l, i / pieces, i % pieces));
  });
}

// What an absent weight or bias counts as.
template <class T>
inline double number_or(const T* p, int64_t i, double otherwise) {
  return p ? static_cast<double>(p[i]) : otherwise;
}

}  // namespace wengert::detail
