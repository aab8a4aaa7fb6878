#include "wengert/tape/anomaly.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "wengert/base/fork.h"
#include "wengert/base/warning.h"
#include "wengert/tape/tape.h"

namespace wengert {
namespace {

std::atomic<CallSiteFinder> finder{nullptr};

// By the number of the entry.
struct CallSites {
  ForkSafeMutex mutex;
  std::unordered_map<uint64_t, Ref<CallSite>> by_number;
};
CallSites& call_sites() {
  static CallSites* all = new CallSites;
  return *all;
}

Ref<CallSite> call_site_of(const Entry& e) {
  CallSites& all = call_sites();
  const std::lock_guard lock(all.mutex);
  const auto it = all.by_number.find(e.number);
  return it == all.by_number.end() ? Ref<CallSite>() : it->second;
}

bool has_nan(const Tensor& t) {
  if (!is_floating(t.dtype())) return false;
  const WatchPause pause;
  const GradMode off(false);
  const Tensor c = contiguous(t);
  return dispatch_floating(c.dtype(), [&](auto zero) {
    const auto* x = c.data_as<const decltype(zero)>();
    return std::any_of(x, x + c.numel(), [](auto v) { return std::isnan(v); });
  });
}

void warn_of(const Entry& e) {
  const Ref<CallSite> call_site = call_site_of(e);
  warn("Error detected in ", node_name(e), ". ",
       call_site
           ? "Traceback of forward call that caused the error:\n" + call_site->text()
           : "No forward pass information available. Enable detect anomaly during forward pass "
             "for more information.");
}

void check_gradients(const Entry& e, const Vjp& v) {
  for (int i = 0; i < v.inputs(); ++i) {
    const Tensor& g = (*v.grads)[static_cast<size_t>(i)];
    check(!g.defined() || !has_nan(g), "Function '", node_name(e), "' returned nan values in its ",
          i, "th output.");
  }
}

}  // namespace

void set_anomaly(bool on, bool check_nan) {
  detail::anomaly.store((on ? detail::kAnomaly : 0) | (check_nan ? detail::kAnomalyChecksNan : 0),
                        std::memory_order_relaxed);
}

void set_call_site_finder(CallSiteFinder f) { finder.store(f); }

void keep_call_site(const Entry& e) {
  const CallSiteFinder f = finder.load(std::memory_order_relaxed);
  Ref<CallSite> found = f ? f() : Ref<CallSite>();
  if (!found) return;
  CallSites& all = call_sites();
  const std::lock_guard lock(all.mutex);
  all.by_number.emplace(e.number, std::move(found));
  detail::call_sites.store(all.by_number.size(), std::memory_order_relaxed);
}

void forget_call_site(const Entry& e) {
  Ref<CallSite> gone;  // freed without the lock: it takes Python's
  CallSites& all = call_sites();
  const std::lock_guard lock(all.mutex);
  const auto it = all.by_number.find(e.number);
  if (it == all.by_number.end()) return;
  gone = std::move(it->second);
  all.by_number.erase(it);
  detail::call_sites.store(all.by_number.size(), std::memory_order_relaxed);
}

std::string node_name(const Entry& e) {
  if (const CustomVjp* custom = e.custom()) return custom->name();
  std::string out;
  bool upper = true;
  for (const char* c = e.op->name; *c; ++c) {
    if (*c == '_') {
      upper = true;
    } else {
      out += upper ? static_cast<char>(std::toupper(*c)) : *c;
      upper = false;
    }
  }
  return out + "Backward0";
}

void run_vjp_watched(Entry& e, Vjp& v) {
  try {
    e.custom() ? e.custom()->vjp(v) : e.op->vjp(v);
    if (anomaly_checks_nan()) check_gradients(e, v);
  } catch (...) {
    warn_of(e);
    throw;
  }
}

}  // namespace wengert
