// Every distribution, on contiguous memory.
//
// A seed gives the values PyTorch gives on a CPU. What a distribution draws, in which order and in
// which precision, is therefore fixed; it is stated at each function in these terms:
//   u32  one draw of the mt19937
//   u64  (first << 32) | second
//   f    (u32 & (2^24 - 1)) * 2^-24   a float in [0, 1)
//   d    (u64 & (2^53 - 1)) * 2^-53   a double in [0, 1)
// A fill of n elements draws for them in index order. Arguments out of range throw kRuntime errors
// before anything is drawn.
#pragma once

#include <cstdint>

#include "wengert/base/generator.h"

namespace wengert {

// Below, T is any of: float, double (F); uint8_t, int32_t, int64_t, bool as well (T).

// [from, to): float from f, double from d; x * (to - from) + from, rounded once to F.
template <typename F>
void fill_uniform(Generator& g, F* out, int64_t n, double from, double to);

// Fewer than 16 elements: Generator::normal() for each, scaled in double.
// 16 or more: uniforms of F in [0, 1), then each block b of 16 in place: u1 = 1 - b[0:8],
// u2 = b[8:16], r = sqrt(-2 log u1); b[0:8] = r cos(2 pi u2), b[8:16] = r sin(2 pi u2), in F. If n
// is not a multiple of 16 the last 16 elements are then drawn and transformed afresh.
template <typename F>
void fill_normal(Generator& g, F* out, int64_t n, double mean, double std);

// The form with Generator::normal() at any n: what PyTorch uses, in memory order, for an output
// that is not contiguous.
template <typename F>
void fill_normal_serial(Generator& g, F* out, int64_t n, double mean, double std);

// random_(from, to): from + u32 % (to - from); u64 in place of u32 if to - from >= 2^28.
template <typename T>
void fill_random_range(Generator& g, T* out, int64_t n, int64_t from, int64_t to);

// random_(from, None): from to the largest T (2^24 for float, 2^53 for double), both included.
template <typename T>
void fill_random_from(Generator& g, T* out, int64_t n, int64_t from);

// random_(): bool u32 & 1; uint8 u32 % 2^8; int32 u32 % 2^31; int64 u64 % 2^63;
// float u32 % (2^24 + 1); double u64 % (2^53 + 1).
template <typename T>
void fill_random(Generator& g, T* out, int64_t n);

// 1 where d < p, else 0.
template <typename T>
void fill_bernoulli(Generator& g, T* out, int64_t n, double p);
// 1 where x < p[i], else 0: x is f if the probabilities are float, d if they are double.
template <typename T, typename F>
void fill_bernoulli(Generator& g, T* out, int64_t n, const F* p);

// What dropout multiplies by: fill_bernoulli with 1 - p, divided by F(1 - p). PyTorch draws
// nothing if p is 0 (it returns the input) or 1 (zeros); nor does this.
template <typename F>
void fill_dropout_mask(Generator& g, F* out, int64_t n, double p);

// (-1 / rate) log1p(-d), in double.
template <typename F>
void fill_exponential(Generator& g, F* out, int64_t n, double rate);
// The number of trials up to the first success: ceil(log(d) / log1p(-p)).
template <typename T>
void fill_geometric(Generator& g, T* out, int64_t n, double p);
// median + sigma tan(pi (d - 1/2)).
template <typename F>
void fill_cauchy(Generator& g, F* out, int64_t n, double median, double sigma);
// exp(mean + std normal()).
template <typename F>
void fill_log_normal(Generator& g, F* out, int64_t n, double mean, double std);

// A permutation of 0 .. n-1: for i in 0 .. n-2, swap r[i] and r[i + u32 % (n - i)]; u64 in place
// of u32 if n >= floor((2^32 - 1) / 20).
void randperm(Generator& g, int64_t* out, int64_t n);

// `samples` indices for each of `rows` rows of `categories` weights p, into out (rows, samples).
// With replacement and more than one sample: the first index whose cumulative weight, summed and
// normalised in F, reaches d. Otherwise an exponential q, in F, for every weight, and the indices
// of the largest p / q, largest first.
template <typename F>
void multinomial(Generator& g, int64_t* out, const F* p, int64_t rows, int64_t categories,
                 int64_t samples, bool replacement);

}  // namespace wengert
