// Included before all else, so that an older language is one clear error, before the hundreds that
// follow from it.
#pragma once

#if !defined(__cplusplus) || __cplusplus < 202002L
#error "wengert needs C++20: compile with -std=c++20, or link the CMake target wengert::wengert"
#endif
