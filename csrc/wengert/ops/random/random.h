// Random numbers. No generator: the default one.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor rand(const Dims& shape, Dtype dtype = Dtype::kFloat32, Generator* generator = nullptr);
Tensor randn(const Dims& shape, Dtype dtype = Dtype::kFloat32, Generator* generator = nullptr);
Tensor randperm(int64_t n, Generator* generator = nullptr);
Tensor dropout(const Tensor& x, double p, bool training = true);
// This thread's: the one that all threads share, or what set_default_generator has given it.
Generator& default_generator();
// Gives this thread a default generator of its own, which must outlive its use; nullptr ends that.
void set_default_generator(Generator* generator);
Tensor& uniform_(Tensor& x, double from, double to, Generator* generator = nullptr);
Tensor& normal_(Tensor& x, double mean, double std, Generator* generator = nullptr);

}  // namespace wengert
