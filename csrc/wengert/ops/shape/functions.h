// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

Tensor as_strided(const Tensor& input, Ints size, Ints stride,
                  std::optional<int64_t> storage_offset = {});
// A copy with `src` in place of select(dim, index)
Tensor select_scatter(const Tensor& input, const Tensor& src, int64_t dim, int64_t index);
// A copy with `src` in place of the positions start:end:step of `dim`
Tensor slice_scatter(const Tensor& input, const Tensor& src, int64_t dim = 0,
                     std::optional<int64_t> start = {}, std::optional<int64_t> end = {},
                     int64_t step = 1);
// A copy with `src` in place of diagonal(offset, dim1, dim2)
Tensor diagonal_scatter(const Tensor& input, const Tensor& src, int64_t offset = 0,
                        int64_t dim1 = 0, int64_t dim2 = 1);
// A copy with `src` in place of as_strided(size, stride, storage_offset)
Tensor as_strided_scatter(const Tensor& input, const Tensor& src, Ints size, Ints stride,
                          std::optional<int64_t> storage_offset = {});
// `sections` equal views along dimension 1, of a vector along 0
std::vector<Tensor> hsplit(const Tensor& input, int64_t sections);
// The views along dimension 1, of a vector along 0, that `indices` cut
std::vector<Tensor> hsplit(const Tensor& input, Ints indices);
// `sections` equal views along dimension 0
std::vector<Tensor> vsplit(const Tensor& input, int64_t sections);
// The views along dimension 0 that `indices` cut
std::vector<Tensor> vsplit(const Tensor& input, Ints indices);
// `sections` equal views along dimension 2
std::vector<Tensor> dsplit(const Tensor& input, int64_t sections);
// The views along dimension 2 that `indices` cut
std::vector<Tensor> dsplit(const Tensor& input, Ints indices);
// As with a number, if the int64 tensor is 0-d, or with the list of positions that it is
std::vector<Tensor> tensor_split(const Tensor& input, const Tensor& tensor_indices_or_sections,
                                 int64_t dim = 0);
// The matrix with the elements of the input on the diagonal `offset`, zeros elsewhere
Tensor diagflat(const Tensor& input, int64_t offset = 0);
Tensor cartesian_prod(Tensors tensors);
Tensor combinations(const Tensor& input, int64_t r = 2, bool with_replacement = false);
// The coordinates, a tensor for each dimension, of flat indices into a tensor of `shape`
std::vector<Tensor> unravel_index(const Tensor& indices, const Dims& shape);
// view() with the shape of `other`
Tensor view_as(const Tensor& input, const Tensor& other);
// reshape() with the shape of `other`
Tensor reshape_as(const Tensor& input, const Tensor& other);
// The elements in one dimension
Tensor ravel(const Tensor& input);
// Dimension `dim` taken apart into `sizes`, of which one may be -1
Tensor unflatten(const Tensor& input, int64_t dim, Ints sizes);
// A view with the dimensions dim0 and dim1 exchanged
Tensor swapaxes(const Tensor& input, int64_t axis0, int64_t axis1);
// A view with the dimensions dim0 and dim1 exchanged
Tensor swapdims(const Tensor& input, int64_t dim0, int64_t dim1);
// A view with the dimensions `source` moved to `destination`; the others keep their order
Tensor movedim(const Tensor& input, Ints source, Ints destination);
// A view with the dimensions `source` moved to `destination`; the others keep their order
Tensor moveaxis(const Tensor& input, Ints source, Ints destination);
Tensor broadcast_to(const Tensor& input, const Dims& size);
// expand() to the shape of `other`
Tensor expand_as(const Tensor& input, const Tensor& other);
// A 0-d tensor as (1,); others as they are
Tensor atleast_1d(const Tensor& input);
// A 0-d tensor as (1, 1), a 1-d one as (1, n); others as they are
Tensor atleast_2d(const Tensor& input);
// A 0-d tensor as (1, 1, 1), a 1-d one as (1, n, 1), a 2-d one as (m, n, 1); others as they are
Tensor atleast_3d(const Tensor& input);
// The same of each of several tensors, or of a list of them
std::vector<Tensor> atleast_1d(Tensors tensors);
// The same of each of several tensors, or of a list of them
std::vector<Tensor> atleast_2d(Tensors tensors);
// The same of each of several tensors, or of a list of them
std::vector<Tensor> atleast_3d(Tensors tensors);
// The input's memory as elements of another dtype
Tensor view(const Tensor& input, Dtype dtype);
Tensor diag_embed(const Tensor& input, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1);
// Of a vector, the matrix with it on the given diagonal; of a matrix, a copy of that diagonal
Tensor diag(const Tensor& input, int64_t diagonal = 0);
// flip() of dimension 1
Tensor fliplr(const Tensor& input);
// flip() of dimension 0
Tensor flipud(const Tensor& input);
Tensor rot90(const Tensor& input, int64_t k = 1, Ints dims = {});
Tensor roll(const Tensor& input, Ints shifts, Ints dims = {});
// repeat() where missing repeats in front count as 1
Tensor tile(const Tensor& input, Ints dims);
// Every position of `dim` `repeats` times over; without a dim, of the flattened tensor
Tensor repeat_interleave(const Tensor& input, int64_t repeats, std::optional<int64_t> dim = {},
                         std::optional<int64_t> output_size = {});
