// Pass: neighbouring nodes that do not depend on each other become one segment.
#include "wengert/program/impl.h"

namespace wengert {
namespace {
constexpr uint32_t kSideBySideLimit = 8;
}  // namespace

void Program::Impl::make_segments() {
  std::vector<uint32_t> read(slot_count()), written(slot_count());  // by which segment, from 1
  uint32_t id = 0;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& n = nodes[i];
    bool joins = !segments.empty() && segments.back().count < kSideBySideLimit && !n.host;
    for (uint32_t s : n.reads) joins &= written[s] != id;
    for (uint32_t s : n.writes) joins &= written[s] != id && read[s] != id;
    if (joins) joins = !nodes[i - 1].host;
    if (joins) {
      ++segments.back().count;
    } else {
      segments.push_back({i, 1});
      ++id;
    }
    for (uint32_t s : n.reads) read[s] = id;
    for (uint32_t s : n.writes) written[s] = id;
  }
}

}  // namespace wengert
