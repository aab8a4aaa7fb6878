// Script: a forward program as files hold it. See Note [program files].
//
// Note [program files]
// A program is saved as one safetensors file. Its tensors are the memory that the program takes
// from outside (weights) and constants; the metadata holds the program as text, a version and a
// checksum. The text is that of the recording without dead steps, before all other passes: these
// depend on the build (fused ops, addresses among attributes) and run anew when a file is loaded.
//
// Passes change a recording in place, so what they change is copied first (Pristine): lists of
// small things, and only of programs that a file could hold, so that training pays nothing for it.
//
// A file may come from anywhere. Whatever it says is checked before any of it runs: each step must
// be one that `apply` could have made of tensors of these shapes (`Op::shape` is asked again), each
// place within its memory, and all memory written before it is read. From there on a program from a
// file can do no more than the same calls made one by one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wengert/program/record/recording.h"

namespace wengert {

// What passes change of a recording, as it was before them.
struct Pristine {
  explicit Pristine(const Recording& recording);

  // Why no file can hold the program; then all else is empty.
  std::string refused;
  List<Step> steps;
  List<Argument> arguments;
  List<Slot> slots;
};

struct Script {
  // Memory of `count` elements of one dtype.
  struct Slot {
    enum class Kind : uint8_t { kTensor, kInput, kMade } kind = Kind::kMade;
    Dtype dtype = Dtype::kFloat32;
    int64_t count = 0;
    // Of kTensor: its name and shape in the file, where it is, and from which element on.
    std::string name;
    Dims shape;
    Ref<Storage> storage;
    int64_t first = 0;

    int64_t bytes() const { return count * item_size(dtype); }
  };
  struct Piece {
    uint32_t slot = 0;
    int64_t offset = 0;
    Dims shape, strides;
  };
  struct Operand {
    Argument::Kind kind = Argument::Kind::kNone;
    Scalar number;
    Piece piece;
  };
  struct Step {
    const Op* op = nullptr;
    Attrs attrs;
    Dtype common = Dtype::kFloat32;
    Writes writes = Writes::kOutputs;
    std::vector<Operand> inputs;
    std::vector<Piece> outputs;
    std::vector<char> written;  // beside inputs; check() sets it
  };

  std::vector<Slot> slots;  // in use, numbered from 1; the first is none
  std::vector<Piece> inputs;
  std::vector<std::pair<uint32_t, uint32_t>> resets;
  std::vector<Step> steps;
  std::vector<Operand> results;

  // script.cpp. An error for what no file can hold.
  static Script of(const Recording& recording, const Pristine& pristine);
  std::unique_ptr<Recording> recording() &&;

  // script_text.cpp: what write() gives, parse() takes. Errors name the line.
  std::string write() const;
  static Script parse(std::string_view text);

  // script_check.cpp: throws unless every step is what `apply` could have recorded.
  void check();
};

// script_text.cpp: an op as files name it, with the kinds of its arguments, as rows share names:
// "sum(Tensor,ints|None,bool,dtype|None)".
std::string form_of(const Op& op);
const Op* find_form(std::string_view text);  // null if there is none

}  // namespace wengert
