// Whose turn it is to run backward. See Note [turns].
#pragma once

#include <cstdint>

namespace wengert {

// This thread runs backward while it lives.
class Turn {
 public:
  Turn();
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  struct Local;

 private:
  Local& local_;
};

// A run calls what a user wrote while it lives.
class UserCode {
 public:
  UserCode();
  ~UserCode();
  UserCode(const UserCode&) = delete;
  UserCode& operator=(const UserCode&) = delete;

 private:
  bool told_;
  int64_t before_ = 0;
};

}  // namespace wengert
