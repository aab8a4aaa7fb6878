// Ordering unsigned keys: by ranks where there are few, else digit by digit. Internal to sort.cpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

namespace wengert::detail {

// A key and its place in the line. Items compare by key, then by place: any sort is a stable one.
template <class K>
struct Item {
  K key;
  uint64_t index;

  Item() = default;
  Item(K key, int64_t index) : key(key), index(static_cast<uint64_t>(index)) {}
  K get_key() const { return key; }
  int64_t get_index() const { return static_cast<int64_t>(index); }
  friend bool operator<(const Item& a, const Item& b) {
    return a.key != b.key ? a.key < b.key : a.index < b.index;
  }
};
// Both in one number; lines are shorter than 2^32 there.
template <>
struct Item<uint32_t> {
  uint64_t both;

  Item() = default;
  Item(uint32_t key, int64_t index)
      : both(static_cast<uint64_t>(key) << 32 | static_cast<uint64_t>(index)) {}
  uint32_t get_key() const { return static_cast<uint32_t>(both >> 32); }
  int64_t get_index() const { return static_cast<uint32_t>(both); }
  friend bool operator<(const Item& a, const Item& b) { return a.both < b.both; }
};

inline constexpr int64_t kFew = 64;  // keys that are compared each with each
inline constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits;

// How many keys stand before key i.
template <class K>
int64_t rank_of(const K* keys, int64_t n, int64_t i) {
  const K own = keys[i];
  K rank = 0;
  for (int64_t j = 0; j < i; ++j) rank += keys[j] <= own;
  for (int64_t j = i + 1; j < n; ++j) rank += keys[j] < own;
  return static_cast<int64_t>(rank);
}

// Keys as what they are above the least, digit by digit; digits that are all 0 are left out.
template <class K>
struct Digits {
  K least, bits = 0;

