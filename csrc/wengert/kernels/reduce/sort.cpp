#include "wengert/kernels/reduce/sort.h"

#include <bit>
#include <cmath>
#include <type_traits>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/reduce/order_keys.h"

namespace wengert {
namespace {

using detail::Item;

template <class T>
using KeyOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// An unsigned number in the order of the values: NaN is the largest, both zeros are one number.
template <class T>
KeyOf<T> key_of(T v) {
  using K = KeyOf<T>;
  constexpr K kSign = K(1) << (8 * sizeof(K) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    const K bits = std::bit_cast<K>(v + T(0));
    const K key = bits ^ (bits & kSign ? ~K(0) : kSign);
    return v != v ? ~K(0) : key;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<K>(v) ^ kSign;
  } else {
    return v;
  }
}
// And back, where one value has the key.
template <class T>
T value_of(KeyOf<T> key) {
  using K = KeyOf<T>;
  constexpr K kSign = K(1) << (8 * sizeof(K) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>(key ^ (key & kSign ? kSign : ~K(0)));
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(key ^ kSign);
  } else {
    return static_cast<T>(key);
  }
}

constexpr int64_t kBeside = 16;           // lines side by side that are read and written together
constexpr int64_t kGroupBytes = 1 << 20;  // of which so much is kept
constexpr int64_t kGrain = 8192;

// The output's memory; either may be null.
template <class T>
struct Ordered {
  T* values;
  int64_t* indices;
};

// order(keys, items, spare, kept) for each line, whose first k items are then written. Key and
// items are those of `down`, the order from the largest, where they are turned round.
template <class T, class F>
void for_lines(const SortShape& s, const T* x, const Ordered<T>& y, bool down, const F& order) {
  using K = KeyOf<T>;
  if (s.n == 0) return;
  const K turned = down ? ~K(0) : 0;
  const int64_t fit = kGroupBytes / (s.n * static_cast<int64_t>(sizeof(Item<K>)));
  const int64_t together = std::clamp<int64_t>(std::min(fit, s.inner), 1, kBeside);
  const int64_t groups = (s.inner + together - 1) / together;
  const auto value = [&](const Item<K>& item, const T* line) {
    const T v = value_of<T>(item.get_key() ^ turned);
    // Zeros and NaNs are of several kinds.
    if (std::is_floating_point_v<T> && !(v < 0 || v > 0)) return line[item.get_index() * s.inner];
    return v;
  };
  parallel_for(
      s.outer * groups, std::max<int64_t>(1, kGrain / (s.n * together)),
      [&](int64_t begin, int64_t end) {
        const size_t n = static_cast<size_t>(s.n), lines = static_cast<size_t>(together);
        const Scratch key_memory(n * lines * sizeof(K)),
            item_memory(n * (lines + 1) * sizeof(Item<K>));
        K* keys = key_memory.as<K>();
        Item<K>* items = item_memory.as<Item<K>>();
        for (int64_t g = begin; g < end; ++g) {
          const int64_t column = g % groups * together, m = std::min(together, s.inner - column);
          const T* from = x + g / groups * s.n * s.inner + column;
          if (s.inner == 1) {
            for (int64_t i = 0; i < s.n; ++i) keys[i] = key_of(from[i]) ^ turned;
          } else {
            for (int64_t i = 0; i < s.n; ++i)
              for (int64_t j = 0; j < m; ++j)
                keys[j * s.n + i] = key_of(from[i * s.inner + j]) ^ turned;
          }
          for (int64_t j = 0; j < m; ++j)
            order(keys + j * s.n, items + j * s.n, items + together * s.n);
          for (int64_t i = 0, at = g / groups * s.k * s.inner + column; i < s.k; ++i, at += s.inner)
            for (int64_t j = 0; j < m; ++j) {
              const Item<K>& item = items[j * s.n + i];
              if (y.values) y.values[at + j] = value(item, from + j);
              if (y.indices) y.indices[at + j] = item.get_index();
            }
        }
      });
}

// Of n keys the one that has `rank` others before it in a stable order. `lost` has room for n.
template <class K>
Item<K> ranked(const K* keys, int64_t n, K* lost, int64_t rank) {
  std::copy_n(keys, n, lost);
  const K key = detail::select_key(lost, n, rank);
  int64_t less = 0;
  for (int64_t i = 0; i < n; ++i) less += keys[i] < key;
  int64_t i = 0;
  for (int64_t equal = less;; ++i)
    if (keys[i] == key && equal++ == rank) break;
  return Item<K>(key, i);
}

// Of n keys the most frequent, and the last place where it is.
template <class K>
Item<K> most_frequent(const K* keys, int64_t n, bool nans, Item<K>* items, Item<K>* spare) {
  detail::sort_keys(keys, n, items, spare);
  int64_t best = 0, most = 0;
  for (int64_t begin = 0, end = 0; begin < n; begin = end) {
    const K key = items[begin].get_key();
    do ++end;
    while (end < n && items[end].get_key() == key && !(nans && key == ~K(0)));
    if (end - begin <= most) continue;
    most = end - begin;
    best = end - 1;
  }
  return items[best];
}

template <class T, class K>
Item<K> picked(const K* keys, int64_t n, Pick pick, int64_t rank, Item<K>* items, Item<K>* spare) {
  constexpr bool kNans = std::is_floating_point_v<T>;
  if (pick == Pick::kMode) return most_frequent(keys, n, kNans, items, spare);
  if (pick != Pick::kRank) {
    int64_t nans = 0;
    if (kNans)
      for (int64_t i = 0; i < n; ++i) nans += keys[i] == ~K(0);
    if (nans == n || (nans > 0 && pick == Pick::kMedian))
      return Item<K>(~K(0), std::find(keys, keys + n, ~K(0)) - keys);
    rank = (n - nans - 1) / 2;
  }
  return ranked(keys, n, reinterpret_cast<K*>(spare), rank);
}

template <class F>
void dispatch_values(Dtype dtype, const F& f) {
  dispatch(dtype, [&](auto zero) {
    // Truth values are bytes of 0 and 1.
    f(std::conditional_t<std::is_same_v<decltype(zero), bool>, uint8_t, decltype(zero)>{});
  });
}

}  // namespace

void sort_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices,
                bool descending) {
  if (s.k == 0) return;
  const bool few = s.k <= s.n / 4 && s.n > detail::kFew;
  dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    using K = KeyOf<T>;
    for_lines<T>(s, static_cast<const T*>(x), {static_cast<T*>(values), indices}, descending,
                 [&](const K* keys, Item<K>* items, Item<K>* spare) {
                   few ? detail::first_keys(keys, s.n, s.k, items, spare)
                       : detail::sort_keys(keys, s.n, items, spare);
                 });
  });
}

void pick_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices,
                Pick pick, int64_t rank) {
  dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    using K = KeyOf<T>;
    for_lines<T>(s, static_cast<const T*>(x), {static_cast<T*>(values), indices}, false,
                 [&](const K* keys, Item<K>* items, Item<K>* spare) {
                   items[0] = picked<T>(keys, s.n, pick, rank, items, spare);
                 });
  });
}

}  // namespace wengert
