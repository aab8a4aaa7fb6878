#include "wengert/program/file/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <tuple>

#include "wengert/base/output_file.h"

namespace wengert {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint64_t kLongestHeader = 100'000'000;  // as the safetensors package has it
constexpr int64_t kLargestNumber = INT64_MAX;

constexpr std::string_view kTypeNames[kNumDtypes] = {"BOOL", "U8",  "I8",   "I16", "I32",
                                                     "I64",  "F16", "BF16", "F32", "F64"};

Dtype dtype_named(std::string_view name) {
  for (int i = 0; i < kNumDtypes; ++i)
    if (kTypeNames[i] == name) return static_cast<Dtype>(i);
  fail(ErrorKind::kRuntime, "the header has a tensor of unknown dtype ", in_quotes(name));
}

// ---- JSON ----------------------------------------------------------------------------------

// The JSON that headers are made of: objects, strings, lists of non-negative integers.
class Json {
 public:
  explicit Json(std::string_view text) : text_(text) {}

  [[noreturn]] void wrong(const char* what) const {
    fail(ErrorKind::kRuntime, "the header is not valid: ", what, " at byte ",
         static_cast<uint64_t>(at_));
  }
  char peek() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) && text_[at_]) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c, const char* what) {
    if (!take(c)) wrong(what);
  }
  void end() {
    peek();
    if (at_ < text_.size()) wrong("something follows the object");
  }

  // f(key) reads the value. No key may come twice.
  template <class F>
  void object(const F& f) {
    expect('{', "'{' expected");
    std::set<std::string> keys;
    if (take('}')) return;
    do {
      std::string key = string();
      if (!keys.insert(key).second) wrong("a key that has been there before");
      expect(':', "':' expected");
      f(key);
    } while (take(','));
    expect('}', "',' or '}' expected");
  }

  std::vector<int64_t> integers(size_t limit) {
    std::vector<int64_t> out;
    expect('[', "'[' expected");
    if (take(']')) return out;
    do {
      if (out.size() == limit) wrong("a list that is too long");
      out.push_back(integer());
    } while (take(','));
    expect(']', "',' or ']' expected");
    return out;
  }

  std::string string() {
    expect('"', "a string expected");
    std::string out;
    while (true) {
      if (at_ >= text_.size()) wrong("a string without an end");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) wrong("a control character in a string");
      if (c == '\\') {
        escape(out);
      } else {
        out += c;
      }
    }
  }

 private:
  int64_t integer() {
    const char first = peek();
    if (first < '0' || first > '9') wrong("a non-negative integer expected");
    int64_t n = 0;
    const size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int64_t digit = text_[at_] - '0';
      if (n > (kLargestNumber - digit) / 10) wrong("a number that is too large");
      n = n * 10 + digit;
    }
    if (first == '0' && at_ > begin + 1) wrong("a number that begins with 0");
    return n;
  }

  uint32_t hex4() {
    if (text_.size() - at_ < 4) wrong("an escape without an end");
    uint32_t v = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_++];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) wrong("an escape that is no number");
      v = v * 16 + static_cast<uint32_t>(digit);
    }
    return v;
  }

  void escape(std::string& out) {
    if (at_ >= text_.size()) wrong("a string without an end");
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const char c = text_[at_++];
    if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
      out += kTo[i];
      return;
    }
    if (c != 'u') wrong("an unknown escape");
    uint32_t v = hex4();
    if (v >= 0xD800 && v < 0xE000) {  // two halves of a character
      const bool pair = v < 0xDC00 && text_.substr(at_, 2) == "\\u";
      if (!pair) wrong("half of a character");
      at_ += 2;
      const uint32_t low = hex4();
      if (low < 0xDC00 || low >= 0xE000) wrong("half of a character");
      v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
    }
    utf8(out, v);
  }

  static void utf8(std::string& out, uint32_t v) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (v >> shift & 0x3F)); };
    if (v < 0x80) {
      out += static_cast<char>(v);
    } else if (v < 0x800) {
      out += static_cast<char>(0xC0 | v >> 6);
      tail(0);
    } else if (v < 0x10000) {
      out += static_cast<char>(0xE0 | v >> 12);
      tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | v >> 18);
      tail(12), tail(6), tail(0);
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

void append_json(std::string& out, std::string_view s) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : s) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += kHex[c >> 4 & 15];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// ---- the header ----------------------------------------------------------------------------

StoredTensor read_entry(Json& json, const std::string& name) {
  StoredTensor t;
  t.name = name;
  std::optional<Dtype> dtype;
  std::optional<std::vector<int64_t>> shape, offsets;
  json.object([&](const std::string& key) {
    if (key == "dtype") {
      dtype = dtype_named(json.string());
    } else if (key == "shape") {
      shape = json.integers(kMaxDims);
    } else if (key == "data_offsets") {
      offsets = json.integers(2);
    } else {
      json.wrong("an unknown key of a tensor");
    }
  });
  if (!dtype || !shape || !offsets || offsets->size() != 2)
    json.wrong("a tensor without dtype, shape or two data_offsets");
  t.dtype = *dtype;
  int64_t bytes = item_size(t.dtype);
  bool empty = false, fits = true;
  for (int64_t n : *shape) {
    t.shape.push_back(n);
    empty |= n == 0;
    fits = fits && (n == 0 || !__builtin_mul_overflow(bytes, n, &bytes));
  }
  if (empty) bytes = 0;
  t.begin = static_cast<uint64_t>((*offsets)[0]);
  t.end = static_cast<uint64_t>((*offsets)[1]);
  check((fits || empty) && t.end >= t.begin && t.bytes() == static_cast<uint64_t>(bytes),
        "the size of tensor ", in_quotes(name), " does not fit its shape");
  return t;
}

