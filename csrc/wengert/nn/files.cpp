// Parameters and buffers in files.
#include <map>

#include "wengert/data/safetensors.h"
#include "wengert/nn/nn.h"
#include "wengert/program/file/safetensors.h"

namespace wengert::nn {
namespace {

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
  save_safetensors(module.state_dict(), path, "nn::save");
}

void load(Module& module, const std::string& path) {
  const auto found = load_safetensors(path, "nn::load");
  const auto parameters = module.state_dict();
  const std::string wrong = misfits(parameters, found);
  check(wrong.empty(), "nn::load: ", path, " does not fit ", module.name(), ": ", wrong);
  const NoGradGuard off;
  for (const auto& [name, parameter] : parameters) parameter.copy_(found.at(name));
}

}  // namespace wengert::nn
