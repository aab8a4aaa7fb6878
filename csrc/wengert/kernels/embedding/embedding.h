// Sums of rows: what goes back to the rows of a table that were read at computed places, and bags
// of such rows. Tables and sources are contiguous matrices; indices have been checked.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// Which row of a source is added to which row of a table.
struct RowSums {
  int64_t rows, width;   // of the table
  const int64_t* index;  // the row that each source goes to
  int64_t count;
  int64_t skip;         // the row that nothing goes to, or -1
  const int64_t* from;  // the source's row, null for its own number
  const void* weight;   // a factor for each, of the dtype, or null
  bool by_frequency;    // the sum of a row is divided by how often its number is in the index
};
// table[r] = sum over index[k] = r of weight[k] source[from[k]], added in the order of the index;
// `add`: added to what there is, and rows that nothing goes to are not touched.
void sum_rows(Dtype dtype, const RowSums& s, bool add, const void* source, void* table);

// Bag b has the rows index[k] of the table, k from ends[b] to ends[b + 1].
enum class BagMode : int64_t { kSum, kMean, kMax };
struct Bags {
  BagMode mode;
  int64_t bags, width;
  const int64_t *ends, *index;
  int64_t skip;        // the row that is in no bag, or -1
  const void* weight;  // a factor for each k, of the dtype, or null; of sums and means
};
// y[b] = the sum, mean or largest of the rows of bag b, zeros if it has none. `largest`, for that
// mode: the row of each element of y, -1 where there is none; of equal ones the first.
void bag_rows(Dtype dtype, const Bags& b, const void* table, void* y, int64_t* largest);
// The factors that a mean's terms have in it: weight[k] by how many rows are in the bag.
void bag_factors(Dtype dtype, const Bags& b, void* out);
// What goes back to the weights. For each k: the scalar product of the source's row of its bag with
// its row of the table, by how many are in the bag for a mean; 0 for the row that is in no bag and
// beyond the last bag, up to `count`.
void bag_products(Dtype dtype, const Bags& b, int64_t count, const void* source, const void* table,
                  void* out);
// table[largest[b, i], i] = sum of source[b, i], zeros elsewhere.
void sum_largest(Dtype dtype, int64_t bags, int64_t rows, int64_t width, const int64_t* largest,
                 const void* source, void* table);

// Scales those rows of a matrix of which the p-norm is larger than `most` down to that. Rows are
// distinct; elements lie `step` apart, rows `stride`.
void clip_rows(Dtype dtype, void* table, int64_t stride, int64_t step, int64_t width,
               const int64_t* rows, int64_t count, double p, double most);

}  // namespace wengert
