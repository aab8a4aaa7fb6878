// What changes in place do to the history of tensors that share memory. See Note [views and
// in-place].
#pragma once

#include "wengert/tape/entry.h"

namespace wengert {

// Before a change of a view, recorded or not: refuses what its whole forbids.
void check_whole(const Tensor& view);
// Before a change of `self` that will be recorded: refuses what PyTorch refuses, and finds the
// whole of which it is a part.
void prepare_change(const Tensor& self);
// The tensor has been changed: it is from now on output i of the entry, and so is its part of the
// whole.
void record_change(const Tensor& self, const Ref<Entry>& e, uint32_t i);
// y, a copy of x made while nothing was recorded, holds `src` where its view `part` is.
void record_part(const Tensor& y, const Tensor& part, const Tensor& x, const Tensor& src);

// Whether `t` is the view of x, in memory and history, at this place of the memory.
bool is_view_at(const Tensor& t, const Tensor& x, const Dims& shape, const Dims& strides,
                int64_t offset);
// `self` becomes what `view`, made of it, is: in-place forms of unsqueeze and the like.
void become_view(const Tensor& self, const Tensor& view);

// The entry's place in the order; `outputs` are described in it.
Ref<Entry> make_entry(const Call& c, std::span<const Tensor> outputs);

// Rows of entries that are never run; on floor 3. The attributes are the strides of the whole, and
// the strides and the offset of the part in it.
//   part = whole at the part's place
extern const Op part_op;
//   whole = whole, but `part` at the part's place
extern const Op with_part_op;

}  // namespace wengert
