#include "wengert/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

#include "wengert/base/error.h"

#ifdef __ELF__
// Defined where the program uses OpenMP, also if our own threads are the pool's.
extern "C" int omp_in_parallel() __attribute__((weak));
#endif

namespace wengert {
namespace {

std::atomic<int> num_threads{0};  // 0: not asked for yet
thread_local bool inside = false;

int affinity_cpus() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// cgroup v2's "quota period", or v1's two files; 0 when there is no limit.
int quota_cpus() {
  std::string quota, period;
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  if (v2 >> quota >> period) {
    if (quota == "max") return 0;
  } else {
    std::ifstream q("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    std::ifstream p("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
    if (!(q >> quota) || !(p >> period)) return 0;
  }
  const double q = std::atof(quota.c_str()), p = std::atof(period.c_str());
  return q > 0 && p > 0 ? std::max(1, static_cast<int>(std::ceil(q / p))) : 0;
}

}  // namespace

int default_num_threads() {
  if (const char* e = std::getenv("OMP_NUM_THREADS")) {
    const double n = std::atof(e);
    check(n <= kMostThreads, ErrorKind::kRuntime, "OMP_NUM_THREADS: at most ", kMostThreads,
          " threads expected, got ", e);
    if (n >= 1) return static_cast<int>(n);
  }
  const int cpus = affinity_cpus(), quota = quota_cpus();
  return quota ? std::min(cpus, quota) : cpus;
}

int get_num_threads() {
  int n = num_threads.load(std::memory_order_relaxed);
  if (n == 0) num_threads.store(n = default_num_threads(), std::memory_order_relaxed);
  return n;
}

void set_num_threads(int n) {
  check(n >= 1, ErrorKind::kRuntime, "set_num_threads: expected a positive number of threads, got ",
        n);
  check(n <= kMostThreads, ErrorKind::kRuntime, "set_num_threads: at most ", kMostThreads,
        " threads expected, got ", n);
  num_threads.store(n, std::memory_order_relaxed);
}

bool in_parallel() {
  if (inside) return true;
#ifdef __ELF__
  if (omp_in_parallel) return omp_in_parallel();
#endif
  return false;
}

SerialScope::SerialScope() : before_(inside) { inside = true; }
SerialScope::~SerialScope() { inside = before_; }

}  // namespace wengert
