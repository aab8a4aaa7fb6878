// Recurrent layers: all steps of one layer in one direction, and rows of packed sequences.
#pragma once

#include <cstdint>

namespace wengert {

enum class RnnKind : int64_t { kTanh, kRelu, kLstm, kGru };  // the order of the declared choices

// Rows of numbers for each step t of each sequence b: (t, b) lies at t * batch + b, with
// batch_first at b * steps + t. Packed sequences, the longest first, have only the rows there are:
// at each step t those of the first batch_sizes[t] sequences, one behind the other.
struct RnnRows {
  int64_t steps, batch, rows;
  bool batch_first;
  const int64_t* batch_sizes;  // null if all sequences have all steps
};

// What is saved of each row lies in slices of width() numbers, of which `hidden` mean something, so
// that registers are full: the gates, in the order that kernels/rnn/cells.h gives.
struct RnnShape {
  RnnKind kind;
  RnnRows rows;
  int64_t input, hidden;
  int64_t projected;  // 0: what is handed on is not projected
  bool reverse;       // from the last step to the first

  int64_t out() const { return projected > 0 ? projected : hidden; }
  bool is_lstm() const { return kind == RnnKind::kLstm; }
  // Of 16 numbers or 64 bytes, whatever the CPU: saved programs may be run on another.
  static constexpr int64_t kUnit = 16;
  int64_t width() const { return (hidden + kUnit - 1) / kUnit * kUnit; }
  int64_t slices() const { return kind == RnnKind::kLstm || kind == RnnKind::kGru ? 4 : 1; }
  // Rows of the weights are so many times `hidden`.
  int64_t blocks() const { return is_lstm() ? 4 : kind == RnnKind::kGru ? 3 : 1; }
};

// w_ih [blocks * hidden, input], w_hh [blocks * hidden, out], w_hr [projected, hidden].
template <class T>
struct RnnWeights {
  const T *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;  // biases and w_hr may be null
};
// h [batch, out], c [batch, hidden]; what is null is zeros.
template <class T>
struct RnnState {
  const T *h, *c;
};

// y [rows, out] and the last state of each sequence; h_n may be null, c_n is unless it is an LSTM.
// Saved are gates [rows, slices * width] and, of an LSTM, cells [rows, width].
template <class T>
struct RnnResults {
  T *y, *h_n, *c_n, *gates, *cells;
};
template <class T>
void rnn_forward(const RnnShape& s, const T* x, const RnnState<T>& initial, const RnnWeights<T>& w,
                 const RnnResults<T>& to);

// Of the gradients of y, h_n and c_n, which may be null, those of the rest. What is null is not
// computed.
template <class T>
struct RnnGradients {
  T *x, *h0, *c0, *w_ih, *w_hh, *b_ih, *b_hh, *w_hr;
};
template <class T>
void rnn_gradient(const RnnShape& s, const T* gy, const RnnState<T>& g_last, const T* x,
                  const RnnState<T>& initial, const RnnWeights<T>& w, const RnnResults<const T>& of,
                  const RnnGradients<T>& to);

// Row (t, b) of a padded sequence, [steps, batch] or [batch, steps] rows of `bytes`, from and to
// the packed ones. Padding becomes the `fill` of as many bytes; null: zeros.
void pack_rows(const RnnRows& r, int64_t bytes, const void* padded, void* packed);
void pad_rows(const RnnRows& r, int64_t bytes, const void* packed, void* padded, const void* fill,
              int64_t fill_bytes);

}  // namespace wengert
