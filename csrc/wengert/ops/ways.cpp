#include "wengert/ops/ways.h"

namespace wengert {

std::span<const OpWays> attention_ways();
std::span<const OpWays> conv_product_ways();
std::span<const OpWays> matmul_ways();

std::string way_of(const Call& c) {
  for (const auto family : {attention_ways, conv_product_ways, matmul_ways})
    for (const OpWays& w : family())
      if (w.op == &c.op()) return w.way(c);
  return "";
}

}  // namespace wengert
