#include "wengert/data/safetensors.h"

#include <set>

#include "wengert/ops/basic.h"
#include "wengert/program/file/safetensors.h"

namespace wengert {
namespace {

template <class F>
auto with_path(const char* caller, const std::string& path, const F& f) {
  try {
    return f();
  } catch (const Error& e) {
    fail(e.kind(), caller, ": ", path, ": ", e.what());
  }
}

}  // namespace

std::map<std::string, Tensor> load_safetensors(const std::string& path, const char* caller) {
  return with_path(caller, path, [&] {
    TensorReader reader(path);
    std::map<std::string, Tensor> found;
    for (const StoredTensor& t : reader.tensors())
      found.emplace(t.name, Tensor(new TensorImpl(reader.read(t), 0, t.dtype, t.shape,
                                                  contiguous_strides(t.shape))));
    return found;
  });
}

void save_safetensors(const std::vector<std::pair<std::string, Tensor>>& tensors,
                      const std::string& path, const char* caller) {
  std::vector<StoredTensor> stored;
  std::vector<Tensor> kept;  // whose bytes are written
  std::set<std::string> names;
  value_leaves(text(caller, "()").c_str());
  const NoGradGuard off;
  for (const auto& [name, tensor] : tensors) {
    check_defined(tensor, caller, "tensors");
    check(names.insert(name).second, caller, ": two tensors are named ", in_quotes(name));
    kept.push_back(contiguous(tensor.detach()));
    stored.push_back({.name = name, .dtype = tensor.dtype(), .shape = tensor.shape()});
    stored.back().data = kept.back().data();
  }
  with_path(caller, path, [&] { write_tensors(path, {}, stored); });
}

}  // namespace wengert
