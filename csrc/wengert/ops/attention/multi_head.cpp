// Multi-head attention: the projections around scaled_dot_product_attention.
#include <cmath>
#include <limits>

#include "wengert/base/assertion.h"
#include "wengert/base/warning.h"
#include "wengert/ops/attention/attention.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/pool/pool.h"
#include "wengert/ops/random/random.h"

namespace wengert {
namespace {

constexpr Signature kForward =
    "(query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int, "
    "in_proj_weight: Tensor | None, in_proj_bias: Tensor | None, bias_k: Tensor | None, bias_v: "
    "Tensor | None, add_zero_attn: bool, dropout_p: float, out_proj_weight: Tensor, out_proj_bias: "
    "Tensor | None, training: bool = True, key_padding_mask: Tensor | None = None, need_weights: "
    "bool = True, attn_mask: Tensor | None = None, use_separate_proj_weight: bool = False, "
    "q_proj_weight: Tensor | None = None, k_proj_weight: Tensor | None = None, v_proj_weight: "
    "Tensor | None = None, static_k: Tensor | None = None, static_v: Tensor | None = None, "
    "average_attn_weights: bool = True, is_causal: bool = False) -> tuple[Tensor, Tensor | None]";

// The tensors of the signature, in its order.
enum At : int {
  kQuery,
  kKey,
  kValue,
  kInWeight,
  kInBias,
  kBiasK,
  kBiasV,
  kOutWeight,
  kOutBias,
  kPadding,
  kMask,
  kWeightQ,
  kWeightK,
  kWeightV,
  kStaticK,
  kStaticV
};

// ---- checks

void check_dims(const Call& c, int i, const char* name, int batched, int unbatched) {
  if (!c.has(i)) return;
  const bool many = c.in(kQuery).ndim() == 3;
  const int wanted = many ? batched : unbatched;
  require(c.in(i).ndim() == wanted, many ? "For batched (3-D)" : "For unbatched (2-D)",
          " `query`, expected `", name, "` to be ", wanted, "-D but found ", c.in(i).ndim(),
          "-D tensor");
}

// Whether there is a batch: its dimension is the second then.
bool check_ranks(const Call& c) {
  const int dims = c.in(kQuery).ndim();
  require(dims == 2 || dims == 3, "query should be unbatched 2D or batched 3D tensor but received ",
          dims, "-D query tensor");
  check_dims(c, kKey, "key", 3, 2);
  check_dims(c, kValue, "value", 3, 2);
  check_dims(c, kPadding, "key_padding_mask", 2, 1);
  if (c.has(kMask) && c.in(kMask).ndim() != 2) check_dims(c, kMask, "attn_mask", 3, 3);
  return dims == 3;
}

void check_embedding(const Call& c, int64_t size, int64_t heads) {
  const int64_t expected = c.attrs.integer(kForward["embed_dim_to_check"]);
  require(size == expected, "was expecting embedding dimension of ", expected, ", but got ", size);
  require(heads > 0 && size % heads == 0, "embed_dim ", size, " not divisible by num_heads ",
          heads);
  const Dims &k = c.in(kKey).shape(), &v = c.in(kValue).shape();
  if (!c.attrs.flag(kForward["use_separate_proj_weight"])) {
    require(k == v, "key shape ", k, " does not match value shape ", v);
    return;
  }
  for (int d = 0; d + 1 < k.size(); ++d)
    require(k[d] == v[d], "key's sequence and batch dims ", k, " do not match value's ", v);
}

// A mask as what is added to scores: of bools -inf where they are true.
Tensor added(const Call& c, int i, const char* name, Dtype dtype) {
  if (!c.has(i)) return {};
  const Tensor& m = c.in(i);
  if (is_floating(m.dtype())) return m;
  require(m.dtype() == Dtype::kBool, "only bool and floating types of ", name, " are supported");
  return masked_fill(full(m.shape(), 0, dtype), m, -std::numeric_limits<double>::infinity());
}

// ---- projections

// n parts of the last dimension of (., ., n E), each (., ., E).
void part(const Tensor& x, int n, Tensor* to) {
  const Dims& s = x.shape();
  const Tensor all = reshape(x, Dims{s[0], s[1], n, s[2] / n});
  for (int i = 0; i < n; ++i) to[i] = select(all, 2, i);
}

// One weight for all: what is projected by several of its parts is multiplied once.
void project_packed(const Call& c, Tensor (&x)[3]) {
  require(c.has(kInWeight), "use_separate_proj_weight is False but in_proj_weight is None");
  const Tensor &w = c.in(kInWeight), b = optional_tensor(c, kInBias);
  const int64_t e = x[0].size(-1);
  check(w.ndim() == 2 && w.shape()[0] == 3 * e, "in_proj_weight must be (", 3 * e, ", ", e,
        "), but is ", w.shape());
  const auto by = [&](const Tensor& t, int from, int n) {
    return linear(t, narrow(w, 0, from * e, n * e),
                  b.defined() ? narrow(b, 0, from * e, n * e) : Tensor());
  };
  const bool one_source = x[1].is_same(x[2]);
  if (one_source && x[0].is_same(x[1])) return part(linear(x[0], w, b), 3, x);
  x[0] = by(x[0], 0, 1);
  if (one_source) return part(by(x[1], 1, 2), 2, x + 1);
  for (int i = 1; i < 3; ++i) x[i] = by(x[i], i, 1);
}

void project_apart(const Call& c, Tensor (&x)[3]) {
  const Tensor b = optional_tensor(c, kInBias);
  const int64_t e = x[0].size(-1);
  for (int i = 0; i < 3; ++i) {
    const char name[] = {"qkv"[i], '\0'};
    require(c.has(kWeightQ + i), "use_separate_proj_weight is True but ", name,
            "_proj_weight is None");
    const Tensor& w = c.in(kWeightQ + i);
    const Dims wanted{e, x[i].size(-1)};
    require(w.shape() == wanted, "expecting ", name, "_proj_weight of shape ", wanted, ", but got ",
            w.shape());
    x[i] = linear(x[i], w, b.defined() ? narrow(b, 0, i * e, e) : Tensor());
  }
}

// ---- one call

// Softmax(q k^T / sqrt(d) + mask) v for each head, between two projections. Vaswani et al.,
// arXiv:1706.03762. Projections are made of (batch, time, embedding), in whichever order the inputs
// lie, so that the sums of their gradients have one order; q, k and v are (batch, heads, time, d).
class MultiHead {
 public:
  explicit MultiHead(const Call& c)
      : c_(c), batched_(check_ranks(c)), heads_(c.attrs.integer(kForward["num_heads"])) {
    for (int i = 0; i < 3; ++i) {
      int first = 0;  // one tensor for several stays one
      while (!c.in(first).is_same(c.in(i))) ++first;
      const Tensor& x = c.in(i);
      x_[i] = first < i ? x_[first] : batched_ ? transpose(x, 0, 1) : unsqueeze(x, 0);
    }
    const Dims& s = x_[0].shape();
    batch_ = s[0], targets_ = s[1], sources_ = x_[1].size(1), embedding_ = s[2];
    size_ = heads_ > 0 ? embedding_ / heads_ : 0;
  }

