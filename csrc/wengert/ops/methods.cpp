// Written by `python -m tests.methods` from the declarations of ops.h; do not edit.
#include "wengert/ops/attention/attention.h"
#include "wengert/ops/conv/conv.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/embedding/embedding.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/linalg/linalg.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/norm/norm.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pool/pool.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/reduce/reduce.h"
#include "wengert/ops/resample/resample.h"
#include "wengert/ops/rnn/rnn.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/special/special.h"

// clang-format off
namespace wengert {

Tensor Tensor::abs() const {
  return wengert::abs(*this);
}
Tensor Tensor::add(const Operand& y) const {
  return wengert::add(*this, y);
}
Tensor Tensor::add_(const Operand& y) const {
  Tensor self(*this);
  return wengert::add_(self, y);
}
Tensor Tensor::all(Dim dim, bool keepdim) const {
  return wengert::all(*this, dim, keepdim);
}
Tensor Tensor::amax(Ints dims, bool keepdim) const {
  return wengert::amax(*this, dims, keepdim);
}
Tensor Tensor::amin(Ints dims, bool keepdim) const {
  return wengert::amin(*this, dims, keepdim);
}
Tensor Tensor::any(Dim dim, bool keepdim) const {
  return wengert::any(*this, dim, keepdim);
}
Tensor Tensor::argmax(Dim dim, bool keepdim) const {
  return wengert::argmax(*this, dim, keepdim);
}
Tensor Tensor::argmin(Dim dim, bool keepdim) const {
  return wengert::argmin(*this, dim, keepdim);
}
Tensor Tensor::argsort(int64_t dim, bool descending) const {
  return wengert::argsort(*this, dim, descending);
}
Tensor Tensor::atan2(const Operand& y) const {
  return wengert::atan2(*this, y);
}
Tensor Tensor::ceil() const {
  return wengert::ceil(*this);
}
std::vector<Tensor> Tensor::chunk(int64_t chunks, int64_t dim) const {
  return wengert::chunk(*this, chunks, dim);
}
Tensor Tensor::clamp(const Operand& min, const Operand& max) const {
  return wengert::clamp(*this, min, max);
}
Tensor Tensor::clone() const {
  return wengert::clone(*this);
}
Tensor Tensor::contiguous() const {
  return wengert::contiguous(*this);
}
Tensor Tensor::copy_(const Operand& source) const {
  Tensor self(*this);
  return wengert::copy_(self, source);
}
Tensor Tensor::cos() const {
  return wengert::cos(*this);
}
Tensor Tensor::cosh() const {
  return wengert::cosh(*this);
}
std::pair<Tensor, Tensor> Tensor::cummax(int64_t dim) const {
  return wengert::cummax(*this, dim);
}
std::pair<Tensor, Tensor> Tensor::cummin(int64_t dim) const {
  return wengert::cummin(*this, dim);
}
Tensor Tensor::cumprod(int64_t dim) const {
  return wengert::cumprod(*this, dim);
}
Tensor Tensor::cumsum(int64_t dim) const {
  return wengert::cumsum(*this, dim);
}
Tensor Tensor::diagonal(int64_t offset, int64_t dim1, int64_t dim2) const {
  return wengert::diagonal(*this, offset, dim1, dim2);
}
Tensor Tensor::digamma() const {
  return wengert::digamma(*this);
}
Tensor Tensor::div(const Operand& y) const {
  return wengert::div(*this, y);
}
Tensor Tensor::div_(const Operand& y) const {
  Tensor self(*this);
  return wengert::div_(self, y);
}
Tensor Tensor::eq(const Operand& y) const {
  return wengert::eq(*this, y);
}
Tensor Tensor::erf() const {
  return wengert::erf(*this);
}
Tensor Tensor::erfinv() const {
  return wengert::erfinv(*this);
}
Tensor Tensor::exp() const {
  return wengert::exp(*this);
}
Tensor Tensor::exp2() const {
  return wengert::exp2(*this);
}
Tensor Tensor::expand(Ints shape) const {
  return wengert::expand(*this, shape);
}
Tensor Tensor::expm1() const {
  return wengert::expm1(*this);
}
Tensor Tensor::fill_(const Scalar& value) const {
  Tensor self(*this);
  return wengert::fill_(self, value);
}
Tensor Tensor::flatten(int64_t start, int64_t end) const {
  return wengert::flatten(*this, start, end);
}
Tensor Tensor::flip(Ints dims) const {
  return wengert::flip(*this, dims);
}
Tensor Tensor::floor() const {
  return wengert::floor(*this);
}
Tensor Tensor::floor_divide(const Operand& y) const {
  return wengert::floor_divide(*this, y);
}
Tensor Tensor::fmod(const Operand& y) const {
  return wengert::fmod(*this, y);
}
Tensor Tensor::gather(int64_t dim, const Tensor& index) const {
  return wengert::gather(*this, dim, index);
}
Tensor Tensor::ge(const Operand& y) const {
  return wengert::ge(*this, y);
}
Tensor Tensor::gt(const Operand& y) const {
  return wengert::gt(*this, y);
}
Tensor Tensor::hardshrink(double lambd) const {
  return wengert::hardshrink(*this, lambd);
}
Tensor Tensor::index_add(int64_t dim, const Tensor& index, const Tensor& source) const {
  return wengert::index_add(*this, dim, index, source);
}
Tensor Tensor::index_fill(int64_t dim, const Tensor& index, const Operand& value) const {
  return wengert::index_fill(*this, dim, index, value);
}
Tensor Tensor::index_select(int64_t dim, const Tensor& index) const {
  return wengert::index_select(*this, dim, index);
}
Tensor Tensor::le(const Operand& y) const {
  return wengert::le(*this, y);
}
Tensor Tensor::lgamma() const {
  return wengert::lgamma(*this);
}
Tensor Tensor::log() const {
  return wengert::log(*this);
}
Tensor Tensor::log10() const {
  return wengert::log10(*this);
}
Tensor Tensor::log1p() const {
  return wengert::log1p(*this);
}
Tensor Tensor::log2() const {
  return wengert::log2(*this);
}
Tensor Tensor::log_softmax(int64_t dim) const {
  return wengert::log_softmax(*this, dim);
}
Tensor Tensor::logical_and(const Operand& y) const {
  return wengert::logical_and(*this, y);
}
Tensor Tensor::logical_not() const {
  return wengert::logical_not(*this);
}
Tensor Tensor::logical_or(const Operand& y) const {
  return wengert::logical_or(*this, y);
}
Tensor Tensor::logsumexp(Ints dims, bool keepdim) const {
  return wengert::logsumexp(*this, dims, keepdim);
}
Tensor Tensor::lt(const Operand& y) const {
  return wengert::lt(*this, y);
}
Tensor Tensor::masked_fill(const Tensor& mask, const Operand& value) const {
  return wengert::masked_fill(*this, mask, value);
}
Tensor Tensor::masked_fill_(const Tensor& mask, const Operand& value) const {
  Tensor self(*this);
  return wengert::masked_fill_(self, mask, value);
}
Tensor Tensor::masked_scatter(const Tensor& mask, const Tensor& source) const {
  return wengert::masked_scatter(*this, mask, source);
}
Tensor Tensor::masked_select(const Tensor& mask) const {
  return wengert::masked_select(*this, mask);
}
Tensor Tensor::matmul(const Tensor& y) const {
  return wengert::matmul(*this, y);
}
Tensor Tensor::max() const {
  return wengert::max(*this);
}
std::pair<Tensor, Tensor> Tensor::max(int64_t dim, bool keepdim) const {
  return wengert::max(*this, dim, keepdim);
}
Tensor Tensor::maximum(const Operand& y) const {
  return wengert::maximum(*this, y);
}
Tensor Tensor::mean(Ints dims, bool keepdim) const {
  return wengert::mean(*this, dims, keepdim);
}
Tensor Tensor::median() const {
  return wengert::median(*this);
}
Tensor Tensor::min() const {
  return wengert::min(*this);
}
std::pair<Tensor, Tensor> Tensor::min(int64_t dim, bool keepdim) const {
  return wengert::min(*this, dim, keepdim);
}
Tensor Tensor::minimum(const Operand& y) const {
  return wengert::minimum(*this, y);
}
Tensor Tensor::mul(const Operand& y) const {
  return wengert::mul(*this, y);
}
Tensor Tensor::mul_(const Operand& y) const {
  Tensor self(*this);
  return wengert::mul_(self, y);
}
Tensor Tensor::mvlgamma(int64_t p) const {
  return wengert::mvlgamma(*this, p);
}
Tensor Tensor::narrow(int64_t dim, int64_t start, int64_t length) const {
  return wengert::narrow(*this, dim, start, length);
}
Tensor Tensor::ne(const Operand& y) const {
  return wengert::ne(*this, y);
}
Tensor Tensor::neg() const {
  return wengert::neg(*this);
}
Tensor Tensor::nonzero() const {
  return wengert::nonzero(*this);
}
Tensor Tensor::normal_(double mean, double std, Generator* generator) const {
  Tensor self(*this);
  return wengert::normal_(self, mean, std, generator);
}
Tensor Tensor::permute(Ints dims) const {
  return wengert::permute(*this, dims);
}
Tensor Tensor::pow(const Operand& y) const {
  return wengert::pow(*this, y);
}
Tensor Tensor::prod(Dim dim, bool keepdim) const {
  return wengert::prod(*this, dim, keepdim);
}
Tensor Tensor::reciprocal() const {
  return wengert::reciprocal(*this);
}
Tensor Tensor::relu() const {
  return wengert::relu(*this);
}
Tensor Tensor::remainder(const Operand& y) const {
  return wengert::remainder(*this, y);
}
Tensor Tensor::repeat(Ints repeats) const {
  return wengert::repeat(*this, repeats);
}
Tensor Tensor::reshape(Ints shape) const {
  return wengert::reshape(*this, shape);
}
Tensor Tensor::round() const {
  return wengert::round(*this);
}
Tensor Tensor::rsqrt() const {
  return wengert::rsqrt(*this);
}
Tensor Tensor::scatter(int64_t dim, const Tensor& index, const Operand& source) const {
  return wengert::scatter(*this, dim, index, source);
}
Tensor Tensor::scatter_add(int64_t dim, const Tensor& index, const Tensor& source) const {
  return wengert::scatter_add(*this, dim, index, source);
}
Tensor Tensor::select(int64_t dim, int64_t index) const {
  return wengert::select(*this, dim, index);
}
Tensor Tensor::sigmoid() const {
  return wengert::sigmoid(*this);
}
Tensor Tensor::sign() const {
  return wengert::sign(*this);
}
Tensor Tensor::sin() const {
  return wengert::sin(*this);
}
Tensor Tensor::sinh() const {
  return wengert::sinh(*this);
}
Tensor Tensor::softmax(int64_t dim) const {
  return wengert::softmax(*this, dim);
}
std::pair<Tensor, Tensor> Tensor::sort(int64_t dim, bool descending) const {
  return wengert::sort(*this, dim, descending);
}
std::vector<Tensor> Tensor::split(int64_t size, int64_t dim) const {
  return wengert::split(*this, size, dim);
}
Tensor Tensor::sqrt() const {
  return wengert::sqrt(*this);
}
Tensor Tensor::square() const {
  return wengert::square(*this);
}
Tensor Tensor::squeeze(Ints dims) const {
  return wengert::squeeze(*this, dims);
}
Tensor Tensor::std(Ints dims, double correction, bool keepdim) const {
  return wengert::std(*this, dims, correction, keepdim);
}
Tensor Tensor::sub(const Operand& y) const {
  return wengert::sub(*this, y);
}
Tensor Tensor::sub_(const Operand& y) const {
  Tensor self(*this);
  return wengert::sub_(self, y);
}
Tensor Tensor::sum(Ints dims, bool keepdim, std::optional<Dtype> dtype) const {
  return wengert::sum(*this, dims, keepdim, dtype);
}
Tensor Tensor::t() const {
  return wengert::t(*this);
}
Tensor Tensor::tan() const {
  return wengert::tan(*this);
}
Tensor Tensor::tanh() const {
  return wengert::tanh(*this);
}
Tensor Tensor::to(Dtype dtype) const {
  return wengert::to(*this, dtype);
}
std::pair<Tensor, Tensor> Tensor::topk(int64_t k, int64_t dim, bool largest) const {
  return wengert::topk(*this, k, dim, largest);
}
Tensor Tensor::transpose(int64_t dim0, int64_t dim1) const {
  return wengert::transpose(*this, dim0, dim1);
}
Tensor Tensor::tril(int64_t diagonal) const {
  return wengert::tril(*this, diagonal);
}
Tensor Tensor::triu(int64_t diagonal) const {
  return wengert::triu(*this, diagonal);
}
Tensor Tensor::trunc() const {
  return wengert::trunc(*this);
}
Tensor Tensor::uniform_(double from, double to, Generator* generator) const {
  Tensor self(*this);
  return wengert::uniform_(self, from, to, generator);
}
Tensor Tensor::unsqueeze(int64_t dim) const {
  return wengert::unsqueeze(*this, dim);
}
Tensor Tensor::var(Ints dims, double correction, bool keepdim) const {
  return wengert::var(*this, dims, correction, keepdim);
}
Tensor Tensor::view(Ints shape) const {
  return wengert::view(*this, shape);
}
Tensor Tensor::zero_() const {
  Tensor self(*this);
  return wengert::zero_(self);
}

}  // namespace wengert
