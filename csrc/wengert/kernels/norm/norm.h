// Normalisation to mean 0 and variance 1: of groups of channels within one sample, and of channels
// over a batch. What is saved of a forward pass are mean and 1 / sqrt(var + eps), one each for what
// was normalised together; the rest is computed anew.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// Contiguous [samples, groups, channels, inner]. Each (sample, group) is normalised on its own, and
// scaled and shifted by numbers per (group, channel). One group and inner = 1 are layer norm.
struct GroupNormShape {
  int64_t samples, groups, channels, inner;
  double eps;
  bool centred;  // else as if the mean were 0, which is not saved
  int64_t rows() const { return samples * groups; }
  int64_t row() const { return channels * inner; }
};
// y = (x - m) r w + b, w and b may be null.
void group_norm_forward(Dtype dtype, const GroupNormShape& s, const void* x, const void* w,
                        const void* b, void* y, void* mean, void* rstd);
// With h = (x - m) r and sums over the row of n: dx = r (g w - sum g w / n - h sum g w h / n),
// dw = sum g h, db = sum g over all rows. What is null is not computed.
void group_norm_gradient(Dtype dtype, const GroupNormShape& s, const void* g, const void* x,
                         const void* mean, const void* rstd, const void* w, void* dx, void* dw,
                         void* db);

// Contiguous [samples, channels, inner], a channel normalised over all samples.
struct BatchNormShape {
  int64_t samples, channels, inner;
  double eps;
  int64_t count() const { return samples * inner; }
  int64_t size() const { return count() * channels; }
};
// Running statistics, null where there are none, which become (1 - momentum) of themselves and
// momentum of those of the batch. Their channels are so many elements apart.
struct RunningMoments {
  void *mean, *var;
  int64_t mean_stride, var_stride;
  double momentum;
};
// y = (x - m) r w + b by the moments of the batch, which are saved.
void batch_norm_forward(Dtype dtype, const BatchNormShape& s, const void* x, const void* w,
                        const void* b, const RunningMoments& running, void* y, void* mean,
                        void* rstd);
// The same by given moments.
void batch_norm_apply(Dtype dtype, const BatchNormShape& s, const void* x, const void* w,
                      const void* b, const void* mean, const void* var, void* y);
// As of group_norm_forward with sums over a channel; of batch_norm_apply, whose moments do not
// depend on x, if `given`: dx = r g w.
void batch_norm_gradient(Dtype dtype, const BatchNormShape& s, bool given, const void* g,
                         const void* x, const void* mean, const void* rstd, const void* w, void* dx,
                         void* dw, void* db);

}  // namespace wengert
