// Programs as files; see Note [program files]. Program::save and Program::load are in file.cpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wengert {

inline constexpr const char* kProgramFormat = "wengert program";
inline constexpr const char* kProgramVersion = "1";
inline constexpr const char* kAnyBatchVersion = "2";  // of files that serve every batch size

// XXH64 (Y. Collet, https://github.com/Cyan4973/xxHash): against accidents, not against attackers.
uint64_t checksum(const void* data, size_t bytes, uint64_t seed);

}  // namespace wengert
