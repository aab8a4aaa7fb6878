// A strict reader and a writer of safetensors files: eight bytes with the length of a header, the
// header as a JSON object, then the bytes of the tensors without gaps.
//
// The reader takes nothing for granted. It refuses what the format forbids, and of what the format
// leaves open all that nobody needs; it never asks for more memory than the file has bytes.
#pragma once

#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "wengert/tensor/tensor.h"

namespace wengert {

struct StoredTensor {
  std::string name;
  Dtype dtype = Dtype::kFloat32;
  Dims shape;
  uint64_t begin = 0, end = 0;      // of its bytes, counted from the end of the header
  const std::byte* data = nullptr;  // to be written

  uint64_t bytes() const { return end - begin; }
};

using Metadata = std::map<std::string, std::string>;

// The header of a file of `size` bytes behind it; throws an Error that says what is wrong.
struct TensorHeader {
  static TensorHeader parse(std::string_view json, uint64_t size);
  Metadata metadata;
  std::vector<StoredTensor> tensors;  // in the order of their bytes
};

class TensorReader {
 public:
  explicit TensorReader(const std::string& path);
  const Metadata& metadata() const { return header_.metadata; }
  const std::vector<StoredTensor>& tensors() const { return header_.tensors; }
  // The bytes of one of them. Bools other than 0 and 1 are an error.
  Ref<Storage> read(const StoredTensor& t);

 private:
  std::ifstream file_;
  uint64_t start_ = 0;
  TensorHeader header_;
};

// Takes the place of `path` when all is written; before, or after an error, `path` is as it was.
// Sets where the bytes of the tensors lie.
void write_tensors(const std::string& path, const Metadata& metadata,
                   std::vector<StoredTensor>& tensors);

// At most 60 characters of what a file says, fit to be printed.
std::string in_quotes(std::string_view s);

}  // namespace wengert
