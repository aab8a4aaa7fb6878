// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/shape/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor as_strided(const Tensor& input, Ints size, Ints stride,
                  std::optional<int64_t> storage_offset) {
  static const Op& op = calling::row("as_strided");
  return calling::one(op, {input}, {size, stride, storage_offset});
}
Tensor select_scatter(const Tensor& input, const Tensor& src, int64_t dim, int64_t index) {
  static const Op& op = calling::row("select_scatter");
  return calling::one(op, {input, src}, {dim, index});
}
Tensor slice_scatter(const Tensor& input, const Tensor& src, int64_t dim,
                     std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
  static const Op& op = calling::row("slice_scatter");
  return calling::one(op, {input, src}, {dim, start, end, step});
}
Tensor diagonal_scatter(const Tensor& input, const Tensor& src, int64_t offset, int64_t dim1,
                        int64_t dim2) {
  static const Op& op = calling::row("diagonal_scatter");
  return calling::one(op, {input, src}, {offset, dim1, dim2});
}
Tensor as_strided_scatter(const Tensor& input, const Tensor& src, Ints size, Ints stride,
                          std::optional<int64_t> storage_offset) {
  static const Op& op = calling::row("as_strided_scatter");
  return calling::one(op, {input, src}, {size, stride, storage_offset});
}
std::vector<Tensor> hsplit(const Tensor& input, int64_t sections) {
  static const Op& op = calling::row("hsplit");
  return calling::many(op, {input}, {sections});
}
std::vector<Tensor> hsplit(const Tensor& input, Ints indices) {
  static const Op& op = calling::row("hsplit", 1);
  return calling::many(op, {input}, {indices});
}
std::vector<Tensor> vsplit(const Tensor& input, int64_t sections) {
  static const Op& op = calling::row("vsplit");
  return calling::many(op, {input}, {sections});
}
std::vector<Tensor> vsplit(const Tensor& input, Ints indices) {
  static const Op& op = calling::row("vsplit", 1);
  return calling::many(op, {input}, {indices});
}
std::vector<Tensor> dsplit(const Tensor& input, int64_t sections) {
  static const Op& op = calling::row("dsplit");
  return calling::many(op, {input}, {sections});
}
std::vector<Tensor> dsplit(const Tensor& input, Ints indices) {
  static const Op& op = calling::row("dsplit", 1);
  return calling::many(op, {input}, {indices});
}
std::vector<Tensor> tensor_split(const Tensor& input, const Tensor& tensor_indices_or_sections,
                                 int64_t dim) {
  static const Op& op = calling::row("tensor_split");
  return calling::many(op, {input, tensor_indices_or_sections}, {dim});
}
Tensor diagflat(const Tensor& input, int64_t offset) {
  static const Op& op = calling::row("diagflat");
  return calling::one(op, {input}, {offset});
}
Tensor cartesian_prod(Tensors tensors) {
  static const Op& op = calling::row("cartesian_prod");
  return calling::one(op, {}, {}, tensors);
}
Tensor combinations(const Tensor& input, int64_t r, bool with_replacement) {
  static const Op& op = calling::row("combinations");
  return calling::one(op, {input}, {r, with_replacement});
}
std::vector<Tensor> unravel_index(const Tensor& indices, const Dims& shape) {
  static const Op& op = calling::row("unravel_index");
  return calling::many(op, {indices}, {shape});
}
Tensor view_as(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("view_as");
  return calling::one(op, {input, other});
}
Tensor reshape_as(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("reshape_as");
  return calling::one(op, {input, other});
}
Tensor ravel(const Tensor& input) {
  static const Op& op = calling::row("ravel");
  return calling::one(op, {input});
}
Tensor unflatten(const Tensor& input, int64_t dim, Ints sizes) {
  static const Op& op = calling::row("unflatten");
  return calling::one(op, {input}, {dim, sizes});
}
Tensor swapaxes(const Tensor& input, int64_t axis0, int64_t axis1) {
  static const Op& op = calling::row("swapaxes");
  return calling::one(op, {input}, {axis0, axis1});
}
Tensor swapdims(const Tensor& input, int64_t dim0, int64_t dim1) {
  static const Op& op = calling::row("swapdims");
  return calling::one(op, {input}, {dim0, dim1});
}
Tensor movedim(const Tensor& input, Ints source, Ints destination) {
  static const Op& op = calling::row("movedim");
  return calling::one(op, {input}, {source, destination});
}
Tensor moveaxis(const Tensor& input, Ints source, Ints destination) {
  static const Op& op = calling::row("moveaxis");
  return calling::one(op, {input}, {source, destination});
}
Tensor broadcast_to(const Tensor& input, const Dims& size) {
  static const Op& op = calling::row("broadcast_to");
  return calling::one(op, {input}, {size});
}
Tensor expand_as(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("expand_as");
  return calling::one(op, {input, other});
}
Tensor atleast_1d(const Tensor& input) {
  static const Op& op = calling::row("atleast_1d");
  return calling::one(op, {input});
}
Tensor atleast_2d(const Tensor& input) {
  static const Op& op = calling::row("atleast_2d");
  return calling::one(op, {input});
}
Tensor atleast_3d(const Tensor& input) {
  static const Op& op = calling::row("atleast_3d");
  return calling::one(op, {input});
}
std::vector<Tensor> atleast_1d(Tensors tensors) {
  static const Op& op = calling::row("atleast_1d", 1);
  return calling::many(op, {}, {}, tensors);
}
std::vector<Tensor> atleast_2d(Tensors tensors) {
  static const Op& op = calling::row("atleast_2d", 1);
  return calling::many(op, {}, {}, tensors);
}
std::vector<Tensor> atleast_3d(Tensors tensors) {
  static const Op& op = calling::row("atleast_3d", 1);
  return calling::many(op, {}, {}, tensors);
}
Tensor view(const Tensor& input, Dtype dtype) {
  static const Op& op = calling::row("view", 1);
  return calling::one(op, {input}, {dtype});
}
Tensor diag_embed(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  static const Op& op = calling::row("diag_embed");
  return calling::one(op, {input}, {offset, dim1, dim2});
}
Tensor diag(const Tensor& input, int64_t diagonal) {
  static const Op& op = calling::row("diag");
  return calling::one(op, {input}, {diagonal});
}
Tensor fliplr(const Tensor& input) {
  static const Op& op = calling::row("fliplr");
  return calling::one(op, {input});
}
Tensor flipud(const Tensor& input) {
  static const Op& op = calling::row("flipud");
  return calling::one(op, {input});
}
Tensor rot90(const Tensor& input, int64_t k, Ints dims) {
  static const Op& op = calling::row("rot90");
  return calling::one(op, {input}, {k, calling::some(dims)});
}
Tensor roll(const Tensor& input, Ints shifts, Ints dims) {
  static const Op& op = calling::row("roll");
  return calling::one(op, {input}, {shifts, calling::some(dims)});
}
Tensor tile(const Tensor& input, Ints dims) {
  static const Op& op = calling::row("tile");
  return calling::one(op, {input}, {dims});
}
Tensor repeat_interleave(const Tensor& input, int64_t repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  static const Op& op = calling::row("repeat_interleave");
  return calling::one(op, {input}, {repeats, dim, output_size});
}
Tensor repeat_interleave(const Tensor& input, const Tensor& repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  static const Op& op = calling::row("repeat_interleave", 1);
  return calling::one(op, {input, repeats}, {dim, output_size});
}
Tensor repeat_interleave(const Tensor& repeats) {
  static const Op& op = calling::row("repeat_interleave", 2);
  return calling::one(op, {repeats}, {nullptr});
}
Tensor& tril_(Tensor& input, int64_t diagonal) {
  static const Op& op = calling::row("tril");
  return calling::in_place(op, input, {}, {diagonal});
}
Tensor& triu_(Tensor& input, int64_t diagonal) {
  static const Op& op = calling::row("triu");
  return calling::in_place(op, input, {}, {diagonal});
}
Tensor concat(Tensors tensors, int64_t dim) {
  static const Op& op = calling::row("concat");
  return calling::one(op, {}, {dim}, tensors);
}
Tensor concatenate(Tensors tensors, int64_t dim) {
  static const Op& op = calling::row("concatenate");
  return calling::one(op, {}, {dim}, tensors);
}
Tensor hstack(Tensors tensors) {
  static const Op& op = calling::row("hstack");
  return calling::one(op, {}, {}, tensors);
}
Tensor vstack(Tensors tensors) {
  static const Op& op = calling::row("vstack");
  return calling::one(op, {}, {}, tensors);
}
Tensor row_stack(Tensors tensors) {
  static const Op& op = calling::row("row_stack");
  return calling::one(op, {}, {}, tensors);
}
Tensor dstack(Tensors tensors) {
  static const Op& op = calling::row("dstack");
  return calling::one(op, {}, {}, tensors);
}
Tensor column_stack(Tensors tensors) {
  static const Op& op = calling::row("column_stack");
  return calling::one(op, {}, {}, tensors);
}
std::vector<Tensor> unbind(const Tensor& input, int64_t dim) {
  static const Op& op = calling::row("unbind");
  return calling::many(op, {input}, {dim});
}
std::vector<Tensor> split(const Tensor& tensor, Ints split_size_or_sections, int64_t dim) {
  static const Op& op = calling::row("split", 1);
  return calling::many(op, {tensor}, {split_size_or_sections, dim});
}
std::vector<Tensor> split_with_sizes(const Tensor& input, Ints split_sizes, int64_t dim) {
  static const Op& op = calling::row("split_with_sizes");
  return calling::many(op, {input}, {split_sizes, dim});
}
std::vector<Tensor> tensor_split(const Tensor& input, int64_t sections, int64_t dim) {
  static const Op& op = calling::row("tensor_split", 1);
  return calling::many(op, {input}, {sections, dim});
}
std::vector<Tensor> tensor_split(const Tensor& input, Ints indices, int64_t dim) {
  static const Op& op = calling::row("tensor_split", 2);
  return calling::many(op, {input}, {indices, dim});
}
std::vector<Tensor> meshgrid(Tensors tensors, Word indexing) {
  static const Op& op = calling::row("meshgrid");
  return calling::many(op, {}, {calling::choice(op, "indexing", indexing)}, tensors);
}
std::vector<Tensor> broadcast_tensors(Tensors tensors) {
  static const Op& op = calling::row("broadcast_tensors");
  return calling::many(op, {}, {}, tensors);
}

}  // namespace wengert
