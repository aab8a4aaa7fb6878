// Parameters and buffers in files.
#include <map>

#include "wengert/nn/nn.h"
#include "wengert/program/file/safetensors.h"

namespace wengert::nn {
namespace {

template <class F>
auto with_path(const char* what, const std::string& path, const F& f) {
  try {
    return f();
  } catch (const Error& e) {
    fail(e.kind(), what, ": ", path, ": ", e.what());
  }
}

std::map<std::string, Tensor> read_all(const std::string& path) {
  TensorReader reader(path);
  std::map<std::string, Tensor> found;
  for (const StoredTensor& t : reader.tensors())
    found.emplace(t.name, Tensor(new TensorImpl(reader.read(t), 0, t.dtype, t.shape,
                                                contiguous_strides(t.shape))));
  return found;
}

void list(std::string& out, const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return;
  out += text(out.empty() ? "" : "; ", what, names.size() > 1 ? "s: " : ": ");
  for (size_t i = 0; i < names.size(); ++i) out += (i ? ", " : "") + in_quotes(names[i]);
}

// What does not fit, or nothing.
std::string misfits(const std::vector<std::pair<std::string, Tensor>>& parameters,
                    const std::map<std::string, Tensor>& found) {
  std::vector<std::string> missing, shapes, extra;
  std::map<std::string, Tensor> rest = found;
  for (const auto& [name, parameter] : parameters) {
    const auto at = found.find(name);
    if (at == found.end()) {
      missing.push_back(name);
      continue;
    }
    rest.erase(name);
    if (!(at->second.shape() == parameter.shape()))
      shapes.push_back(
          text(name, " has shape ", at->second.shape(), " instead of ", parameter.shape()));
  }
  for (const auto& item : rest) extra.push_back(item.first);
  std::string out;
  list(out, "missing key", missing);
  list(out, "unexpected key", extra);
  list(out, "size mismatch", shapes);
  return out;
}

}  // namespace

void save(const Module& module, const std::string& path) {
  std::vector<StoredTensor> stored;
  std::vector<Tensor> kept;  // whose bytes are written
  value_leaves("nn::save()");
  const NoGradGuard off;
  for (const auto& [name, parameter] : module.state_dict()) {
    kept.push_back(contiguous(parameter.detach()));
    stored.push_back({.name = name, .dtype = parameter.dtype(), .shape = parameter.shape()});
    stored.back().data = kept.back().data();
  }
  with_path("nn::save", path, [&] { write_tensors(path, {}, stored); });
}

void load(Module& module, const std::string& path) {
  const auto found = with_path("nn::load", path, [&] { return read_all(path); });
  const auto parameters = module.state_dict();
  const std::string wrong = misfits(parameters, found);
  check(wrong.empty(), "nn::load: ", path, " does not fit ", module.name(), ": ", wrong);
  const NoGradGuard off;
  for (const auto& [name, parameter] : parameters) parameter.copy_(found.at(name));
}

}  // namespace wengert::nn
