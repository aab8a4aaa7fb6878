// A table of embeddings.
#include "wengert/ops/embedding/embedding.h"

#include "wengert/nn/init.h"
#include "wengert/nn/nn.h"
#include "wengert/nn/text.h"

namespace wengert::nn {

Embedding::Embedding(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& options)
    : options_(options) {
  check(num_embeddings >= 0 && embedding_dim >= 0, "Embedding: there is no table of ",
        num_embeddings, " rows of ", embedding_dim);
  if (options_.padding_idx) {
    int64_t& row = *options_.padding_idx;
    check(-num_embeddings <= row && row < num_embeddings, ErrorKind::kValue,
          "Embedding: padding_idx must be within num_embeddings, got ", row);
    if (row < 0) row += num_embeddings;
  }
  weight_ =
      add_parameter("weight", init::normal_(zeros({num_embeddings, embedding_dim}, options.dtype)));
  if (!options_.padding_idx) return;
  const NoGradGuard off;
  init::zeros_(select(weight_, 0, *options_.padding_idx));
}

Tensor Embedding::forward(const Tensor& x) {
  return embedding(x, weight_, options_.padding_idx, options_.max_norm, options_.norm_type,
                   options_.scale_grad_by_freq);
}

std::string Embedding::options() const {
  std::string out = text(weight_.size(0), ", ", weight_.size(1));
  if (options_.padding_idx) out += text(", padding_idx=", *options_.padding_idx);
  if (options_.max_norm) out += ", max_norm=" + as_float(*options_.max_norm);
  if (options_.norm_type != 2) out += ", norm_type=" + as_float(options_.norm_type);
  if (options_.scale_grad_by_freq) out += ", scale_grad_by_freq=True";
  return out;
}

}  // namespace wengert::nn
