#include "wengert/program/capture.h"

#include <algorithm>

#include "wengert/tape/anomaly.h"
#include "wengert/tape/autocast.h"
#include "wengert/tape/observe.h"
#include "wengert/tape/saved.h"

namespace wengert {
namespace {

// Captures of one kind of arguments that differ in their other conditions.
constexpr int kVariants = 4;

// Ends the recording also when the function throws.
struct Stop {
  explicit Stop(Recording& r) : recording(r) { r.start(); }
  ~Stop() { recording.stop(); }
  Recording& recording;
};

}  // namespace

int64_t capture_modes() {
  const Autocast& cast = autocast();
  return (grad_enabled() ? 1 : 0) | (inference_mode() ? 2 : 0) | (index(default_dtype()) << 2) |
         (anomaly_enabled() ? 1 << 8 : 0) | (observed() || saved_hooks() ? 1 << 9 : 0) |
         (cast.enabled ? (1 + index(cast.dtype)) << 10 : 0);
}

ProgramCache::ProgramCache(int maxsize) : maxsize_(maxsize) {
  check(maxsize >= 1, ErrorKind::kValue, "capture: maxsize must be at least 1, got ", maxsize);
}

// ---- what a program is for -----------------------------------------------------------------

ProgramCache::Key ProgramCache::key_of(std::span<const Tensor> arguments, size_t i) {
  Key key;
  const Tensor& t = arguments[i];
  if (!t.defined()) return key;
  key.defined = true;
  if (t->requires_grad) {
    key.leaf = t.ref();
    return key;
  }
  for (size_t k = 0; k < i && key.same < 0; ++k)
    if (arguments[k].is_same(t)) key.same = static_cast<int>(k);
  if (key.same >= 0) return key;
  key.requires_grad = t.requires_grad();
  key.dtype = t.dtype();
  key.shape = t.shape();
  key.strides = t.strides();
  return key;
}

bool ProgramCache::Cached::fits(int64_t modes_now, std::span<const Tensor> arguments) const {
  if (modes != modes_now || keys.size() != arguments.size()) return false;
  for (size_t i = 0; i < keys.size(); ++i)
    if (!(keys[i] == key_of(arguments, i))) return false;
  return true;
}

void ProgramCache::remember(Cached entry) {
  const auto alike = [&](const Cached& e) {
    return e.modes == entry.modes && e.keys == entry.keys;
  };
  entry.confirmed =
      std::erase_if(entries_, [&](const Cached& e) { return e.waits() && alike(e); }) > 0;
  int variants = 1;
  std::erase_if(entries_, [&](const Cached& e) { return alike(e) && ++variants > kVariants; });
  while (entries_.size() >= static_cast<size_t>(maxsize_)) entries_.pop_back();
  last_ = entry.program;
  entries_.insert(entries_.begin(), std::move(entry));
}

// ---- a call --------------------------------------------------------------------------------

bool ProgramCache::run(const Cached& e, std::span<const Tensor> arguments) {
  Program& p = *e.program;
  if (!p.ready()) return false;
  int input = 0;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (e.keys[i].is_copied()) p.set_input(input++, arguments[i]);
  p.run();
  input = 0;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (e.keys[i].is_copied()) p.give_back(input++, arguments[i]);
  return true;
}

Program* ProgramCache::replay(std::span<const Tensor> arguments) {
  for (const Tensor& t : arguments)
    check(!t.defined() || t.is_leaf() || !grad_enabled(), ErrorKind::kCapture,
          "capture: an argument has a history (requires_grad), which a captured function could not "
          "reach into; detach() it, or capture the whole step");
  const int64_t modes = capture_modes();
  for (const Cached& e : entries_) {
    if (e.waits() || !e.fits(modes, arguments) || !run(e, arguments)) continue;
    ++hits_;
    if (!(last_ == e.program)) last_ = e.program;
    return last_.get();
  }
  return nullptr;
}

// What the function did to its copies of the arguments, done to the arguments.
void ProgramCache::write_back(const Cached& e, std::span<const Tensor> arguments,
                              std::span<const Tensor> copies) {
  const WatchPause pause;
  GradMode off(false);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (!e.keys[i].is_copied() || copies[i]->storage->version == 0) continue;
    Tensor to = arguments[i];
    copy_(to, copies[i]);
  }
}

