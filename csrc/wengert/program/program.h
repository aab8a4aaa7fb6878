// Program: a captured function, ready to run again without Python, allocation or graph.
//
// Note [programs]
// A recording names memory by slots. A program gives each slot a storage of its own, through which
// its steps see it, and points these storages at memory: an outside tensor's, an argument's, that
// of a result (fresh if somebody still holds the last one), or a place in one block of memory that
// all else shares, planned by lifetime. Between recording and running stand the passes: dead steps
// go, constants are computed once, pointwise steps become chains, an activation moves into its
// matrix product, independent steps run side by side. None of them changes a bit of any result:
// each is a matter of where and when, never of how a number is summed or rounded.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "wengert/base/fork.h"
#include "wengert/base/generator.h"
#include "wengert/program/record/recording.h"

namespace wengert {

struct Pristine;
struct Script;
class Sizes;

class Program final : public RefCounted {
 public:
  explicit Program(std::unique_ptr<Recording> recording);
  ~Program() override;

  // Whether what it took for granted still holds. Cheap; to be asked before every run.
  bool ready();
  // Sets argument i, of the shape and dtype it was captured with.
  void set_input(int i, const Tensor& value);
  // Where argument i lies, to be filled directly.
  Tensor input(int i);
  // Runs all steps.
  void run();
  // After a run: argument i back to where it came from, if the function changes it in place.
  void give_back(int i, const Tensor& to);
  // Result i, undefined if the function returned none there; memory that no later run will touch
  // while it is held.
  Tensor result(size_t i);
  // Whether it changes what lies there, other than its arguments.
  bool writes_to(const Storage& memory);
  // What a run changes beside its arguments and results: tensors from outside, leaves whose
  // gradient it uses or replaces, generators that it draws from.
  struct Changes {
    std::vector<Tensor> tensors, leaves;
    std::vector<Generator*> generators;
  };
  Changes changes();
  // Left state behind that was not there before: it is captured anew at the next call.
  bool provisional() const { return recording_->left_behind; }
  int inputs() const { return static_cast<int>(recording_->inputs.size()); }
  size_t result_count() const { return recording_->results.size(); }

  // To be held from ready() to the last result(), and for save(), where several threads may use the
  // program.
  ForkSafeMutex& busy() { return busy_; }

  // All of it at once, for one thread after the other: arguments of the shapes and dtypes it was
  // captured with, or of any batch size where its file serves all, to results.
  std::vector<Tensor> operator()(std::span<const Tensor> arguments);
  std::vector<Tensor> operator()(std::initializer_list<Tensor> arguments) {
    return operator()(std::span<const Tensor>(arguments.begin(), arguments.size()));
  }

  // ---- files; see Note [program files]
  // Writes a safetensors file that holds the program and its weights. A RuntimeError, naming the
  // step, for what is not a forward program: one that trains, or changes tensors from outside.
  //
  // `others`: none, or the programs of the same function for batches of two other sizes; then the
  // file serves every batch size. A RuntimeError, naming the place, if what it does changes with
  // the size in another way than in proportion. See Note [any batch size].
  void save(const std::string& path, std::span<Program* const> others = {});
  // What save() wrote. A RuntimeError saying why for any other file.
  static Ref<Program> load(const std::string& path);
  // Of a file that serves every batch size: the program for arguments of these sizes. Else itself.
  Ref<Program> fitting(std::span<const Tensor> arguments);
  bool takes_any_batch() const { return sizes_ != nullptr; }

  // ---- for people to look at
  struct Line {
    std::string op;                       // a name, or names joined by + for a chain
    std::string way;                      // which of several implementations does it
    std::string operands;                 // "a: float32 (2, 3), ..."
    int64_t bytes = 0;                    // read and written
    double seconds = 0;                   // of a run, after profile()
    int group = 0;                        // lines of one group run side by side
    std::vector<uint32_t> reads, writes;  // slots
  };
  std::vector<Line> listing();
  // Runs it `runs` times, timing every step. State changes as in any run.
  void profile(int runs);
  size_t arena_bytes();
  const Recording& recording() const { return *recording_; }

  struct Impl;

 private:
  Impl& impl();
  Script script();
  // The text of `second`, once `third` has confirmed what it and the script say of all sizes.
  static std::string text_for_other_sizes(const Script& script, Program& second, Program& third);
  std::unique_ptr<Recording> recording_;
  std::unique_ptr<Impl> impl_;
  ForkSafeMutex busy_;
  std::unique_ptr<Pristine> pristine_;  // made with impl_
  std::unique_ptr<Sizes> sizes_;        // of a file that serves every batch size
};

}  // namespace wengert
