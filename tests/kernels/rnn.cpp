// Recurrent layers, with their gradients; rows of packed sequences.
#include "wengert/kernels/rnn/rnn.h"

#include "kernels.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/rnn/naive.h"

namespace wengert {
namespace {

struct Options {
  bool biases = true, initial = true, last = true, outputs = true;
};

// What a layer is given, and what it gives.
template <class T>
struct Layer {
  RnnShape s;
  Options o;
  std::vector<T> x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, gy, gh, gc;
  std::vector<T> y, h_n, c_n, gates, cells;
  std::vector<T> dx, dh0, dc0, dw_ih, dw_hh, db_ih, db_hh, dw_hr;

  Layer(const RnnShape& shape, const Options& options) : s(shape), o(options) {
    const int64_t rows = s.rows.rows, batch = s.rows.batch, n = s.blocks() * s.hidden;
    const int64_t out = s.out();
    uint32_t seed = 1;
    const auto draw = [&](std::vector<T>& to, int64_t count, double scale) {
      to = numbers<T>(count, ++seed);
      for (T& v : to) v = static_cast<T>(v * scale);
    };
    draw(x, rows * s.input, 1);
    draw(h0, batch * out, 0.5);
    draw(c0, batch * s.hidden, 0.5);
    draw(w_ih, n * s.input, 0.5 / std::sqrt(s.input));
    draw(w_hh, n * out, 0.5 / std::sqrt(out));
    draw(b_ih, n, 0.5);
    draw(b_hh, n, 0.5);
    draw(w_hr, s.projected * s.hidden, 0.5);
    draw(gy, rows * out, 1);
    draw(gh, batch * out, 1);
    draw(gc, batch * s.hidden, 1);
    y.resize(gy.size());
    h_n.resize(gh.size());
    c_n.resize(s.is_lstm() ? gc.size() : 0);
    gates.resize(static_cast<size_t>(rows * s.slices() * s.width()));
    cells.resize(static_cast<size_t>(s.is_lstm() ? rows * s.width() : 0));
  }

  static const T* given(const std::vector<T>& v, bool is = true) {
    return is && !v.empty() ? v.data() : nullptr;
  }
  RnnWeights<T> weights() const {
    return {w_ih.data(), w_hh.data(), given(b_ih, o.biases), given(b_hh, o.biases), given(w_hr)};
  }
  RnnState<T> initial() const {
    return {given(h0, o.initial), given(c0, o.initial && s.is_lstm())};
  }
  RnnState<T> last() const { return {given(gh, o.last), given(gc, o.last && s.is_lstm())}; }
  const T* outputs() const { return given(gy, o.outputs); }

  void run() {
    rnn_forward(s, x.data(), initial(), weights(),
                RnnResults<T>{y.data(), h_n.data(), c_n.empty() ? nullptr : c_n.data(),
                              gates.data(), cells.data()});
    for (const auto& [to, like] : {std::pair(&dx, &x),
                                   {&dh0, &h0},
                                   {&dc0, &c0},
                                   {&dw_ih, &w_ih},
                                   {&dw_hh, &w_hh},
                                   {&db_ih, &b_ih},
                                   {&db_hh, &b_hh},
                                   {&dw_hr, &w_hr}})
      *to = std::vector<T>(like->size(), T(-1));
    const auto wanted = [](std::vector<T>& v, bool is = true) {
      return is && !v.empty() ? v.data() : nullptr;
    };
    rnn_gradient(s, outputs(), last(), x.data(), initial(), weights(),
                 RnnResults<const T>{y.data(), nullptr, nullptr, gates.data(), cells.data()},
                 RnnGradients<T>{dx.data(), wanted(dh0, o.initial),
                                 wanted(dc0, o.initial && s.is_lstm()), dw_ih.data(), dw_hh.data(),
                                 wanted(db_ih, o.biases), wanted(db_hh, o.biases), wanted(dw_hr)});
  }

