// The tape: entries in the order they were made; backward reads them in the opposite order.
#pragma once

#include <span>

#include "wengert/tape/entry.h"

namespace wengert {

// ---- running ops ---------------------------------------------------------------------------

// The single way to run an op: shape, allocate (or alias), run, record if a gradient is needed.
// The outputs are in call.out, or call.results for composites.
void apply(Call& call);
// As apply, but output 0 is written into input 0, whose shape and dtype must fit.
void apply_inplace(Call& call);

// The op that is being run and is made of others, the outermost one; null if none is.
const Op* composite_running();

// Shorthands for the typed functions of ops.h.
inline Tensor apply(const Op& op, std::initializer_list<Operand> inputs, const Attrs& attrs = {}) {
  Call c(op, attrs);
  for (const Operand& x : inputs) c.add_input(x);
  apply(c);
  return op.is_composite() ? std::move(c.results[0]) : std::move(c.out[0]);
}

// PyTorch's result_type of the call's inputs from number `first` on.
Dtype common_dtype(const Call& call, int first = 0);

bool grad_enabled();
void set_grad_enabled(bool on);
bool inference_mode();
void set_inference_mode(bool on);
class GradMode {
 public:
  explicit GradMode(bool on) : before_(grad_enabled()) { set_grad_enabled(on); }
  ~GradMode() { set_grad_enabled(before_); }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};
// Nothing is recorded in this thread while it lives.
struct NoGradGuard : GradMode {
  NoGradGuard() : GradMode(false) {}
};

// Makes an entry for outputs computed elsewhere (Python Functions); `custom` gives the gradients.
void record_custom(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                   Ref<CustomVjp> custom);

// ---- backward ------------------------------------------------------------------------------

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  bool allow_unused = true;
};

// Accumulates d(sum of roots . grads)/d(leaf) into .grad of every leaf, or of `inputs` if given.
void backward(Tensors roots, Tensors grads, const BackwardOptions& options, Tensors inputs = {});
inline void backward(const Tensor& loss) { backward({&loss, 1}, {}, {}); }
// The same gradients returned, .grad untouched. Undefined where unused (an error unless allowed).
std::vector<Tensor> grad(Tensors roots, Tensors inputs, Tensors grads = {},
                         const BackwardOptions& options = {});

// ---- what the tape needs of the ops; defined on floor 3 --------------------------------------

Tensor add(const Operand& x, const Operand& y);
Tensor sum_to(const Tensor& x, const Dims& shape);  // undoes broadcasting
Tensor to(const Tensor& x, Dtype dtype);            // itself when nothing changes
Tensor contiguous(const Tensor& x);                 // itself when it already is
Tensor clone(const Tensor& x);
Tensor zeros(const Dims& shape, Dtype dtype = Dtype::kFloat32);
Tensor ones_like(const Tensor& x);
Tensor& copy_(Tensor& x, const Operand& source);  // broadcasts and casts
Tensor& add_(Tensor& x, const Operand& y);

}  // namespace wengert