  template <class Key>
  Digits(int64_t n, const Key& key) : least(key(0)) {
    for (int64_t i = 1; i < n; ++i) least = std::min(least, key(i));
    for (int64_t i = 0; i < n; ++i) bits |= key(i) - least;
  }
  static constexpr int kTop = 8 * static_cast<int>(sizeof(K)) - kDigitBits;  // the highest
  bool used(int shift) const { return (bits >> shift & (kDigits - 1)) != 0; }
  int operator()(K key, int shift) const {
    return static_cast<int>((key - least) >> shift & (kDigits - 1));
  }
};

// Sorts n items, digit by digit from the lowest, to and fro between two places; gives where they
// are in the end.
template <class K>
Item<K>* sort_by_digits(const Digits<K>& digit, Item<K>* from, Item<K>* to, int64_t n) {
  for (int shift = 0; shift <= Digits<K>::kTop; shift += kDigitBits) {
    if (!digit.used(shift)) continue;
    int64_t place[kDigits] = {};
    for (int64_t i = 0; i < n; ++i) ++place[digit(from[i].get_key(), shift)];
    int64_t next = 0;
    for (int64_t& p : place) next += std::exchange(p, next);
    for (int64_t i = 0; i < n; ++i) to[place[digit(from[i].get_key(), shift)]++] = from[i];
    std::swap(from, to);
  }
  return from;
}

// The items of n keys in order, in `items`. `spare` has room for as many.
template <class K>
void sort_keys(const K* keys, int64_t n, Item<K>* items, Item<K>* spare) {
  if (n <= kFew) {
    for (int64_t i = 0; i < n; ++i) items[rank_of(keys, n, i)] = Item<K>(keys[i], i);
    return;
  }
  if (std::is_sorted(keys, keys + n)) {
    for (int64_t i = 0; i < n; ++i) items[i] = Item<K>(keys[i], i);
    return;
  }
  const Digits<K> digit(n, [=](int64_t i) { return keys[i]; });
  bool odd = false;
  for (int shift = 0; shift <= Digits<K>::kTop; shift += kDigitBits) odd ^= digit.used(shift);
  Item<K>* from = odd ? spare : items;
  for (int64_t i = 0; i < n; ++i) from[i] = Item<K>(keys[i], i);
  sort_by_digits(digit, from, odd ? items : spare, n);
}

// The key that has `rank` keys before it. `keys` is lost.
template <class K>
K select_key(K* keys, int64_t n, int64_t rank) {
  if (n > kFew) {
    const Digits<K> digit(n, [=](int64_t i) { return keys[i]; });
    if (digit.bits == 0) return digit.least;
    for (int shift = Digits<K>::kTop; shift >= 0 && n > kFew; shift -= kDigitBits) {
      if (!digit.used(shift)) continue;
      uint32_t counts[2][kDigits] = {};  // two, as equal neighbours wait for each other's count
      int64_t i = 0;
      for (; i + 1 < n; i += 2) {
        ++counts[0][digit(keys[i], shift)];
        ++counts[1][digit(keys[i + 1], shift)];
      }
      if (i < n) ++counts[0][digit(keys[i], shift)];
      int d = 0;
      for (;; ++d) {
        const int64_t count = static_cast<int64_t>(counts[0][d]) + counts[1][d];
        if (rank < count) break;
        rank -= count;
      }
      int64_t kept = 0;
      for (int64_t j = 0; j < n; ++j) {
        keys[kept] = keys[j];
        kept += digit(keys[j], shift) == d;
      }
      n = kept;
    }
  }
  std::nth_element(keys, keys + rank, keys + n);
  return keys[rank];
}

// A key that has at least k - 1 keys before it, and few more: the k-th of the least keys of groups,
// as many as balance their number and their size. `room` has place for n / 2.
template <class K>
K loose_limit(const K* keys, int64_t n, int64_t k, K* room) {
  int64_t groups = kFew;
  while (groups < 2 * k || groups * groups < n * k) groups *= 2;
  if (2 * groups > n) return ~K(0);
  std::copy_n(keys, groups, room);
  for (int64_t i = groups; i < n; i += groups)
    for (int64_t g = 0, m = std::min(groups, n - i); g < m; ++g)
      room[g] = std::min(room[g], keys[i + g]);
  return select_key(room, groups, k - 1);
}

// The first k items in order, k < n, in `items`. Both have room for n.
template <class K>
void first_keys(const K* keys, int64_t n, int64_t k, Item<K>* items, Item<K>* spare) {
  constexpr int64_t kStep = 32;
  K* room = reinterpret_cast<K*>(spare);
  const auto only = [](Item<K>* to, K limit, int64_t most, int64_t count, const auto& item) {
    int64_t kept = 0, equal = 0;
    for (int64_t i = 0; i < count; ++i) {
      const Item<K> v = item(i);
      to[kept] = v;
      const bool same = v.get_key() == limit;
      kept += v.get_key() < limit || (same && equal < most);
      equal += same;
    }
    return kept;
  };
  K limit = loose_limit(keys, n, k, room);
  int64_t count = 0;
  for (int64_t i = 0; i < n; i += kStep) {
    const int64_t m = std::min(kStep, n - i);
    K fits = 0;
    for (int64_t j = i; j < i + m; ++j) fits |= keys[j] <= limit;
    if (fits != 0)
      count += only(items + count, limit, kStep, m,
                    [=](int64_t j) { return Item<K>(keys[i + j], i + j); });
  }
  for (int64_t i = 0; i < count; ++i) room[i] = items[i].get_key();
  limit = select_key(room, count, k - 1);
  int64_t less = 0;
  for (int64_t i = 0; i < count; ++i) less += items[i].get_key() < limit;
  only(items, limit, k - less, count, [=](int64_t i) { return items[i]; });
  if (k <= kFew) return std::sort(items, items + k);
  const Digits<K> digit(k, [=](int64_t i) { return items[i].get_key(); });
  const Item<K>* sorted = sort_by_digits(digit, items, spare, k);
  if (sorted != items) std::copy_n(sorted, k, items);
}

}  // namespace wengert::detail
