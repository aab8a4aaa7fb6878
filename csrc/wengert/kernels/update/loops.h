// What the loops of an update are made of: runs of each array, in parallel, and conditions as
// types.
#pragma once

#include <algorithm>
#include <type_traits>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/update/update.h"

namespace wengert::kernels {

// Up to here one thread is as fast as two.
inline constexpr int64_t kSerial = 64 * 1024;
inline constexpr int64_t kGrain = 8 * 1024;
// Elements of an array that is not contiguous that are staged at a time.
inline constexpr int64_t kStage = 256;

// f(item, begin, end) for every run of one item's elements in [begin, end) of the index space.
template <class F>
void for_runs(UpdateItems items, int64_t begin, int64_t end, const F& f) {
  auto it = std::upper_bound(items.begin(), items.end(), begin,
                             [](int64_t at, const UpdateItem& i) { return at < i.first; }) -
            1;
  for (; begin < end; ++it) {
    const int64_t stop = std::min(end, it->first + it->size);
    if (stop > begin) f(*it, begin - it->first, stop - it->first);
    begin = std::max(begin, stop);
  }
}

// f(pointer, count, stride) for runs of equal stride of elements begin.. of a strided array.
template <class T, class F>
void for_strided(const Lane& lane, int64_t begin, int64_t count, const F& f) {
  for_rows(lane, begin, begin + count, [&](const auto& offsets, int64_t n) {
    f(reinterpret_cast<T*>(lane.data) + offsets[0], n, lane.strides[lane.dims - 1]);
  });
}

template <class T>
void gather(const Lane& lane, int64_t begin, int64_t count, T* to) {
  for_strided<const T>(lane, begin, count, [&](const T* p, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; ++i) *to++ = p[i * stride];
  });
}

template <class T>
void scatter(const Lane& lane, int64_t begin, int64_t count, const T* from) {
  for_strided<T>(lane, begin, count, [&](T* p, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; ++i) p[i * stride] = *from++;
  });
}

// f(pointers of the lanes, count) over elements [begin, end) of an item; every lane but 1 (the
// gradient) may be written if `writes`.
template <class T, class F>
void run_item(const UpdateItem& item, int64_t begin, int64_t end, bool writes, const F& f) {
  constexpr int kLanes = UpdateItem::kMaxLanes;
  T* x[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    const Lane& lane = item.lanes[l];
    x[l] = lane.data ? reinterpret_cast<T*>(lane.data) + begin : nullptr;
  }
  if (item.contiguous) return f(x, end - begin);
  T stage[kLanes][kStage];
  for (int64_t n; begin < end; begin += n) {
    n = std::min(kStage, end - begin);
    for (int l = 0; l < kLanes; ++l) {
      const Lane& lane = item.lanes[l];
      if (!lane.data) continue;
      x[l] = lane.contiguous ? reinterpret_cast<T*>(lane.data) + begin : stage[l];
      if (!lane.contiguous) gather<T>(lane, begin, n, stage[l]);
    }
    f(x, n);
    for (int l = 0; writes && l < kLanes; ++l)
      if (!item.lanes[l].contiguous && l != 1) scatter<T>(item.lanes[l], begin, n, stage[l]);
  }
}

// f(T{}, item, pointers, count) over all items, in parallel when there is enough to do.
template <class F>
void for_all(UpdateItems items, const F& f) {
  const int64_t total = place(items);
  parallel_for(total, total <= kSerial ? std::max<int64_t>(total, 1) : kGrain,
               [&](int64_t begin, int64_t end) {
                 for_runs(items, begin, end, [&](const UpdateItem& item, int64_t b, int64_t e) {
                   dispatch_floating(item.dtype, [&](auto zero) {
                     using T = decltype(zero);
                     run_item<T>(item, b, e, true,
                                 [&](T* const* x, int64_t n) { f(zero, item, x, n); });
                   });
                 });
               });
}

// a + weight (b - a). A weight of a half or more is applied from the other end: exact at both.
template <class T>
struct Lerp {
  T weight;
  bool from_end;

  explicit Lerp(double w) : weight(static_cast<T>(w)), from_end(weight >= T{0.5}) {
    if (from_end) weight = weight - 1;
  }
  T operator()(T a, T b) const { return (from_end ? b : a) + weight * (b - a); }
};

// Calls f with each condition as a type, so that the loops have no branches.
template <class F>
void with_flags(const F& f) {
  f();
}
template <class F, class... More>
void with_flags(const F& f, bool flag, More... more) {
  if (flag) {
    with_flags([&](auto... rest) { f(std::true_type{}, rest...); }, more...);
  } else {
    with_flags([&](auto... rest) { f(std::false_type{}, rest...); }, more...);
  }
}

}  // namespace wengert::kernels
