// The history of tensors that share memory, when one of them is changed in place.
#include "wengert/tape/history.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "wengert/base/fork.h"
#include "wengert/tape/tape.h"

// Note [views and in-place]: the tensors of one storage are parts of one whole: the tensor that was
// made with the memory, which the storage knows. A recorded change in place gives the tensor a new
// entry. If it is a part, the whole gets one as well, which puts the changed part into what the
// whole was: metadata only, since the memory is already right. The other tensors, views made
// before, are out of date. The storage counts such changes (`recorded`), every tensor knows the
// count that its history has seen, and one that has missed a change takes, when it is next used, a
// new entry that views the whole as it is now; the changed view too, so that all gradients meet in
// the whole. So nobody pays who changes nothing, and a change costs one entry however many views
// there are.
//
// The whole is reached through a plain pointer, as a view must not keep it alive: its memory could
// not be written over. If it goes while views are left, a tensor that stands in for it, owned by
// the storage, keeps its history. That is a cycle, which ends when the others of the storage are
// only held by the graph of this history itself (saved for a backward that cannot come any more).
// A view whose whole had gone before the first change finds in its entries what the whole was.
//
// A detached tensor and its views are a family with a whole of their own, which is kept in a table
// once one of them has been changed. What is unseen() has a storage of its own on the same memory.

