// Checkpoints: a part of the graph that is not kept, and made again in backward.
#pragma once

#include "wengert/tape/entry.h"

namespace wengert {

// The number of the youngest entry there is.
uint64_t newest_entry();

// What has been recorded behind `outputs` since that number: the entries, oldest first, and as
// tensors what goes into them from outside, leaves or older entries' outputs.
struct GraphSegment {
  GraphSegment(std::span<const Tensor> outputs, uint64_t since);
  std::vector<Entry*> entries;
  std::vector<Tensor> inputs;
};

// Note [checkpoints]: one entry takes the place of a segment, with the segment's inputs as its own,
// so whoever walks the graph finds what was there. In backward its `again` makes the segment anew,
// from the same inputs, and hands its outputs to the run (run_goes_on_from). What is recorded then
// has the largest numbers of all, so the run goes through it first and comes to the inputs as it
// would have: they may be leaves with hooks, or chosen ones, and `create_graph` finds the new
// segment recorded.
//
// The tensors stay what they are, with another history. Those without one of their own in the
// segment are left alone, views of its inputs too.
void replace_segment(std::span<const Tensor> outputs, uint64_t since, Ref<CustomVjp> again);

// An entry of these inputs for outputs that have no history yet.
void record_segment(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                    Ref<CustomVjp> again);

}  // namespace wengert
