// Calls every function that `python -m tests.functions` writes, and compares the results bit by bit
// with Python's:
//
//   run_calls DATA
//
// where DATA has the tensors of a call as "name number.in.0", ..., its results as
// "name number.out.0", ..., and `seed`. A test of the two languages: with_python.py.
#include <wengert/wengert.h>

#include <cstring>
#include <iostream>
#include <limits>
#include <string>

using namespace wengert;

namespace {

using Data = std::map<std::string, Tensor>;
[[maybe_unused]] constexpr double kInfinity = std::numeric_limits<double>::infinity();
[[maybe_unused]] constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct In {
  const Data& data;
  std::string name;
  bool without = false;  // the first tensor
  Tensor operator()(int i) const {
    return without && i == 0 ? Tensor() : data.at(name + ".in." + std::to_string(i));
  }
  Tensor copy() const { return without ? Tensor() : (*this)(0).clone(); }
};

std::vector<Tensor> given(const Tensor& t) { return {t}; }
std::vector<Tensor> given(const std::pair<Tensor, Tensor>& t) { return {t.first, t.second}; }
std::vector<Tensor> given(std::vector<Tensor> list) { return list; }

struct Case {
  const char* name;
  std::vector<Tensor> (*call)(const In& in);
};
const Case kCases[] = {
#include "calls.h"
};

bool same(const Tensor& a, const Tensor& b, bool values) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (!values || std::memcmp(a.contiguous().data(), b.contiguous().data(),
                                 static_cast<size_t>(a.numel() * item_size(a.dtype()))) == 0);
}

bool agrees(const Case& c, const Data& data) {
  manual_seed(static_cast<uint64_t>(data.at("seed").item<int64_t>()));
  std::vector<Tensor> got = c.call({data, c.name});
  std::erase_if(got, [](const Tensor& t) { return !t.defined(); });  // Python's None
  const bool values = std::string(c.name).find("empty") == std::string::npos;
  size_t i = 0;
  for (;; ++i) {
    const auto want = data.find(c.name + std::string(".out.") + std::to_string(i));
    if (want == data.end()) break;
    if (i >= got.size() || !same(got[i], want->second, values)) return false;
  }
  return i > 0 && i == got.size();
}

// Without its first tensor the call is an error that names the operation and says what was missing.
bool refuses(const Case& c, const Data& data) {
  if (!data.contains(c.name + std::string(".in.0"))) return true;
  try {
    c.call({data, c.name, true});
  } catch (const Error& e) {
    const std::string said = e.what(), name(c.name, std::string(c.name).find_first_of("_ "));
    return e.kind() == ErrorKind::kType && said.starts_with(name) &&
           said.find("argument '") != said.npos && said.find("None") != said.npos;
  }
  return false;
}

int compare(const char* path) {
  const Data data = load_safetensors(path);
  int wrong = 0;
  for (const Case& c : kCases) {
    std::string why = "other results than Python's";
    try {
      if (agrees(c, data)) {
        if (refuses(c, data)) continue;
        why = "another error where a tensor is missing";
      }
    } catch (const std::exception& e) {
      why = e.what();
    }
    ++wrong;
    std::cerr << c.name << ": " << why << '\n';
  }
  std::cout << std::size(kCases) << " functions called\n";
  return wrong != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: run_calls DATA\n", 2;
  return compare(argv[1]);
}
