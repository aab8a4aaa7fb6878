#include "wengert/program/file/file.h"

#include <bit>
#include <cstring>

#include "wengert/program/file/safetensors.h"
#include "wengert/program/file/script.h"
#include "wengert/program/program.h"

namespace wengert {
namespace {

constexpr const char* kFormatKey = "format";
constexpr const char* kProgramKey = "wengert.program";
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

Script read_script(const std::string& path) {
  TensorReader file(path);
  const std::string& version = entry(file.metadata(), kVersionKey);
  check(version == kProgramVersion, "it has version ", in_quotes(version), ", this library reads '",
        kProgramVersion, "'");
  const std::string& program = entry(file.metadata(), kProgramKey);
  Script script = Script::parse(program);
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
  check(entry(file.metadata(), kChecksumKey) == checksum_of(script, program),
        "the checksum is wrong: the file has been damaged or changed");
  script.check();
  return script;
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

void Program::save(const std::string& path) {
  about("save", path, [&] {
    const WatchPause pause;
    impl();
    const Script script = forward_script(*recording_, *pristine_);
    check(ready(), "the program no longer fits what it was made of");
    const std::string program = script.write();
    Script::parse(program).check();  // what is written can be read
    std::vector<StoredTensor> tensors;
    for (const Script::Slot& s : script.slots)
      if (s.kind == Script::Slot::Kind::kTensor)
        tensors.push_back({s.name, s.dtype, s.shape, 0, 0, data_of(s)});
    write_tensors(path,
                  {{kFormatKey, kProgramFormat},
                   {kVersionKey, kProgramVersion},
                   {kProgramKey, program},
                   {kChecksumKey, checksum_of(script, program)}},
                  tensors);
  });
}

Ref<Program> Program::load(const std::string& path) {
  return about("load", path, [&] {
    const WatchPause pause;
    return Ref<Program>(new Program(read_script(path).recording()));
  });
}

std::vector<Tensor> Program::operator()(std::span<const Tensor> arguments) {
  check(arguments.size() == static_cast<size_t>(inputs()), ErrorKind::kType, "program: takes ",
        inputs(), " arguments, got ", static_cast<uint64_t>(arguments.size()));
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
