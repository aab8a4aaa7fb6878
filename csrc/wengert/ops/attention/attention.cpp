// scaled_dot_product_attention: what users call, brought to four dimensions.
#include "wengert/ops/attention/attention.h"

#include <cmath>

#include "wengert/ops/attention/heads.h"
#include "wengert/ops/optional.h"

namespace wengert {
namespace {

constexpr Signature kAttention =
    "(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float "
    "= 0.0, is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False) -> "
    "Tensor";

void check_operands(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  check(q.dtype() == k.dtype() && q.dtype() == v.dtype(),
        "Expected query, key, and value to have the same dtype, but got query.dtype: ", q.dtype(),
        " key.dtype: ", k.dtype(), " and value.dtype: ", v.dtype(), " instead.");
  check(is_floating(q.dtype()), "expected a floating dtype, got ", q.dtype());
  check(q.ndim() >= 2 && k.ndim() >= 2 && v.ndim() >= 2,
        "Expected query, key, and value to all be at least 2 dimensional, but got query.dim: ",
        q.ndim(), " key.dim: ", k.ndim(), " and value.dim: ", v.ndim(), " instead.");
  check(q.size(-1) == k.size(-1), "Expected query and key of the same last size, but got shapes ",
        q.shape(), " and ", k.shape());
  check(k.size(-2) == v.size(-2), "Expected as many keys as values, but got shapes ", k.shape(),
        " and ", v.shape());
  if (!mask.defined()) return;
  check(mask.dtype() == Dtype::kBool || mask.dtype() == q.dtype() ||
            (mask.dtype() == Dtype::kFloat32 && is_narrow(q.dtype())),
        "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
        "attn_mask.dtype: ",
        mask.dtype(), " and  query.dtype: ", q.dtype(), " instead.");
  check(mask.ndim() >= 2, ErrorKind::kIndex, "Expected attn_mask of 2 dimensions or more, got ",
        mask.shape());
}

// The sizes before the last `behind`.
Dims lead(const Tensor& t, int behind) {
  Dims d;
  for (int i = 0; i < t.ndim() - behind; ++i) d.push_back(t.shape()[i]);
  return d;
}

// The tensor with these sizes before its last `behind`.
Tensor expanded(const Tensor& t, Dims shape, int behind) {
  for (int i = behind; i > 0; --i) shape.push_back(t.size(-i));
  return shape == t.shape() ? t : expand(t, shape);
}

// Its last three dimensions, behind one for all others; copied, once for the gradient too, where
// rows are not runs of memory.
Tensor four(const Tensor& t) {
  if (t.ndim() == 4 && t.strides()[3] != 1 && t.shape()[3] > 1) return contiguous(t);
  if (t.ndim() == 4) return t;
  if (t.ndim() == 3) return unsqueeze(t, 0);
  if (t.ndim() == 2) return reshape(t, Dims{1, 1, t.size(0), t.size(1)});
  return flatten(t, 0, t.ndim() - 4);
}

// Each head as many times in turn as makes `heads`.
Tensor repeated(const Tensor& t, int64_t heads) {
  const int64_t n = t.size(-3);
  if (n == heads) return t;
  Dims shape = lead(t, 3);
  for (const int64_t s : {n, heads / n, t.size(-2), t.size(-1)}) shape.push_back(s);
  return flatten(expand(unsqueeze(t, -3), shape), -4, -3);
}

// Heads of keys and values that serve several heads of queries.
void share_heads(const Tensor& q, Tensor& k, Tensor& v) {
  check(q.ndim() >= 3 && k.ndim() >= 3 && v.ndim() >= 3, ErrorKind::kIndex,
        "enable_gqa: heads are dimension -3, but got shapes ", q.shape(), ", ", k.shape(), " and ",
        v.shape());
  const int64_t heads = q.size(-3), of_key = k.size(-3), of_value = v.size(-3);
  check(of_key > 0 && of_value > 0 && heads % of_key == 0 && heads % of_value == 0,
        "Number of heads in key and value must divide the number of heads in query, but got ",
        of_key, " and ", of_value, " of ", heads);
  if (of_key == of_value) return;
  k = repeated(k, heads);
  v = repeated(v, heads);
}

// One head of keys and values that broadcasts to those of queries is shared by them.
bool shares_heads(const Tensor& q, const Tensor& k, const Tensor& v) {
  return q.ndim() >= 3 && k.ndim() >= 3 && v.ndim() >= 3 && k.size(-3) == v.size(-3) &&
         (k.size(-3) == 1 || k.size(-3) == q.size(-3));
}

Tensor mask_of(const Tensor& mask, const Dims& scores) {
  check(broadcast_shapes(mask.shape(), scores) == scores, "attn_mask of shape ", mask.shape(),
        " does not broadcast to ", scores);
  if (scores.size() <= 4) {
    Dims shape = mask.shape();
    while (shape.size() < 4) shape.insert(0, 1);
    return shape == mask.shape() ? mask : reshape(mask, shape);
  }
  return four(expand(mask, scores));
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  constexpr const char* kName = "scaled_dot_product_attention";
  check_defined(query, kName);
  check_defined(key, kName, "key");
  check_defined(value, kName, "value");
  Tensor q = query, k = key, v = value;
  check_operands(q, k, v, attn_mask);
  check(dropout_p >= 0 && dropout_p <= 1, "dropout probability has to be between 0 and 1, but got ",
        dropout_p);
  if (enable_gqa) share_heads(q, k, v);
  // Without heads of their own all dimensions but two are those of a batch.
  const int own = enable_gqa || shares_heads(q, k, v) ? 3 : 2;
  const Dims batch = broadcast_shapes(broadcast_shapes(lead(q, own), lead(k, own)), lead(v, own));
  q = expanded(q, batch, own);
  k = expanded(k, batch, own);
  v = expanded(v, batch, own);
  Dims shape = lead(q, 1), scores = shape;
  shape.push_back(v.size(-1));
  scores.push_back(k.size(-2));
  const double by = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  const Tensor mask = attn_mask.defined() ? mask_of(attn_mask, scores) : Tensor();
  const double p = dropout_p < 1 ? dropout_p : 0;
  Tensor y = attend({four(q), four(k), four(v), mask, by, is_causal, p});
  if (dropout_p == 1) y = mul(y, 0.0);
  return y.shape() == shape ? y : reshape(y, shape);
}

namespace {

// y = dropout(softmax(scale q k' + mask)) v
constinit const Op scaled_dot_product_attention_op{
    .name = "scaled_dot_product_attention",
    .autocast = Cast::kLower,
    .mixed = true,
    .signature = kAttention,
    .on = kFunctional,
    .doc =
        "softmax(scale * query @ key^T + mask) @ value for queries (..., L, E), keys (..., S, E) "
        "and values (..., S, V), whose other dimensions broadcast. `attn_mask` broadcasts to (..., "
        "L, S): where a bool one is False no weight is given, a floating one of query's dtype is "
        "added; with `is_causal` query i sees keys up to i. A query that sees none gives zeros. "
        "`dropout_p` of the weights are zeroed, always, and the others divided by 1 - dropout_p. "
        "`scale` is 1 / sqrt(E) unless given. With `enable_gqa` each of the heads, dimension -3, "
        "of key and value serves as many of query's, in turn. Floating only. Vaswani et al., "
        "arXiv:1706.03762.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      std::optional<double> scale;
      if (a.has(kAttention["scale"])) scale = a.real(kAttention["scale"]);
      c.results = {scaled_dot_product_attention(
          c.in(0), c.in(1), c.in(2), optional_tensor(c, 3), a.real(kAttention["dropout_p"]),
          a.flag(kAttention["is_causal"]), scale, a.flag(kAttention["enable_gqa"]))};
    }};

const Op* const kOps[] = {&scaled_dot_product_attention_op, &attention_forward_op,
                          &attention_backward_op, &attention_kept_op, &attention_factors_op};

}  // namespace

std::span<const Op* const> attention_ops() { return kOps; }

}  // namespace wengert
