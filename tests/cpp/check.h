// What a test needs: CHECK, and a main that returns how many of them failed.
#pragma once

#include <wengert/wengert.h>

#include <cstdio>
#include <string>

inline int failures = 0;

#define CHECK(...)                                                                   \
  do {                                                                               \
    if (!(__VA_ARGS__)) {                                                            \
      ++failures;                                                                    \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
    }                                                                                \
  } while (false)

// The statement throws an Error of the kind whose message contains the text.
#define CHECK_THROWS(statement, error_kind, part)                                       \
  do {                                                                                  \
    bool thrown = false;                                                                \
    try {                                                                               \
      statement;                                                                        \
    } catch (const wengert::Error& e) {                                                 \
      thrown = true;                                                                    \
      if (e.kind() != wengert::ErrorKind::error_kind ||                                 \
          std::string(e.what()).find(part) == std::string::npos) {                      \
        ++failures;                                                                     \
        std::fprintf(stderr, "%s:%d: other error: %s\n", __FILE__, __LINE__, e.what()); \
      }                                                                                 \
    }                                                                                   \
    CHECK(thrown);                                                                      \
  } while (false)

inline double value(const wengert::Tensor& t) { return t.item().real(); }

inline int run(void (*const tests)()) {
  try {
    tests();
  } catch (const wengert::Error& e) {
    std::fprintf(stderr, "uncaught: %s\n", e.what());
    return 1;
  }
  if (failures) std::fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}
