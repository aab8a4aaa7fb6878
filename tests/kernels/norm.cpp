// Norms of samples and of batches, with their gradients.
#include "wengert/kernels/norm/norm.h"

#include "kernels.h"
#include "wengert/kernels/norm/naive.h"

namespace wengert {
namespace {

template <class T>
struct Arrays {
  std::vector<T> x, g, w, b, y, dx, dw, db, y_slow, dx_slow;
  std::vector<double> dw_slow, db_slow;
  Arrays(int64_t n, int64_t channels)
      : x(numbers<T>(n)),
        g(numbers<T>(n, 2)),
        w(numbers<T>(channels, 3)),
        b(numbers<T>(channels, 4)) {
    y = dx = y_slow = dx_slow = std::vector<T>(x.size());
    dw = db = std::vector<T>(w.size());
    dw_slow = db_slow = std::vector<double>(w.size());
    for (T& v : x) v = v * T(0.5) + T(3);
  }
  void check() const {
    CHECK(close(y, y_slow, kLoose<T>, 5 * kLoose<T>));
    CHECK(close(dx, dx_slow, kLoose<T>, 10 * kLoose<T>));
    const double more = std::sqrt(static_cast<double>(x.size()) / static_cast<double>(w.size()));
    CHECK(close(dw, dw_slow, kLoose<T>, (10 + more) * kLoose<T>));
    CHECK(close(db, db_slow, kLoose<T>, (10 + more) * kLoose<T>));
  }
};

template <class T>
void groups(const GroupNormShape& s) {
  Arrays<T> a(s.rows() * s.row(), s.groups * s.channels);
  const auto rows = static_cast<size_t>(s.rows());
  std::vector<T> mean(s.centred ? rows : 0), rstd(rows);
  group_norm_forward(dtype_of<T>(), s, a.x.data(), a.w.data(), a.b.data(), a.y.data(), mean.data(),
                     rstd.data());
  group_norm_gradient(dtype_of<T>(), s, a.g.data(), a.x.data(), mean.data(), rstd.data(),
                      a.w.data(), a.dx.data(), a.dw.data(), a.db.data());
  for (const naive::NormLine& line : naive::lines_of(s)) {
    const naive::NormMoments m = naive::moments(line, a.x.data(), s.centred);
    naive::norm(line, m, s.eps, a.x.data(), a.w.data(), a.b.data(), a.y_slow.data());
    naive::norm_gradient(line, m, s.eps, s.centred, false, a.g.data(), a.x.data(), a.w.data(),
                         a.dx_slow.data(), a.dw_slow.data(), a.db_slow.data());
  }
  a.check();
}

template <class T>
void batches(const BatchNormShape& s, bool given) {
  Arrays<T> a(s.size(), s.channels);
  const auto channels = static_cast<size_t>(s.channels);
  std::vector<T> mean(channels), rstd(channels), run_mean(2 * channels, T(1)), run_var = run_mean;
  const RunningMoments running{run_mean.data(), run_var.data(), 2, 2, 0.25};
  batch_norm_forward(dtype_of<T>(), s, a.x.data(), a.w.data(), a.b.data(), running, a.y.data(),
                     mean.data(), rstd.data());
  if (given) {
    std::vector<T> var = rstd;
    for (T& v : var) v = T(1 / (double(v) * double(v)) - s.eps);
    batch_norm_apply(dtype_of<T>(), s, a.x.data(), a.w.data(), a.b.data(), mean.data(), var.data(),
                     a.y.data());
  }
  batch_norm_gradient(dtype_of<T>(), s, given, a.g.data(), a.x.data(), mean.data(), rstd.data(),
                      a.w.data(), a.dx.data(), a.dw.data(), a.db.data());
  const std::vector<naive::NormLine> lines = naive::lines_of(s);
  for (size_t c = 0; c < lines.size(); ++c) {
    const naive::NormMoments m = naive::moments(lines[c], a.x.data(), true);
    const auto n = static_cast<double>(s.count());
    CHECK(close(double(run_mean[2 * c]), 0.75 + 0.25 * m.mean, kLoose<T>, 0));
    CHECK(close(double(run_var[2 * c]), 0.75 + 0.25 * m.var * n / (n - 1), kLoose<T>, 0));
    naive::norm(lines[c], m, s.eps, a.x.data(), a.w.data(), a.b.data(), a.y_slow.data());
    naive::norm_gradient(lines[c], m, s.eps, true, given, a.g.data(), a.x.data(), a.w.data(),
                         a.dx_slow.data(), a.dw_slow.data(), a.db_slow.data());
  }
  a.check();
}

template <class T>
void norms() {
  for (const bool centred : {true, false}) {
    for (const int64_t n : {5, 16, 33, 128, 700, 5000, 70000})
      groups<T>({n > 1000 ? 3 : 40, 1, n, 1, 1e-3, centred});
    groups<T>({7, 3, 20, 1, 1e-3, centred});
    groups<T>({3, 2, 4, 7, 1e-3, centred});
    groups<T>({2, 2, 3, 5000, 1e-3, centred});
    groups<T>({1, 2, 20, 4100, 1e-3, centred});
  }
  for (const bool given : {false, true})
    for (const BatchNormShape s : {BatchNormShape{40, 7, 1, 1e-3},
                                   {300, 70, 1, 1e-3},
                                   {30, 20, 9, 1e-3},
                                   {9, 5, 49, 1e-3},
                                   {3, 10, 5000, 1e-3},
                                   {20, 2, 900, 1e-3}})
      batches<T>(s, given);
}

}  // namespace

void test_norm() {
  norms<float>();
  norms<double>();
}

}  // namespace wengert