  void run(List<Tensor>& results) {
    const bool weights = c_.attrs.flag(kForward["need_weights"]);
    bool causal = c_.attrs.flag(kForward["is_causal"]);
    read_masks(weights, causal);
    check_embedding(c_, embedding_, heads_);
    c_.attrs.flag(kForward["use_separate_proj_weight"]) ? project_apart(c_, x_)
                                                        : project_packed(c_, x_);
    check_mask();
    add_biases();
    Tensor q = heads(x_[0]), k = source(1, kStaticK), v = source(2, kStaticV);
    if (c_.attrs.flag(kForward["add_zero_attn"])) {
      const Tensor zero = full({batch_, heads_, 1, size_}, 0, k.dtype());
      k = cat({k, zero}, 2), v = cat({v, zero}, 2);
      widen_masks();
    }
    sources_ = k.size(2);
    const Tensor mask = merged();
    Tensor shares;
    Tensor y = weights ? attend(q, k, v, mask, shares)
                       : scaled_dot_product_attention(q, k, v, mask, drop(), causal);
    y = reshape(permute(y, Dims{2, 0, 1, 3}), Dims{targets_, batch_, embedding_});
    y = linear(y, c_.in(kOutWeight), optional_tensor(c_, kOutBias));
    results = {batched_ ? y : squeeze(y, 1), batched_ || !weights ? shares : squeeze(shares, 0)};
  }

 private:
  void read_masks(bool weights, bool& causal) {
    const Dtype dtype = x_[0].dtype();
    padding_ = added(c_, kPadding, "key_padding_mask", dtype);
    if (c_.has(kPadding) && c_.has(kMask) && c_.in(kPadding).dtype() != c_.in(kMask).dtype())
      warn(
          "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for "
          "both instead.");
    check(!causal || c_.has(kMask),
          "Need attn_mask if specifying the is_causal hint. You may use the Transformer module ",
          "method `generate_square_subsequent_mask` to create this mask.");
    // The hint stands for the mask, but where it is to be merged with another or weights are
    // wanted.
    if (causal && !padding_.defined() && !weights) return;
    causal = false;
    mask_ = added(c_, kMask, "attn_mask", dtype);
  }

