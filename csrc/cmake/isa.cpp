// Prints the best x86-64 level of this machine; built and run while configuring.
#include <cstdio>

int main() {
  __builtin_cpu_init();
  const char* level = __builtin_cpu_supports("x86-64-v4")   ? "v4"
                      : __builtin_cpu_supports("x86-64-v3") ? "v3"
                      : __builtin_cpu_supports("x86-64-v2") ? "v2"
                                                            : "below v2";
  std::fputs(level, stdout);
  return level[0] == 'v' ? 0 : 1;
}