// Whether `path` can be opened, and how long it is. Not for what has no end, such as a pipe.
uint64_t file_size(const std::string& path) {
  std::error_code error;
  const bool regular = fs::is_regular_file(path, error);
  check(!error, error.message());
  check(regular, "not a regular file");
  const uint64_t size = fs::file_size(path, error);
  check(!error, error.message());
  return size;
}

std::string header_json(const Metadata& metadata, const std::vector<StoredTensor>& tensors) {
  std::string out = "{\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (out.back() != '{') out += ',';
    append_json(out, key);
    out += ':';
    append_json(out, value);
  }
  out += '}';
  for (const StoredTensor& t : tensors) {
    out += ',';
    append_json(out, t.name);
    out += ":{\"dtype\":\"";
    out += kTypeNames[index(t.dtype)];
    out += "\",\"shape\":[";
    for (int i = 0; i < t.shape.size(); ++i) {
      if (i) out += ',';
      append(out, t.shape[i]);
    }
    out += text("],\"data_offsets\":[", t.begin, ',', t.end, "]}");
  }
  out += '}';
  while (out.size() % 8) out += ' ';
  return out;
}

}  // namespace

std::string in_quotes(std::string_view s) {
  std::string out = "'";
  for (char c : s.substr(0, 60)) out += c >= 0x20 && c < 0x7F ? c : '?';
  return out + (s.size() > 60 ? "...'" : "'");
}

TensorHeader TensorHeader::parse(std::string_view text, uint64_t size) {
  TensorHeader h;
  Json json(text);
  if (text.empty() || text[0] != '{') json.wrong("'{' expected");
  json.object([&](const std::string& key) {
    if (key == "__metadata__") {
      json.object([&](const std::string& name) { h.metadata[name] = json.string(); });
    } else {
      h.tensors.push_back(read_entry(json, key));
    }
  });
  json.end();
  std::sort(h.tensors.begin(), h.tensors.end(), [](const auto& a, const auto& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t end = 0;
  for (const StoredTensor& t : h.tensors) {
    check(t.begin == end, "the bytes of tensor ", in_quotes(t.name),
          t.begin < end ? " overlap those of another" : " come after a gap");
    end = t.end;
  }
  check(end == size, "the tensors have ", end, " bytes, the file has ", size, " for them");
  return h;
}

TensorReader::TensorReader(const std::string& path) {
  const uint64_t size = file_size(path);
  file_.open(path, std::ios::binary);
  check(file_.good(), "cannot be opened");
  uint64_t length = 0;
  check(size >= 8 && file_.read(reinterpret_cast<char*>(&length), 8), "too short for a header");
  check(length <= kLongestHeader && length <= size - 8, "a header of ", length,
        " bytes does not fit the file of ", size);
  std::string json(length, '\0');
  check(bool(file_.read(json.data(), static_cast<std::streamsize>(length))), "cannot be read");
  start_ = 8 + length;
  header_ = TensorHeader::parse(json, size - start_);
}

Ref<Storage> TensorReader::read(const StoredTensor& t) {
  Ref<Storage> memory = new Storage(t.bytes());
  file_.seekg(static_cast<std::streamoff>(start_ + t.begin));
  check(bool(file_.read(reinterpret_cast<char*>(memory->data()),
                        static_cast<std::streamsize>(t.bytes()))),
        "tensor ", in_quotes(t.name), " cannot be read");
  if (t.dtype == Dtype::kBool)
    check(std::all_of(memory->data(), memory->data() + t.bytes(),
                      [](std::byte b) { return b <= std::byte{1}; }),
          "tensor ", in_quotes(t.name), " has bools that are neither 0 nor 1");
  return memory;
}

void write_tensors(const std::string& path, const Metadata& metadata,
                   std::vector<StoredTensor>& tensors) {
  // Those of the largest elements first, so that all are aligned.
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(-item_size(a.dtype), a.name) < std::pair(-item_size(b.dtype), b.name);
  });
  uint64_t end = 0;
  for (StoredTensor& t : tensors) {
    t.begin = end;
    t.end = end += static_cast<uint64_t>(numel(t.shape) * item_size(t.dtype));
  }
  const std::string json = header_json(metadata, tensors);
  check(json.size() <= kLongestHeader, "the header would have ", uint64_t{json.size()},
        " bytes, more than the format allows");
  const uint64_t length = json.size();
  OutputFile file(path);
  const auto put = [f = file.stream()](const void* p, size_t n) {
    return std::fwrite(p, 1, n, f) == n;
  };
  bool ok = put(&length, 8) && put(json.data(), json.size());
  for (const StoredTensor& t : tensors) ok = ok && put(t.data, t.bytes());
  if (!ok) fail(ErrorKind::kRuntime, std::strerror(errno));
  file.commit();
}

}  // namespace wengert
