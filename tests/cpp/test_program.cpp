// Programs: captured, saved to a file, loaded and run; files that are not what save() wrote.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "check.h"

using namespace wengert;

namespace {

const std::string kPath = "program.safetensors";

bool same(const Tensor& x, const Tensor& y) {
  return x.dtype() == y.dtype() && x.shape() == y.shape() && value(all(eq(x, y))) != 0;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<int64_t>(bytes.size()));
}

void round_trip() {
  manual_seed(0);
  nn::Sequential model{nn::Linear(6, 16), nn::ReLU(), nn::Linear(16, 4)};
  const auto f = [&](const Tensor& x) {
    const Tensor y = model(x);
    return std::vector<Tensor>{y, argmax(y, 1), t(y) * 0.1};
  };
  const Tensor x = randn({5, 6});
  auto captured = capture(f);
  captured(x);
  captured.program().save(kPath);
  const Ref<Program> loaded = Program::load(kPath);
  CHECK(loaded->inputs() == 1 && loaded->result_count() == 3);
  for (int i = 0; i < 3; ++i) {
    const Tensor input = randn({5, 6});
    const std::vector<Tensor> want = f(input), got = (*loaded)({input});
    CHECK(got.size() == 3);
    for (size_t k = 0; k < got.size(); ++k) CHECK(same(got[k], want[k]));
  }
  CHECK_THROWS((*loaded)({}), kType, "takes 1 arguments, got 0");
  CHECK_THROWS((*loaded)({randn({6, 5})}), kRuntime, "shape (6, 5)");
  // What was loaded can be saved: the file is the same but for the names of the tensors.
  loaded->save("again.safetensors");
  const std::vector<Tensor> want = f(x), got = (*Program::load("again.safetensors"))({x});
  CHECK(same(got[0], want[0]));
}

// Three programs of one function are a file for batches of every size.
void any_batch_size() {
  const Tensor w = randn({6, 4});
  const auto f = [&](const Tensor& x) {
    return std::vector<Tensor>{softmax(matmul(x, w), 1), mean(x, 0), reshape(x, {-1, 3})};
  };
  auto captured = capture(f);
  std::vector<Program*> programs;
  for (int64_t rows = 4; rows < 7; ++rows) {
    captured(randn({rows, 6}));
    programs.push_back(&captured.program());
  }
  programs[0]->save(kPath, std::span(programs).subspan(1));
  const Ref<Program> loaded = Program::load(kPath);
  CHECK(loaded->takes_any_batch());
  for (const int64_t rows : {4, 1, 100, 5, 33, 1}) {
    const Tensor x = randn({rows, 6});
    const std::vector<Tensor> want = f(x), got = (*loaded)({x});
    for (size_t k = 0; k < want.size(); ++k) CHECK(same(got[k], want[k]));
  }
  CHECK_THROWS((*loaded)({randn({5, 7})}), kRuntime, "shape (5, 7)");
  CHECK_THROWS((*loaded)({zeros({0, 6})}), kRuntime, "there are no rows");
  auto pairs = capture([](const Tensor& x) { return matmul(x, t(x)); });
  programs.clear();
  for (int64_t rows = 4; rows < 7; ++rows) {
    pairs(randn({rows, 6}));
    programs.push_back(&pairs.program());
  }
  CHECK_THROWS(programs[0]->save(kPath, std::span(programs).subspan(1)), kRuntime,
               "does not grow in proportion to the batch");
}

void training_is_refused() {
  Tensor w = ones({3});
  auto changes = capture([&](const Tensor& x) { add_(w, x); });
  changes(ones({3}));
  CHECK_THROWS(changes.program().save(kPath), kRuntime, "step 0 (add) writes to a tensor from");
  w.set_requires_grad(true);
  auto gradient = capture([&](const Tensor& x) { backward(sum(w * x)); });
  gradient(ones({3}));
  CHECK_THROWS(gradient.program().save(kPath), kRuntime, "leaves a gradient behind");
}

void damaged_files() {
  auto captured = capture([](const Tensor& x) { return x * 2.0 + arange(0, 3); });
  captured(ones({3}));
  captured.program().save(kPath);
  const std::string good = bytes_of(kPath);
  for (size_t n = 0; n < good.size(); n += 7) {
    write("bad.safetensors", good.substr(0, n));
    CHECK_THROWS(Program::load("bad.safetensors"), kRuntime, "load: bad.safetensors: ");
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1 << i % 8);
    write("bad.safetensors", bad);
    try {  // a space may become another
      CHECK(Program::load("bad.safetensors")->inputs() == 1);
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::kRuntime);
    }
  }
  write("bad.safetensors", good + '\0');
  CHECK_THROWS(Program::load("bad.safetensors"), kRuntime, "the file has");
  CHECK_THROWS(Program::load("none.safetensors"), kRuntime, "load: none.safetensors: ");
  for (const char* path : {"bad.safetensors", "again.safetensors", kPath.c_str()})
    std::remove(path);
}

}  // namespace

int main() {
  return run([] {
    round_trip();
    any_batch_size();
    training_is_refused();
    damaged_files();
  });
}
