#include "wengert/program/file/file.h"

#include <bit>
#include <cstring>

#include "wengert/program/file/safetensors.h"
#include "wengert/program/file/sizes.h"
#include "wengert/program/program.h"

namespace wengert {
namespace {

constexpr const char* kFormatKey = "format";
constexpr const char* kProgramKey = "wengert.program";
constexpr const char* kOtherKey = "wengert.program.other";  // see Note [any batch size]
constexpr const char* kVersionKey = "wengert.version";
constexpr const char* kChecksumKey = "wengert.checksum";

std::string hex(uint64_t v) {
  std::string out;
  for (int shift = 60; shift >= 0; shift -= 4) out += "0123456789abcdef"[v >> shift & 15];
  return out;
}

const std::byte* data_of(const Script::Slot& s) {
  return s.storage->data() + s.first * item_size(s.dtype);
}

// Of the text, then of the tensors in the order in which it names them.
std::string checksum_of(const Script& script, const std::string& program) {
  uint64_t h = checksum(program.data(), program.size(), 0);
  for (const Script::Slot& s : script.slots)
    if (s.kind == Script::Slot::Kind::kTensor)
      h = checksum(data_of(s), static_cast<size_t>(s.bytes()), h);
  return hex(h);
}

const std::string& entry(const Metadata& metadata, const char* key) {
  const auto it = metadata.find(key);
  check(it != metadata.end(), "it is no program: there is no '", key, "' in its metadata");
  return it->second;
}

// What a file holds: a program, and the text of the one for another batch size where there is one.
struct Stored {
  Script script;
  std::string text, other;
};

Stored read_file(const std::string& path) {
  TensorReader file(path);
  const auto other = file.metadata().find(kOtherKey);
  const bool any_batch = other != file.metadata().end();
  const std::string& version = entry(file.metadata(), kVersionKey);
  const char* const known = any_batch ? kAnyBatchVersion : kProgramVersion;
  check(version == known, "it has version ", in_quotes(version), ", this library reads '", known,
        "'");
  Stored out{{}, entry(file.metadata(), kProgramKey), any_batch ? other->second : ""};
  Script& script = out.script = Script::parse(out.text);
  std::map<std::string_view, const StoredTensor*> stored;
  for (const StoredTensor& t : file.tensors()) stored[t.name] = &t;
  for (Script::Slot& s : script.slots) {
    if (s.kind != Script::Slot::Kind::kTensor) continue;
    const auto it = stored.find(s.name);
    check(it != stored.end(), "there is no tensor ", in_quotes(s.name), ", or it is named twice");
    const StoredTensor& t = *it->second;
    check(t.dtype == s.dtype && t.shape == s.shape, "tensor ", in_quotes(s.name), " is ", t.dtype,
          ' ', t.shape, ", the program takes ", s.dtype, ' ', s.shape);
    s.storage = file.read(t);
    stored.erase(it);
  }
  check(stored.empty(), "the program does not use tensor ",
        in_quotes(stored.empty() ? "" : stored.begin()->first));
  check(entry(file.metadata(), kChecksumKey) == checksum_of(script, out.text + out.other),
        "the checksum is wrong: the file has been damaged or changed");
  script.check();
  return out;
}

// The scripts of a file, checked; the second has the first one's tensors.
std::unique_ptr<Sizes> sizes_of(const Stored& stored) {
  Script second = Script::parse(stored.other);
  check(second.slots.size() == stored.script.slots.size(), "its two programs differ");
  for (size_t i = 1; i < second.slots.size(); ++i)
    second.slots[i].storage = stored.script.slots[i].storage;
  second.check();
  return std::make_unique<Sizes>(stored.script, stored.text, second, stored.other);
}

// Errors of one line that name the file.
template <class F>
auto about(const char* what, const std::string& path, const F& body) {
  try {
    return body();
  } catch (const Error& e) {
    fail(e.kind() == ErrorKind::kMemory ? e.kind() : ErrorKind::kRuntime, what, ": ", path, ": ",
         e.what());
  } catch (const std::exception& e) {
    fail(ErrorKind::kRuntime, what, ": ", path, ": ", e.what());
  }
}

void check_same_lines(std::string_view expected, std::string_view actual) {
  for (uint64_t number = 1; expected != actual; ++number) {
    const size_t a = std::min(expected.find('\n'), expected.size()),
                 b = std::min(actual.find('\n'), actual.size());
    check(expected.substr(0, a) == actual.substr(0, b), "line ", number, " of the program, ",
          in_quotes(actual.substr(0, b)), ", does not grow in proportion to the batch");
    expected.remove_prefix(std::min(a + 1, expected.size()));
    actual.remove_prefix(std::min(b + 1, actual.size()));
  }
}

Script forward_script(const Recording& recording, const Pristine& pristine) {
  try {
    return Script::of(recording, pristine);
  } catch (const Error& e) {
    fail(ErrorKind::kRuntime, "this is no forward program: ", e.what());
  }
}

}  // namespace

uint64_t checksum(const void* data, size_t bytes, uint64_t seed) {
  constexpr uint64_t k1 = 0x9E3779B185EBCA87, k2 = 0xC2B2AE3D27D4EB4F, k3 = 0x165667B19E3779F9,
                     k4 = 0x85EBCA77C2B2AE63, k5 = 0x27D4EB2F165667C5;
  const auto* p = static_cast<const unsigned char*>(data);
  const unsigned char* const end = p + bytes;
  const auto word = [&](auto zero) {
    std::memcpy(&zero, p, sizeof zero);
    p += sizeof zero;
    return zero;
  };
  const auto round = [](uint64_t acc, uint64_t x) { return std::rotl(acc + x * k2, 31) * k1; };
  uint64_t h = seed + k5;
  if (bytes >= 32) {
    uint64_t v[4] = {seed + k1 + k2, seed + k2, seed, seed - k1};
    while (end - p >= 32)
      for (uint64_t& acc : v) acc = round(acc, word(uint64_t{}));
    h = std::rotl(v[0], 1) + std::rotl(v[1], 7) + std::rotl(v[2], 12) + std::rotl(v[3], 18);
    for (uint64_t acc : v) h = (h ^ round(0, acc)) * k1 + k4;
  }
  h += bytes;
  while (end - p >= 8) h = std::rotl(h ^ round(0, word(uint64_t{})), 27) * k1 + k4;
  if (end - p >= 4) h = std::rotl(h ^ word(uint32_t{}) * k1, 23) * k2 + k3;
  while (p < end) h = std::rotl(h ^ *p++ * k5, 11) * k1;
  h = (h ^ h >> 33) * k2;
  h = (h ^ h >> 29) * k3;
  return h ^ h >> 32;
}

Script Program::script() {
  impl();
  Script script = forward_script(*recording_, *pristine_);
  check(ready(), "the program no longer fits what it was made of");
  return script;
}

void Program::save(const std::string& path, std::span<Program* const> others) {
  about("save", path, [&] {
    const WatchPause pause;
    check(others.empty() || others.size() == 2, ErrorKind::kValue,
          "programs for two other batch sizes are needed, got ",
          static_cast<uint64_t>(others.size()));
    const Script script = this->script();
    const std::string program = script.write();
    Script::parse(program).check();  // what is written can be read
    Metadata metadata{{kFormatKey, kProgramFormat},
                      {kVersionKey, others.empty() ? kProgramVersion : kAnyBatchVersion},
                      {kProgramKey, program}};
    std::string other;
    if (!others.empty())
      metadata[kOtherKey] = other = text_for_other_sizes(script, *others[0], *others[1]);
    metadata[kChecksumKey] = checksum_of(script, program + other);
    std::vector<StoredTensor> tensors;
    for (const Script::Slot& s : script.slots)
      if (s.kind == Script::Slot::Kind::kTensor)
        tensors.push_back({s.name, s.dtype, s.shape, 0, 0, data_of(s)});
    write_tensors(path, metadata, tensors);
  });
}

std::string Program::text_for_other_sizes(const Script& script, Program& second, Program& third) {
  const Script other = second.script(), last = third.script();
  const std::string text = other.write(), wanted = last.write();
  const Sizes sizes(script, script.write(), other, text);
  const int64_t rows = Sizes(script, script.write(), last, wanted).second_rows();
  check_same_lines(sizes.text(rows), wanted);
  return text;
}

Ref<Program> Program::load(const std::string& path) {
  return about("load", path, [&] {
    const WatchPause pause;
    Stored stored = read_file(path);
    std::unique_ptr<Sizes> sizes;
    if (!stored.other.empty()) sizes = sizes_of(stored);
    auto program = Ref<Program>(new Program(std::move(stored.script).recording()));
    program->sizes_ = std::move(sizes);
    return program;
  });
}

Ref<Program> Program::fitting(std::span<const Tensor> arguments) {
  if (!sizes_) return Ref<Program>(this);
  const int64_t rows = sizes_->rows_of(arguments);
  return rows == sizes_->first_rows() ? Ref<Program>(this) : sizes_->program(rows);
}

std::vector<Tensor> Program::operator()(std::span<const Tensor> arguments) {
  check(arguments.size() == static_cast<size_t>(inputs()), ErrorKind::kType, "program: takes ",
        inputs(), " arguments, got ", static_cast<uint64_t>(arguments.size()));
  if (const Ref<Program> other = fitting(arguments); other.get() != this)
    return (*other)(arguments);
  const std::lock_guard lock(busy_);
  check(ready(), ErrorKind::kCapture, "program: it no longer fits what it was made of");
  for (int i = 0; i < inputs(); ++i) set_input(i, arguments[static_cast<size_t>(i)]);
  run();
  for (int i = 0; i < inputs(); ++i) give_back(i, arguments[static_cast<size_t>(i)]);
  std::vector<Tensor> out;
  for (size_t i = 0; i < result_count(); ++i) out.push_back(result(i));
  return out;
}

}  // namespace wengert
