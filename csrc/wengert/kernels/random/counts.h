// Numbers of distributions whose draws depend on what was drawn: each element takes as many as it
// needs, in index order, so these are loops of one thread. See distributions.h for d and normal().
#pragma once

#include <cstdint>

#include "wengert/base/generator.h"

namespace wengert {

// Standard gamma of shape a, computed in double, at least the smallest normal F. For a < 1 a
// sample of a + 1 times (1 - d)^(1 / a), d drawn first. Otherwise pairs of a normal and a d until
// one is accepted, Marsaglia and Tsang, "A simple method for generating gamma variables", 2000.
// Nothing is drawn unless a > 0.
template <typename F>
void fill_gamma(Generator& g, F* out, const F* a, int64_t n);

// Rows of `size` gammas, of the shapes as doubles, over their sum, within (0, 1). `gammas` is room
// for a row.
template <typename F>
void fill_dirichlet(Generator& g, F* out, const F* a, int64_t rows, int64_t size, double* gammas);

// Poisson of a rate below 10: factors d until their product is at most e^-rate. From 10 on: pairs
// of d until one is accepted, Hormann, "The transformed rejection method for generating Poisson
// random variables", 1993. A kRuntime error, before anything is drawn, unless all rates are >= 0.
template <typename F>
void fill_poisson(Generator& g, F* out, const F* rate, int64_t n);

// Binomial, p > 1/2 by the failures. Fewer than 10 expected: the distances of successes, each from
// a d, until they are more than count. Else: pairs of d until one is accepted, Hormann, "The
// generation of binomial random variates", 1993, algorithm BTRS.
template <typename F>
void fill_binomial(Generator& g, F* out, const F* count, const F* p, int64_t n);

}  // namespace wengert
