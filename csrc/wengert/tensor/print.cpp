// Tensors as text. All numbers of a tensor share one format and one width, both found from the
// numbers that are shown.
#include <charconv>
#include <cmath>
#include <limits>
#include <ostream>
#include <vector>

#include "wengert/tensor/tensor.h"

namespace wengert {
namespace {

Scalar load(const Tensor& t, int64_t offset) {
  return dispatch_all(t.dtype(), [&](auto zero) {
    return number(reinterpret_cast<const decltype(zero)*>(t->storage->data())[offset]);
  });
}

// Independent of the locale; a NaN has no sign.
std::string write(double v, std::chars_format format, int precision) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  // A sign, the point, an exponent, and all digits of the largest double before the point.
  const size_t room = std::numeric_limits<double>::max_exponent10 + 16 + precision;
  std::string out(room, '\0');
  out.resize(std::to_chars(out.data(), out.data() + room, v, format, precision).ptr - out.data());
  return out;
}

// How the numbers of one tensor are written: integers as they are; reals with a fixed number of
// decimals, as "3." when all are whole, or with an exponent when their range asks for it.
class Format {
 public:
  Format(const std::vector<Scalar>& values, Dtype dtype)
      : precision_(std::max(0, print_options().precision)) {
    real_ = is_floating(dtype);
    if (real_) choose(values);
    for (const Scalar& v : values) {
      // Zeros and non-finite numbers have no say in the width of reals.
      if (real_ && (v.real() == 0 || !std::isfinite(v.real()))) continue;
      width_ = std::max(width_, digits(v).size());
    }
  }
  size_t width() const { return width_; }
  std::string operator()(const Scalar& v) const {
    std::string s = digits(v);
    if (s.size() < width_) s.insert(0, width_ - s.size(), ' ');
    return s;
  }

 private:
  void choose(const std::vector<Scalar>& values) {
    double min = std::numeric_limits<double>::infinity(), max = 0;
    for (const Scalar& s : values) {
      const double v = s.real();
      if (v == 0 || !std::isfinite(v)) continue;
      min = std::min(min, std::abs(v));
      max = std::max(max, std::abs(v));
      whole_ = whole_ && v == std::ceil(v);
    }
    if (max == 0) return;
    const int mode = print_options().sci_mode;
    scientific_ = mode < 0 ? max / min > 1000 || max > 1e8 || min < 1e-4 : mode > 0;
  }
  std::string digits(const Scalar& v) const {
    if (!real_) return text(v);
    if (scientific_) return write(v.real(), std::chars_format::scientific, precision_);
    if (!whole_) return write(v.real(), std::chars_format::fixed, precision_);
    std::string s = write(v.real(), std::chars_format::fixed, 0);
    if (std::isfinite(v.real())) s += '.';
    return s;
  }

  int precision_;
  bool real_, whole_ = true, scientific_ = false;
  size_t width_ = 1;
};

// Walks the numbers that are shown twice, in the same order: to collect them, then to write them.
class Printer {
 public:
  explicit Printer(const Tensor& t)
      : t_(t), edge_(t.numel() > print_options().threshold ? print_options().edgeitems : -1) {}

  std::string print(int64_t indent) {
    collect(0, t_->offset);
    const Format format(values_, t_.dtype());
    format_ = &format;
    std::string out;
    put(out, 0, indent);
    return out;
  }

 private:
  bool summarised(int dim) const {
    return edge_ >= 0 && (t_.shape()[dim] > 2 * edge_ || edge_ == 0);
  }
  // f(i) for the indices of a dimension that are shown, gap() for those that are not.
  template <class F, class Gap>
  void each(int dim, const F& f, const Gap& gap) const {
    const int64_t n = t_.shape()[dim];
    const bool cut = summarised(dim);
    for (int64_t i = 0; i < (cut ? edge_ : n); ++i) f(i);
    if (!cut) return;
    gap();
    for (int64_t i = n - edge_; i < n; ++i) f(i);
  }