std::vector<Tensor> ProgramCache::capture(std::span<const Tensor> arguments, Body body,
                                          void* function) {
  if (anomaly_enabled()) {  // a replay looks at no values
    std::vector<Tensor> given(arguments.begin(), arguments.end()), results;
    body(function, given, results);
    for (Tensor& t : results)
      if (t.defined()) t = t.detach();
    return results;
  }
  ++misses_;
  Cached entry;
  entry.modes = capture_modes();
  auto recording = std::make_unique<Recording>();
  std::vector<Tensor> given, results;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Key& key = entry.keys.emplace_back(key_of(arguments, i));
    given.push_back(key.is_copied() ? recording->add_input(arguments[i])
                    : key.same >= 0 ? given[static_cast<size_t>(key.same)]
                                    : arguments[i]);
  }
  std::vector<Tensor> passed = given;
  {
    const Stop at_end(*recording);
    body(function, passed, results);
    passed.clear();
    // What only their history holds goes while the recording sees it.
    for (Tensor& t : results)
      if (t.defined()) t = t.detach();
    write_back(entry, arguments, given);
    given.clear();
  }
  recording->finish(results);
  check(recording->failure.empty(), ErrorKind::kCapture, "capture: ", recording->failure);
  const bool again = std::any_of(entries_.begin(), entries_.end(), [&](const Cached& e) {
    return e.waits() && e.modes == entry.modes && e.keys == entry.keys;
  });
  check(!again || !recording->left_behind, ErrorKind::kCapture,
        "capture: the function keeps tensors of one call outside for later ones, where a replay "
        "would not put new ones; change what is kept in place, or return it");
  entry.program = new Program(std::move(recording));
  remember(std::move(entry));
  return results;
}

// ---- a loop --------------------------------------------------------------------------------

// Batches as replays of a program that fits; 0 if there is none.
int64_t ProgramCache::replay_batches(BatchLoop& loop, const Tensor& order, int64_t first,
                                     int64_t rows, double seconds) {
  const int64_t modes = capture_modes();
  const std::vector<Tensor> blank = loop.blank(rows);
  for (const Cached& e : entries_) {
    if (e.waits() || !e.fits(modes, blank)) continue;
    const Ref<Program> program = e.program;
    const int64_t done = loop.replay(*program, order, first, rows, seconds,
                                     [&] { return capture_modes() == modes && program->ready(); });
    hits_ += done;
    if (done == 0) continue;
    last_ = program;
    return done;
  }
  return 0;
}

Tensor ProgramCache::loop(std::span<const Tensor> data, const LoopOptions& how, Body body,
                          void* function) {
  check(!watch(), ErrorKind::kCapture, "run: a loop cannot be part of a captured function");
  BatchLoop loop(data);
  loop.run(how, [&](const Tensor& order, int64_t first, int64_t rows, double seconds) -> int64_t {
    if (const int64_t done = replay_batches(loop, order, first, rows, seconds)) return done;
    const std::vector<Tensor> results = capture(loop.batch(order, first, rows), body, function);
    check(!results.empty(), ErrorKind::kType, "run: the function returned no loss");
    loop.add(results[0]);
    return 1;
  });
  return loop.losses(0);
}

// ---- looking at it -------------------------------------------------------------------------

Program& ProgramCache::last() const {
  check(static_cast<bool>(last_), "capture: the function has not been called yet");
  return *last_;
}

CacheInfo ProgramCache::info() const {
  return {hits_, misses_, maxsize_, static_cast<int>(entries_.size())};
}

void ProgramCache::clear() {
  entries_.clear();
  last_.reset();
  hits_ = misses_ = 0;
}

}  // namespace wengert
