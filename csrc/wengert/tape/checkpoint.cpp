#include "wengert/tape/checkpoint.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "wengert/tape/history.h"
#include "wengert/tape/saved.h"
#include "wengert/tape/tape.h"

namespace wengert {

GraphSegment::GraphSegment(std::span<const Tensor> outputs, uint64_t since) {
  std::unordered_set<const Entry*> seen;
  const auto reach = [&](Entry* e) {
    if (e && e->number > since && seen.insert(e).second) entries.push_back(e);
  };
  for (const Tensor& t : outputs) {
    t.catch_up();
    reach(entry_of(t));
  }
  for (size_t i = 0; i < entries.size(); ++i)
    for (const Entry::Input& in : entries[i]->inputs()) reach(in.producer());
  std::sort(entries.begin(), entries.end(),
            [](const Entry* a, const Entry* b) { return a->number < b->number; });
  std::set<std::pair<const void*, uint32_t>> known;
  for (Entry* e : entries)
    for (const Entry::Input& in : e->inputs()) {
      if (in.leaf() && known.emplace(in.leaf(), 0).second) inputs.emplace_back(in.leaf());
      if (!in.producer() || in.producer()->number > since ||
          !known.emplace(in.producer(), in.index).second)
        continue;
      inputs.push_back(edge_to(*in.producer(), in.index));
    }
}

void record_segment(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                    Ref<CustomVjp> again) {
  static constexpr Op row{.name = "Checkpoint", .signature = "()"};
  Call c(row);
  for (const Tensor& t : inputs) c.add_input(t);
  const Ref<Entry> e = make_entry(c, outputs);
  e->set_custom(std::move(again));
  for (size_t i = 0; i < outputs.size(); ++i) give_entry(outputs[i], e, static_cast<uint32_t>(i));
}

void replace_segment(std::span<const Tensor> outputs, uint64_t since, Ref<CustomVjp> again) {
  record_segment(GraphSegment(outputs, since).inputs, outputs, std::move(again));
}

}  // namespace wengert