  void compare() const {
    const naive::RnnAll slow = naive::rnn(s, x.data(), initial(), weights(), outputs(), last());
    const double steps = std::sqrt(static_cast<double>(s.rows.rows)) + 4;
    const double loose = kLoose<T>, more = steps * kLoose<T>;
    CHECK(close(y, slow.y, loose, loose));
    CHECK(close(h_n, slow.h_n, loose, loose));
    if (s.is_lstm()) CHECK(close(c_n, slow.c_n, loose, loose));
    CHECK(close(dx, slow.d.x, 5 * loose, 5 * loose));
    if (o.initial) CHECK(close(dh0, slow.d.h0, 5 * loose, 5 * loose));
    if (o.initial && s.is_lstm()) CHECK(close(dc0, slow.d.c0, 5 * loose, 5 * loose));
    CHECK(close(dw_ih, slow.d.w_ih, more, more));
    CHECK(close(dw_hh, slow.d.w_hh, more, more));
    if (o.biases) CHECK(close(db_ih, slow.d.b_ih, more, more));
    if (o.biases) CHECK(close(db_hh, slow.d.b_hh, more, more));
    if (s.projected > 0) CHECK(close(dw_hr, slow.d.w_hr, more, more));
  }
  bool operator==(const Layer& l) const {
    return y == l.y && h_n == l.h_n && c_n == l.c_n && gates == l.gates && dx == l.dx &&
           dw_ih == l.dw_ih && dw_hh == l.dw_hh && db_ih == l.db_ih && db_hh == l.db_hh &&
           dw_hr == l.dw_hr;
  }
};

template <class T>
void layer(const RnnShape& s, const Options& o = {}) {
  Layer<T> all(s, o), alone(s, o);
  all.run();
  all.compare();
  {
    const SerialScope serial;
    alone.run();
  }
  CHECK(all == alone);
}

constexpr int64_t kSizes[] = {7, 7, 4, 3, 1};

// As many steps of sequences of mixed lengths.
RnnRows packed() { return {5, 7, 22, false, kSizes}; }

template <class T>
void layers() {
  for (const RnnKind kind : {RnnKind::kTanh, RnnKind::kRelu, RnnKind::kLstm, RnnKind::kGru}) {
    for (const bool reverse : {false, true}) {
      for (const bool batch_first : {false, true}) {
        layer<T>({kind, {5, 3, 15, batch_first, nullptr}, 4, 6, 0, reverse});
        layer<T>({kind, {4, 19, 76, batch_first, nullptr}, 7, 33, 0, reverse});
      }
      for (const int64_t hidden : {5, 16, 40}) layer<T>({kind, packed(), 3, hidden, 0, reverse});
    }
    layer<T>({kind, {1, 5, 5, false, nullptr}, 3, 32, 0, false});    // as products
    layer<T>({kind, {3, 2, 6, false, nullptr}, 20, 400, 0, false});  // by units
    layer<T>({kind, {6, 25, 150, true, nullptr}, 3, 64, 0, true});
    layer<T>({kind, {3, 4, 12, false, nullptr}, 3, 8, 0, false}, {.biases = false});
    layer<T>({kind, {3, 4, 12, false, nullptr}, 3, 8, 0, false}, {.initial = false, .last = false});
    layer<T>({kind, {3, 4, 12, false, nullptr}, 3, 8, 0, true}, {.outputs = false});
  }
  layer<T>({RnnKind::kLstm, {4, 3, 12, false, nullptr}, 5, 20, 7, false});
  layer<T>({RnnKind::kLstm, {1, 3, 3, false, nullptr}, 5, 20, 7, false});
  layer<T>({RnnKind::kLstm, packed(), 5, 33, 18, true});
  layer<T>({RnnKind::kLstm, {2, 200, 400, false, nullptr}, 3, 230, 0, false});  // many, and large
  layer<T>({RnnKind::kGru, {3, 200, 600, true, nullptr}, 3, 300, 0, true});
}

void rows() {
  const int64_t sizes[] = {3, 2, 2, 1, 0};
  for (const bool batch_first : {false, true}) {
    const RnnRows r{5, 3, 8, batch_first, sizes};
    std::vector<float> padded = numbers<float>(5 * 3 * 2), packed(16), again(padded.size());
    pack_rows(r, 8, padded.data(), packed.data());
    const float fill = 9;
    pad_rows(r, 8, packed.data(), again.data(), &fill, 4);
    int64_t row = 0;
    for (int64_t t = 0; t < 5; ++t)
      for (int64_t b = 0; b < 3; ++b)
        for (int64_t j = 0; j < 2; ++j) {
          const auto at = static_cast<size_t>(2 * (batch_first ? b * 5 + t : t * 3 + b) + j);
          const bool is = b < sizes[t];
          CHECK(again[at] == (is ? padded[at] : 9));
          if (is) CHECK(packed[static_cast<size_t>(row++)] == padded[at]);
        }
  }
}

}  // namespace

void test_rnn() {
  layers<float>();
  layers<double>();
  rows();
}

}  // namespace wengert
