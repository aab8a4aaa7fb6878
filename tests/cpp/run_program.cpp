// Runs a program that Python saved, and compares its results bit by bit with Python's:
//
//   run_program PROGRAM DATA
//
// where DATA has the arguments as input.0, ..., the results as output.0, ..., and `seed`. A test of
// the two languages: with_python.py.
#include <wengert/wengert.h>

#include <cstring>
#include <iostream>
#include <string>

using namespace wengert;

namespace {

std::vector<Tensor> numbered(const std::map<std::string, Tensor>& data, const std::string& prefix) {
  std::vector<Tensor> found;
  for (size_t i = 0; data.count(prefix + std::to_string(i)); ++i)
    found.push_back(data.at(prefix + std::to_string(i)));
  return found;
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.contiguous().data(), b.contiguous().data(),
                     static_cast<size_t>(a.numel() * item_size(a.dtype()))) == 0;
}

int compare(const char* program, const char* with) {
  const auto data = load_safetensors(with);
  const std::vector<Tensor> arguments = numbered(data, "input."), want = numbered(data, "output.");
  const Ref<Program> loaded = Program::load(program);
  manual_seed(static_cast<uint64_t>(data.at("seed").item<int64_t>()));
  const std::vector<Tensor> got = (*loaded)(arguments);
  if (got.size() != want.size() || want.empty()) {
    std::cerr << program << ": " << got.size() << " results instead of " << want.size() << '\n';
    return 1;
  }
  int wrong = 0;
  for (size_t i = 0; i < got.size(); ++i)
    if (!same_bits(got[i], want[i])) {
      ++wrong;
      std::cerr << program << ": result " << i << " differs by "
                << (got[i] - want[i]).abs().max().item<double>() << '\n';
    }
  return wrong;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::cerr << "usage: run_program PROGRAM DATA\n", 2;
  try {
    return compare(argv[1], argv[2]);
  } catch (const Error& e) {
    return std::cerr << "uncaught: " << e.what() << '\n', 1;
  }
}
