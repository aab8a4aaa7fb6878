// Tensors in safetensors files: what save_safetensors and load_safetensors of Python's
// wengert.serialization write and read. A whole module: nn::save and nn::load.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "wengert/tensor/tensor.h"

namespace wengert {

// What a file holds, by name. RuntimeError if it cannot be read or is not in the format; `caller`
// begins the message.
std::map<std::string, Tensor> load_safetensors(const std::string& path,
                                               const char* caller = "load_safetensors");

// Tensors of any layout, by names that differ. The file takes its place when all is written.
// RuntimeError if it cannot be.
void save_safetensors(const std::vector<std::pair<std::string, Tensor>>& tensors,
                      const std::string& path, const char* caller = "save_safetensors");

}  // namespace wengert
