// x[at] and x.set_item(at, value) of C++.
#include "wengert/ops/index/key.h"

namespace wengert {
namespace {

template <class Items>
IndexKey key_of(const Items& items) {
  IndexKey key;
  for (const IndexItem& item : items) key.add(item);
  return key;
}

}  // namespace

Tensor Tensor::operator[](const IndexItem& at) const {
  return get_item(*this, key_of(std::span(&at, 1)));
}
Tensor Tensor::operator[](std::initializer_list<IndexItem> at) const {
  return get_item(*this, key_of(at));
}
void Tensor::set_item(const IndexItem& at, const Operand& value) const {
  Tensor self(*this);
  wengert::set_item(self, key_of(std::span(&at, 1)), value);
}
void Tensor::set_item(std::initializer_list<IndexItem> at, const Operand& value) const {
  Tensor self(*this);
  wengert::set_item(self, key_of(at), value);
}

}  // namespace wengert
