// Writing results that are larger than the caches.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace wengert {

inline constexpr int64_t kLineBytes = 64;
// Where the last of what is written has displaced the first from the caches anyway.
inline constexpr int64_t kStreamBytes = 32 << 20;

inline bool starts_line(const void* p) { return reinterpret_cast<uintptr_t>(p) % kLineBytes == 0; }

// One cache line; `to` starts it. A plain store would first read from memory what it overwrites.
inline void stream_line(char* to, const char* from) {
#if defined(__AVX__)
  for (int64_t i = 0; i < kLineBytes; i += 32)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
#elif defined(__SSE2__)
  for (int64_t i = 0; i < kLineBytes; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i)));
#else
  std::memcpy(to, from, kLineBytes);
#endif
}

// As memcpy, whole lines past the caches. Other threads may read them after stream_done() only.
inline void stream_bytes(void* dst, const void* src, int64_t bytes) {
  char* to = static_cast<char*>(dst);
  const char* from = static_cast<const char*>(src);
  const int64_t before =
      static_cast<int64_t>(-reinterpret_cast<uintptr_t>(to) % static_cast<uintptr_t>(kLineBytes));
  int64_t i = before < bytes ? before : bytes;
  if (i > 0) std::memcpy(to, from, static_cast<size_t>(i));
  for (; i + kLineBytes <= bytes; i += kLineBytes) stream_line(to + i, from + i);
  if (i < bytes) std::memcpy(to + i, from + i, static_cast<size_t>(bytes - i));
}

inline void stream_done() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace wengert