  void check_mask() const {
    if (!mask_.defined()) return;
    const Dims wanted =
        mask_.ndim() == 2 ? Dims{targets_, sources_} : Dims{batch_ * heads_, targets_, sources_};
    check(mask_.shape() == wanted, "The shape of the ", mask_.ndim(), "D attn_mask is ",
          mask_.shape(), ", but should be ", wanted, ".");
  }

  // A key and a value more, behind those of every sequence.
  void add_biases() {
    const bool there = c_.has(kBiasK);
    require(there == c_.has(kBiasV), "bias_k and bias_v are given together or not at all");
    if (!there) return;
    require(!c_.has(kStaticK) && !c_.has(kStaticV), "bias cannot be added to static key or ",
            "value.");
    for (int i = 1; i < 3; ++i) {
      const Tensor more = expand(c_.in(kBiasK + i - 1), Dims{batch_, 1, embedding_});
      x_[i] = cat({x_[i], more}, 1);
    }
    widen_masks();
  }
  void widen_masks() {
    for (Tensor* m : {&mask_, &padding_})
      if (m->defined()) *m = constant_pad_nd(*m, Dims{0, 1});
  }

  // (batch, time, embedding) -> (batch, heads, time, d)
  Tensor heads(const Tensor& x) const {
    return transpose(reshape(x, Dims{x.size(0), x.size(1), heads_, size_}), 1, 2);
  }
  Tensor source(int i, int fixed) const {
    if (!c_.has(fixed)) return heads(x_[i]);
    const Tensor& x = c_.in(fixed);
    require(x.ndim() == 3 && x.shape()[0] == batch_ * heads_ && x.shape()[2] == size_,
            "expecting static_", fixed == kStaticK ? "k" : "v", " of shape (", batch_ * heads_,
            ", *, ", size_, "), but got ", x.shape());
    return reshape(x, Dims{batch_, heads_, x.shape()[1], size_});
  }

  // What is added to scores (batch, heads, targets, sources).
  Tensor merged() const {
    Tensor mask = mask_;
    if (mask.defined())
      mask = reshape(mask, mask.ndim() == 2 ? Dims{1, 1, targets_, sources_}
                                            : Dims{batch_, heads_, targets_, sources_});
    if (!padding_.defined()) return mask;
    const Dims wanted{batch_, sources_};
    const Tensor padding = batched_ ? padding_ : unsqueeze(padding_, 0);
    require(padding.shape() == wanted, "Expected key_padding_mask of shape ", wanted, ", but got ",
            padding.shape());
    const Tensor wide = reshape(padding, Dims{batch_, 1, 1, sources_});
    return mask.defined() ? add(mask, wide) : wide;
  }

  double drop() const {
    return c_.attrs.flag(kForward["training"]) ? c_.attrs.real(kForward["dropout_p"]) : 0;
  }

  // In single steps, as the weights are wanted.
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                Tensor& shares) const {
    const double scale = std::sqrt(1 / static_cast<double>(size_));
    Tensor scores = matmul(mul(q, scale), transpose(k, -2, -1));
    if (mask.defined()) {
      check(mask.dtype() == q.dtype(), "the masks are ", mask.dtype(), ", but the query is ",
            q.dtype());
      scores = add(scores, mask);
    }
    shares = softmax(scores, -1);
    if (drop() > 0) shares = dropout(shares, drop());
    const Tensor y = matmul(shares, v);
    if (c_.attrs.flag(kForward["average_attn_weights"])) shares = mean(shares, Dims{1});
    return y;
  }

  const Call& c_;
  const bool batched_;
  const int64_t heads_;
  int64_t batch_ = 0, targets_ = 0, sources_ = 0, embedding_ = 0, size_ = 0;
  Tensor x_[3], mask_, padding_;
};

// y = concat_h(softmax(q_h k_h^T / sqrt(d) + mask) v_h) W_o + b_o, of q = query W_q + b_q, ...
constinit const Op multi_head_attention_forward_op{
    .name = "multi_head_attention_forward",
    .signature = kForward,
    .on = kFunctional,
    .doc =
        "Query (L, N, E), key and value (S, N, E), or all without N: projected, softmax(q k^T / "
        "sqrt(d) + mask) v in each of `num_heads` heads of d = E / num_heads, and a projection of "
        "the heads side by side, (L, N, E). Gives the weights too, (N, L, S), or (N, heads, L, S) "
        "without `average_attn_weights`; None without `need_weights`, which costs memory and time. "
        "Masks (N, S), and (L, S) or (N heads, L, S), are added to the scores, or true where a key "
        "is left out; `is_causal` says of attn_mask that it leaves out later "
        "keys. AssertionError and RuntimeError for shapes. Vaswani et al., arXiv:1706.03762.",
    .composed = [](Call& c) { MultiHead(c).run(c.results); }};

const Op* const kOps[] = {&multi_head_attention_forward_op};

}  // namespace

std::span<const Op* const> multi_head_ops() { return kOps; }

}  // namespace wengert