// Position i of `dim` repeats[i] times over; without a dim, of the flattened tensor
Tensor repeat_interleave(const Tensor& input, const Tensor& repeats,
                         std::optional<int64_t> dim = {}, std::optional<int64_t> output_size = {});
// Position i of arange(len(repeats)) repeats[i] times over
Tensor repeat_interleave(const Tensor& repeats);
Tensor& tril_(Tensor& input, int64_t diagonal = 0);
Tensor& triu_(Tensor& input, int64_t diagonal = 0);
// The tensors one after another along `dim`; their other sizes must be equal
Tensor concat(Tensors tensors, int64_t dim = 0);
// The tensors one after another along `dim`; their other sizes must be equal
Tensor concatenate(Tensors tensors, int64_t dim = 0);
// The tensors side by side: along dimension 1, or 0 for vectors and numbers
Tensor hstack(Tensors tensors);
// The tensors below one another, along dimension 0; vectors are rows
Tensor vstack(Tensors tensors);
// The tensors below one another, along dimension 0; vectors are rows
Tensor row_stack(Tensors tensors);
// The tensors behind one another, along dimension 2; see atleast_3d
Tensor dstack(Tensors tensors);
// The tensors side by side, along dimension 1; vectors and numbers are columns
Tensor column_stack(Tensors tensors);
// The views input.select(dim, i) for every i
std::vector<Tensor> unbind(const Tensor& input, int64_t dim = 0);
// Views of so many positions of `dim` each; the sizes must add up
std::vector<Tensor> split(const Tensor& tensor, Ints split_size_or_sections, int64_t dim = 0);
// Views of so many positions of `dim` each; the sizes must add up
std::vector<Tensor> split_with_sizes(const Tensor& input, Ints split_sizes, int64_t dim = 0);
// `sections` views along `dim`, whose sizes differ by one at most
std::vector<Tensor> tensor_split(const Tensor& input, int64_t sections, int64_t dim = 0);
// The views along `dim` that the positions `indices` cut
std::vector<Tensor> tensor_split(const Tensor& input, Ints indices, int64_t dim = 0);
// Of n vectors, n grids of all their combinations: grid i varies along dimension i with vector i
std::vector<Tensor> meshgrid(Tensors tensors, Word indexing = {});
// The tensors as views of their common broadcast shape
std::vector<Tensor> broadcast_tensors(Tensors tensors);

}  // namespace wengert