  void collect(int dim, int64_t offset) {
    if (dim == t_.ndim()) return values_.push_back(load(t_, offset));
    each(dim, [&](int64_t i) { collect(dim + 1, offset + i * t_.strides()[dim]); }, [] {});
  }

  void put(std::string& out, int dim, int64_t indent) {
    if (dim == t_.ndim()) {
      out += (*format_)(values_[next_++]);
      return;
    }
    out += '[';
    const int inner = t_.ndim() - dim - 1;
    if (inner == 0) {
      put_row(out, dim, indent);
    } else {
      bool first = true;
      const auto separate = [&] {
        if (!first) out.append(",").append(inner, '\n').append(indent + 1, ' ');
        first = false;
      };
      each(
          dim,
          [&](int64_t) {
            separate();
            put(out, dim + 1, indent + 1);
          },
          [&] {
            separate();
            out += "...";
          });
    }
    out += ']';
  }

  // As many numbers to a line as fit.
  void put_row(std::string& out, int dim, int64_t indent) {
    const int64_t room = print_options().linewidth - indent;
    const int64_t per_line =
        std::max<int64_t>(1, room / static_cast<int64_t>(format_->width() + 2));
    int64_t at = 0;
    const auto separate = [&] {
      if (at > 0) out += at % per_line == 0 ? ",\n" + std::string(indent + 1, ' ') : ", ";
      ++at;
    };
    each(
        dim,
        [&](int64_t) {
          separate();
          out += (*format_)(values_[next_++]);
        },
        [&] {
          separate();
          out += edge_ == 0 ? "..." : " ...";
        });
  }

  const Tensor& t_;
  int64_t edge_;  // -1: everything is shown
  std::vector<Scalar> values_;
  const Format* format_ = nullptr;
  size_t next_ = 0;
};

// Length of the last line as PyTorch counts it, two more than it has.
int64_t last_line(const std::string& s) {
  const size_t newline = s.rfind('\n');
  return static_cast<int64_t>(newline == std::string::npos ? s.size() + 2 : s.size() - newline + 1);
}

}  // namespace

PrintOptions& print_options() {
  static PrintOptions options;
  return options;
}

std::string to_string(const Tensor& t, const std::string& suffix, const std::string& prefix) {
  check_defined(t, "to_string");
  value_leaves("printing");
  const auto indent = static_cast<int64_t>(prefix.size());
  const bool empty = t.numel() == 0;
  std::string out = prefix + (empty ? "[]" : Printer(t).print(indent));

  int64_t line = last_line(out);
  const auto add = [&](const std::string& what) {
    const auto length = static_cast<int64_t>(what.size());
    if (line + length + 2 > print_options().linewidth) {
      out += ",\n" + std::string(prefix.size(), ' ') + what;
      line = indent + length;
    } else {
      out += ", " + what;
      line += length + 2;
    }
  };
  if (empty ? t.ndim() != 1 : print_options().edgeitems == 0) add(text("size=", t.shape()));
  // The dtypes that the numbers themselves show are not named.
  const Dtype d = t.dtype();
  if (d != default_dtype() && (empty || (d != Dtype::kInt64 && d != Dtype::kBool)))
    add(text("dtype=wengert.", d));
  if (!suffix.empty()) add(suffix.starts_with(", ") ? suffix.substr(2) : suffix);
  return out + ")";
}

std::ostream& operator<<(std::ostream& out, const Tensor& t) {
  if (!t.defined()) return out << "undefined tensor";
  return out << to_string(t, t.requires_grad() ? "requires_grad=True" : "");
}
std::ostream& operator<<(std::ostream& out, const Dims& shape) { return out << text(shape); }
std::ostream& operator<<(std::ostream& out, Dtype dtype) { return out << name(dtype); }

}  // namespace wengert
