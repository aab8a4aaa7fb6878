// Exceptions of the core, and the one way to raise them.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "wengert/base/language.h"

namespace wengert {

// Each kind becomes the Python exception of that name; PyTorch's choice of kind is followed.
enum class ErrorKind : uint8_t {
  kRuntime,
  kType,
  kIndex,
  kValue,
  kMemory,
  kNotImplemented,
  kCapture
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }
  // Puts the op's name in front. An op made of others puts its own in place of theirs: it is the
  // one that was called.
  void set_op(std::string_view name) {
    message_.replace(0, op_length_, std::string(name) + ": ");
    op_length_ = name.size() + 2;
  }
  bool has_op() const { return op_length_ > 0; }

 private:
  ErrorKind kind_;
  std::string message_;
  size_t op_length_ = 0;
};

// How a value is written in an error message. Other headers add overloads for their types.
inline void append(std::string& out, std::string_view s) { out += s; }
inline void append(std::string& out, const char* s) { out += s; }
inline void append(std::string& out, const std::string& s) { out += s; }
inline void append(std::string& out, char c) { out += c; }
inline void append(std::string& out, bool b) { out += b ? "True" : "False"; }
inline void append(std::string& out, int v) { out += std::to_string(v); }
inline void append(std::string& out, unsigned v) { out += std::to_string(v); }
inline void append(std::string& out, int64_t v) { out += std::to_string(v); }
inline void append(std::string& out, uint64_t v) { out += std::to_string(v); }
void append(std::string& out, double v);  // shortest form that reads back the same

template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, text(parts...));
}

// The parts are only turned into text when the check fails.
template <class... Parts>
inline void check(bool ok, ErrorKind kind, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(kind, parts...);
}

template <class... Parts>
inline void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(ErrorKind::kRuntime, parts...);
}

}  // namespace wengert
