#include "wengert/kernels/norm/channel_map.h"

#include "wengert/kernels/core/rows.h"

namespace wengert {

template <class T>
void ChannelMap<T>::run(const T* x, T* y, int64_t n) const {
  using namespace detail;
  const Vec<T> m = Vec<T>::repeat(mean), a = Vec<T>::repeat(scale), b = Vec<T>::repeat(shift);
  for (int64_t i = 0; i < n; i += Vec<T>::kSize)
    store_part(fma(load_part(x + i, n - i, 0) - m, a, b), y + i, n - i);
}

template struct ChannelMap<float>;
template struct ChannelMap<double>;

}  // namespace wengert
