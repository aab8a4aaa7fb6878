// A file that takes the place of another when it is whole.
#pragma once

#include <cstdio>
#include <string>

namespace wengert {

// What is written to `stream()` is at `path` after `commit()`; before, and without it, `path` is as
// it was. A device or a pipe is written to at once, a file with several names, in a directory that
// may not be written, or whose owner cannot be kept, in place, from what was put together
// elsewhere. A file that is replaced keeps its owner and mode. Not for two writers of one object.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path);  // throws where nothing can be written
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::FILE* stream() const { return file_; }
  void commit();  // throws where something was not written

 private:
  void open_beside();
  void copy_into_place();

  std::string path_, temporary_;  // temporary_ is empty where there is no file beside
  std::FILE* file_ = nullptr;
  bool in_place_ = false, exists_ = false;
};

}  // namespace wengert
