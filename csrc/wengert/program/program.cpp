#include "wengert/program/program.h"

#include <algorithm>

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/random/random.h"
#include "wengert/program/file/sizes.h"
#include "wengert/program/impl.h"

namespace wengert {

Program::Program(std::unique_ptr<Recording> recording) : recording_(std::move(recording)) {}
Program::~Program() = default;

// The passes wait for the first replay: a function that is called once costs no more than running.
Program::Impl& Program::impl() {
  if (impl_) return *impl_;
  const WatchPause pause;
  auto made = std::make_unique<Impl>(*recording_);
  made->places.resize(recording_->slots.size());
  made->find_kept();
  made->remove_dead();
  pristine_ = std::make_unique<Pristine>(*recording_);  // see Note [program files]
  made->write_first_gradients();
  made->fold_constants();
  made->fuse_next();
  made->fuse_backward_activations();
  made->fuse_activations();
  made->make_nodes();
  made->make_segments();
  made->choose_places();
  made->plan_memory();
  made->bind();
  impl_ = std::move(made);
  return *impl_;
}

bool Program::ready() { return impl().ready(); }
void Program::run() { impl().run(); }

void Program::set_input(int i, const Tensor& value) {
  Impl& p = impl();
  check(i >= 0 && i < inputs(), ErrorKind::kIndex, "capture: there is no argument ", i);
  const Piece& to = p.rec.inputs[static_cast<size_t>(i)];
  check(value.shape() == to.shape() && value.dtype() == to.dtype, "capture: argument ", i,
        " has shape ", value.shape(), " and dtype ", value.dtype(), ", captured with ", to.shape(),
        " and ", to.dtype);
  check(!writes_to(*value->storage->root()), ErrorKind::kCapture, "capture: argument ", i,
        " shares memory with a tensor that the function changes; pass a clone()");
  copy_strided(p.place(to.slot).data, to.strides(), value.data(), value.strides(), to.shape(),
               item_size(to.dtype));
}

Tensor Program::input(int i) {
  Impl& p = impl();
  check(i >= 0 && i < inputs(), ErrorKind::kIndex, "capture: there is no argument ", i);
  const Piece& m = p.rec.inputs[static_cast<size_t>(i)];
  return Tensor(new TensorImpl(p.place(m.slot).owner, 0, m.dtype, m.shape(), m.strides()));
}

void Program::give_back(int i, const Tensor& to) {
  const Piece& from = recording_->inputs[static_cast<size_t>(i)];
  if (!recording_->slots[from.slot].written) return;
  GradMode off(false);
  Tensor target = to;
  copy_(target, impl().tensor_at(from));
}

Tensor Program::result(size_t i) {
  Impl& p = impl();
  const Argument& a = p.rec.results[i];
  if (a.kind != Argument::Kind::kPiece) return {};
  const Piece& piece = a.piece;
  const Slot& slot = p.rec.slots[piece.slot];
  Tensor t(new TensorImpl(p.place(piece.slot).owner, piece.offset, piece.dtype, piece.shape(),
                          piece.strides()));
  t->view = ViewKind::kPlain;  // several results may share memory
  if (slot.origin != Slot::Origin::kInput && slot.origin != Slot::Origin::kConstant) return t;
  GradMode off(false);
  return clone(t);
}

bool Program::writes_to(const Storage& memory) {
  Impl& p = impl();
  for (uint32_t slot : p.changed)
    if (p.rec.slots[slot].storage.get() == &memory) return true;
  return false;
}

Program::Changes Program::changes() {
  Impl& p = impl();
  Changes c;
  for (const Outside& o : p.rec.outside)
    if (p.rec.slots[o.piece.slot].written) c.tensors.emplace_back(o.impl);
  for (const GradUse& use : p.rec.grads) c.leaves.emplace_back(use.leaf);
  for (const Step& s : p.rec.steps) {
    if (!s.op || !s.op->draws) continue;
    const Attrs& attrs = p.rec.attrs_of(s);
    Generator* g = nullptr;
    for (int i = 0; i < attrs.count(); ++i)
      if (attrs.kind(i) == Attrs::Kind::kGenerator) g = attrs.generator(i);
    if (!g) g = &default_generator();
    if (std::find(c.generators.begin(), c.generators.end(), g) == c.generators.end())
      c.generators.push_back(g);
  }
  return c;
}

size_t Program::arena_bytes() { return impl().arena_bytes; }

}  // namespace wengert
