// Anomaly mode: entries know where they were recorded, and a backward looks for NaN.
#pragma once

#include <atomic>
#include <string>

#include "wengert/base/ref.h"

namespace wengert {

class Entry;
class Vjp;

// Where an entry was recorded, as whoever runs the program sees it: Python's lines.
struct CallSite : RefCounted {
  virtual std::string text() const = 0;
};

namespace detail {
enum : int { kAnomaly = 1, kAnomalyChecksNan = 2 };
inline std::atomic<int> anomaly{0};
inline std::atomic<size_t> call_sites{0};
}  // namespace detail

inline bool anomaly_enabled() {
  return detail::anomaly.load(std::memory_order_relaxed) & detail::kAnomaly;
}
inline bool anomaly_checks_nan() {
  return detail::anomaly.load(std::memory_order_relaxed) & detail::kAnomalyChecksNan;
}
// For all threads.
void set_anomaly(bool on, bool check_nan);

// What finds the one that is now; there is none without it.
using CallSiteFinder = Ref<CallSite> (*)();
void set_call_site_finder(CallSiteFinder finder);
// They are kept beside the entries, which outside this mode are no larger for it.
void keep_call_site(const Entry& e);
void forget_call_site(const Entry& e);
inline bool knows_call_sites() { return detail::call_sites.load(std::memory_order_relaxed) != 0; }

// AddBackward0, as PyTorch calls them: the op's name in capitals and the overload's number.
std::string node_name(const Entry& e);

// The entry's vjp. RuntimeError if a gradient that it gives has a NaN; before that, and before what
// else it throws, a warning with the call site of the entry.
void run_vjp_watched(Entry& e, Vjp& v);

}  // namespace wengert
