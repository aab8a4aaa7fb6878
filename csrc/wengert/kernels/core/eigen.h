// Eigen, with GCC's false alarms silenced. Internal to kernels and to ops built on Vec.
#pragma once

// GCC 12 takes the undefined pass-through operand of its own AVX-512 intrinsics for a variable.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <Eigen/Core>
