// A map from 64-bit keys (addresses, hashes) to numbers, in one array.
//
// A recording asks for several with every step, and what it costs is a good part of what capturing
// costs: std::unordered_map allocates for every key.
#pragma once

#include <algorithm>
#include <cstdint>

#include "wengert/base/allocator.h"

namespace wengert {

class KeyTable {
 public:
  // The number of the key. 0 if there is none yet: then the caller sets it, to another than 0.
  uint32_t& operator[](uint64_t key) {
    if (2 * (count_ + 1) > places_.size()) grow();
    uint32_t& number = find(key);
    if (number == 0) ++count_;
    return number;
  }
  uint32_t& operator[](const void* key) {
    return (*this)[static_cast<uint64_t>(reinterpret_cast<uintptr_t>(key))];
  }
  // Forgets all, and gives the memory back.
  void clear() { *this = {}; }

 private:
  struct Place {
    uint64_t key = 0;
    uint32_t number = 0;  // 0: free
  };
  static constexpr size_t kFirstPlaces = 128;  // a power of 2, as all sizes

  uint32_t& find(uint64_t key) {
    const size_t mask = places_.size() - 1;
    size_t at = static_cast<size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & mask;
    while (places_[at].number != 0 && places_[at].key != key) at = (at + 1) & mask;
    places_[at].key = key;
    return places_[at].number;
  }
  void grow() {
    List<Place> before(std::max(kFirstPlaces, 2 * places_.size()));
    before.swap(places_);
    for (const Place& p : before)
      if (p.number != 0) find(p.key) = p.number;
  }

  List<Place> places_;
  size_t count_ = 0;
};

}  // namespace wengert
