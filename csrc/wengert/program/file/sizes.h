// Programs for batches of any size.
//
// Note [any batch size]
// The texts of one function's programs for batches of n and of n + 1 rows are the same but for
// numbers: sizes, strides, attributes. Where each of them grows in proportion, v(n) = a + b n, two
// texts say what the text for any other size is, and that text is read, checked and planned like
// the one of a file (Note [program files]); so a program for another size is as fast as one that
// was captured for it, and its kernels are chosen for it. That two texts do not tell a line from a
// curve, as of n^2, is why saving asks for three.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "wengert/base/fork.h"
#include "wengert/program/file/script.h"
#include "wengert/program/program.h"

namespace wengert {

// The text for `rows` rows, of those for `first_rows` and `second_rows`. An error naming the line
// where they differ in more than numbers, or in numbers that no integer fits.
std::string text_for(int64_t rows, std::string_view first, int64_t first_rows,
                     std::string_view second, int64_t second_rows);

// The programs of one file, which share its tensors.
class Sizes {
 public:
  // Two scripts of one function. An error if no argument tells them apart.
  Sizes(const Script& first, std::string first_text, const Script& second, std::string second_text);

  // Rows in the batch of the first script, of the second, and of these arguments.
  int64_t first_rows() const { return first_.rows; }
  int64_t second_rows() const { return second_.rows; }
  int64_t rows_of(std::span<const Tensor> arguments) const;
  std::string text(int64_t rows) const {
    return text_for(rows, first_.text, first_.rows, second_.text, second_.rows);
  }
  Ref<Program> program(int64_t rows);

 private:
  static constexpr size_t kMost = 16;  // programs that are kept
  struct Known {
    std::string text;
    int64_t rows;
  };
  Known first_, second_;
  size_t argument_ = 0;  // the size of this argument in this dimension is the number of rows
  int dim_ = 0;
  std::map<std::string, Ref<Storage>, std::less<>> tensors_;
  ForkSafeMutex making_;
  std::vector<std::pair<int64_t, Ref<Program>>> made_;  // the latest last
};

}  // namespace wengert