namespace wengert {
namespace {

const char* name_of_maker(const Tensor& t) { return t->entry ? entry_of(t)->name() : "a view"; }

// `how` says what is changed: it, or what it is a view of.
[[noreturn]] void refuse(const Tensor& t, const char* how) {
  switch (t->view) {
    case ViewKind::kNoGrad:
      fail(ErrorKind::kRuntime, "A view was created in no_grad mode and ", how,
           " modified inplace with grad mode enabled. Given that this use case is ambiguous and "
           "error-prone, it is forbidden. You can clarify your code by moving both the view and "
           "the inplace either both inside the no_grad block (if you don't want the inplace to be "
           "tracked) or both outside (if you want the inplace to be tracked).");
    case ViewKind::kOneOfMany:
      fail(ErrorKind::kRuntime, "The output of ", name_of_maker(t), " is a view and ", how,
           " modified inplace. This view is the output of a function that returns multiple views. "
           "Such functions do not allow the output views to be modified inplace. You should "
           "replace the inplace operation by an out-of-place one.");
    default:
      fail(ErrorKind::kRuntime, "The output of ", name_of_maker(t), " is a view and ", how,
           " modified inplace. This view was created inside a custom Function (or because an input "
           "was returned as-is) and the autograd logic to handle view+inplace would override the "
           "custom backward associated with the custom Function, leading to incorrect gradients. "
           "You can fix this by cloning the output of the custom Function.");
  }
}

int64_t extent(const Dims& shape, const Dims& strides) {
  int64_t n = numel(shape) ? 1 : 0;
  for (int d = 0; d < shape.size() && n; ++d) n += (shape[d] - 1) * strides[d];
  return n;
}

// The attributes of part_op and with_part_op.
Attrs place_in(const Tensor& whole, const Tensor& part) {
  const int64_t offset = part.numel() ? part->offset - whole->offset : 0;
  check(part.dtype() == whole.dtype() && offset >= 0 &&
            offset + extent(part.shape(), part.strides()) <= extent(whole.shape(), whole.strides()),
        "this tensor of shape ", part.shape(), " and dtype ", part.dtype(),
        " shares memory with one of shape ", whole.shape(), " and dtype ", whole.dtype(),
        " that has been modified by an inplace operation, and is no view of that; clone() it "
        "before");
  return Attrs(whole.strides(), part.strides(), offset);
}

// What has been said of parts and wholes in `inputs`, as an entry with the one output `t`.
void give_history(const Op& op, const Tensor& whole, const Tensor* part, const Tensor& t) {
  Call c(op, place_in(whole, part ? *part : t));
  c.add_input(whole);
  if (part) c.add_input(*part);
  give_entry(t, make_entry(c, {&t, 1}), 0);
}

// What the whole of these views was, as its entry says, or memory without history.
Ref<TensorImpl> stand_in_for_lost(const Tensor& view) {
  const Ref<Storage>& s = view->storage;
  Entry* e = entry_of(view);
  uint32_t i = view->output_index;
  while (e && e->op->view) {
    i = e->inputs()[0].index;
    e = e->inputs()[0].producer();
  }
  const int64_t size = item_size(view.dtype());
  const Dims shape =
      e ? Dims(e->shape(e->outputs()[i])) : Dims{static_cast<int64_t>(s->bytes()) / size};
  check(!e || (numel(shape) * size == static_cast<int64_t>(s->bytes()) && s->recorded == 0),
        "a view whose base has gone is being modified inplace, and what the base was is not known "
        "any more; clone() the view first");
  Ref<TensorImpl> whole = new TensorImpl(s, 0, view.dtype(), shape, contiguous_strides(shape));
  whole->join_family(view->family);
  whole->entry = e;
  whole->output_index = i;
  whole->recorded_at = 0;
  return whole;
}

// The whole of a family.
struct Whole {
  uint32_t family;
  TensorImpl* tensor;
  bool owned;
};

// Those of detached tensors, by storage.
struct Families {
  ForkSafeMutex mutex;
  std::unordered_map<const Storage*, std::vector<Whole>> of;
};
Families& families() {
  static auto* const all = new Families;  // outlives whatever goes at exit
  return *all;
}

Whole whole_of(const Storage& s, uint32_t family) {
  if (family == 0) return {0, s.whole, (s.keeps & Storage::kOwnsWhole) != 0};
  if (!(s.keeps & Storage::kFamilies)) return {family, nullptr, false};
  const std::lock_guard lock(families().mutex);
  for (const Whole& w : families().of[&s])
    if (w.family == family) return w;
  return {family, nullptr, false};
}

// An owned one is held from now on; what was held before is given back.
void set_whole(Storage& s, uint32_t family, const Ref<TensorImpl>& whole, bool owned) {
  const Whole before = whole_of(s, family);
  if (owned) whole->retain();
  if (family == 0) {
    s.whole = whole.get();
    s.keeps =
        static_cast<uint8_t>((s.keeps & ~Storage::kOwnsWhole) | (owned ? Storage::kOwnsWhole : 0));
  } else {
    const std::lock_guard lock(families().mutex);
    std::vector<Whole>& all = families().of[&s];
    std::erase_if(all, [&](const Whole& w) { return w.family == family; });
    if (whole) all.push_back({family, whole.get(), owned});
    s.keeps |= Storage::kFamilies;
  }
  if (before.owned) before.tensor->release();
}

std::vector<Whole> wholes_of(const Storage& s) {
  std::vector<Whole> all;
  if (s.whole) all.push_back(whole_of(s, 0));
  if (!(s.keeps & Storage::kFamilies)) return all;
  const std::lock_guard lock(families().mutex);
  const std::vector<Whole>& more = families().of[&s];
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Whether `count` tensors of the storage, all that there are beside the whole, are held by nothing
// but the graph of the whole's history.
class HeldByGraph {
 public:
  HeldByGraph(const Storage& s, uint32_t family, int count)
      : s_(s), family_(family), count_(count) {}

  bool all(Entry* from) {
    open_.push_back(from);
    // Those that saved them are seldom far.
    constexpr size_t kFar = 2000;
    for (size_t k = 0; k < open_.size() && k < kFar; ++k) {
      look(*open_[k]);
      if (found_ == count_) return true;
      for (const Entry::Input& in : open_[k]->inputs())
        if (Entry* e = in.producer(); e && seen_.insert(e).second) open_.push_back(e);
    }
    return false;
  }

 private:
  void look(Entry& e) {
    for (const Entry::Input& in : e.inputs())
      if (in.has_saved())
        if (const Operand x = in.saved(); x.is_tensor()) see(*x.tensor().impl(), 1);
    for (const Entry::Output& out : e.outputs())
      if (out.saved.defined()) see(*out.saved.impl(), 0);
  }
  void see(const TensorImpl& t, int ours) {
    if (t.storage.get() == &s_ && (family_ != 0 || t.family == 0) &&
        ++times_[&t] == t.refs() - ours)
      ++found_;
  }

  const Storage& s_;
  const uint32_t family_;
  int count_, found_ = 0;
  List<Entry*> open_;
  std::unordered_set<const Entry*> seen_;
  std::unordered_map<const TensorImpl*, int> times_;
};

}  // namespace

void forget_families(const Storage& s) {
  const std::lock_guard lock(families().mutex);
  families().of.erase(&s);
}

void TensorImpl::leave_memory() {
  Storage& s = *storage;
  if (!s.keeps && (s.recorded == 0 || !entry)) {
    s.whole = nullptr;
    return;
  }
  const std::vector<Whole> wholes = wholes_of(s);
  int others = s.refs() - 1;  // beside this and those that stand in
  for (const Whole& w : wholes) others -= w.owned;
  // A whole of the first family has nothing to keep for tensors of the others.
  const int first = s.refs() - 1 - s.strangers - (s.keeps & Storage::kOwnsWhole);
  for (const Whole& w : wholes) {
    if (w.tensor != this && !w.owned) continue;
    const int left = w.family == 0 ? first : others;
    auto* e = static_cast<Entry*>(w.tensor->entry.get());
    const bool told = e && s.recorded > 0;  // else there is nothing yet that others have missed
    const bool held = left > 0 && !(told && HeldByGraph(s, w.family, left).all(e));
    if (w.tensor != this) {
      if (!held) set_whole(s, w.family, {}, false);
    } else if (told && held) {
      Ref<TensorImpl> whole = new TensorImpl(storage, offset, dtype, shape, strides);
      whole->join_family(family);
      whole->entry = entry;
      whole->output_index = output_index;
      whole->recorded_at = recorded_at;
      set_whole(s, w.family, whole, true);
    } else {
      set_whole(s, w.family, {}, false);
    }
  }
}

// A change that another family has seen is none for this one: the count of the whole, which is left
// as it is, says when its family was changed.
void Tensor::take_history() const {
  const Tensor whole(whole_of(*p_->storage, p_->family).tensor);
  if (whole.is_same(*this)) return;
  const bool missed =
      whole.defined() && is_floating(dtype()) && whole->recorded_at > p_->recorded_at;
  if (missed && p_->view > ViewKind::kPlain)
    refuse(*this, "its base or another view of its base has been");
  if (missed && whole->entry) {
    give_history(part_op, whole, nullptr, *this);
  } else if (missed) {
    p_->entry.reset();
  }
  p_->recorded_at = p_->storage->recorded;
}

void check_whole(const Tensor& view) {
  const Tensor whole(whole_of(*view->storage, view->family).tensor);
  if (!whole.defined() || whole.is_same(view)) return;
  check(!whole->requires_grad || whole->entry,
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  if (whole->entry && view->view > ViewKind::kPlain) refuse(view, "is being");
}

void prepare_change(const Tensor& self) {
  if (self->view > ViewKind::kPlain) refuse(self, "is being");
  Storage& s = *self->storage;
  if (self->recorded_at == kNeverStale) return;
  if (!whole_of(s, self->family).tensor) {
    const bool own = self->view == ViewKind::kNone || s.refs() == 1;
    set_whole(s, self->family, own ? self.ref() : stand_in_for_lost(self), !own);
  }
  const Tensor whole(whole_of(s, self->family).tensor);
  if (!whole.is_same(self)) place_in(whole, self);
}

void record_change(const Tensor& self, const Ref<Entry>& e, uint32_t i) {
  give_entry(self, e, i);
  if (self->recorded_at == kNeverStale) return;
  const uint32_t now = ++self->storage->recorded;
  const Tensor whole(whole_of(*self->storage, self->family).tensor);
  if (!whole.is_same(self)) give_history(with_part_op, whole, &self, whole);
  whole->recorded_at = now;
  if (self->extras) self.catch_up();  // a retained gradient is that of the view as it is now
}

void record_part(const Tensor& y, const Tensor& part, const Tensor& x, const Tensor& src) {
  Call c(with_part_op, place_in(y, part));
  c.add_input(x);
  c.add_input(src);
  give_entry(y, make_entry(c, {&y, 1}), 0);
}

bool is_view_at(const Tensor& t, const Tensor& x, const Dims& shape, const Dims& strides,
                int64_t offset) {
  return t.defined() && t->storage == x->storage && t->family == x->family &&
         t->view == ViewKind::kPlain && !t->extras && !(x->requires_grad && x.is_leaf()) &&
         t.dtype() == x.dtype() && t->offset == offset && t.shape() == shape &&
         t.strides() == strides;
}

void become_view(const Tensor& self, const Tensor& view) {
  check(self.shares_memory(view) && self.dtype() == view.dtype(),
        "a view of the tensor itself is needed");
  check(!grad_enabled() || !self.requires_grad() || !self.is_leaf(),
        "a leaf Variable that requires grad is being used in an in-place operation.");
  check(!self->entry || view->entry,
        "the shape of a tensor with history can't change while nothing is recorded");
  self->offset = view->offset;
  self->shape = view.shape();
  self->strides = view.strides();
  ++self->storage->version;  // backward must not use what it saved in the other shape
  if (view->entry) give_entry(self, entry_of(view), view->output_index);
}

}  // namespace wengert
