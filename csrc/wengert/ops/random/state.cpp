// The state of a generator as a tensor, so that programs take it and put it back as eager code
// does.
#include "wengert/ops/basic.h"
#include "wengert/ops/random/random.h"

namespace wengert {
namespace {

constexpr Signature kState = "(generator: Generator | None = None) -> Tensor";
constexpr Signature kExchange = "(input: Tensor, generator: Generator | None = None) -> Tensor";
constexpr int kGenerator = attribute("generator", kState, kExchange);

// Which takes its own lock where its state is read or set.
Generator& generator_of(const Call& c) {
  const bool given = c.attrs.has(kGenerator) && c.attrs.generator(kGenerator);
  return given ? *c.attrs.generator(kGenerator) : default_generator();
}
void write_state(const Generator& g, const Tensor& out) {
  const std::vector<uint8_t> bytes = g.get_state();
  std::copy(bytes.begin(), bytes.end(), out.data_as<uint8_t>());
}

// s = the state
constinit const Op rng_state_op{
    .name = "rng_state",
    .signature = kState,
    .on = 0,
    .doc = "The state of a generator, the default one if none is given: 5056 numbers of uint8.",
    .draws = true,
    .checked = true,
    .shape = [](Call& c) { c.output(Dtype::kUInt8, {Generator::kStateBytes}); },
    .run = [](Call& c) { write_state(generator_of(c), c.out[0]); }};

// s = the state before it is set to x
constinit const Op exchange_rng_state_op{
    .name = "exchange_rng_state",
    .signature = kExchange,
    .on = 0,
    .doc =
        "Sets a generator, the default one if none is given, to a state that `rng_state` gave; "
        "the "
        "result is the one before.",
    .contiguous = true,
    .draws = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.dtype() == Dtype::kUInt8 && x.shape() == Dims{Generator::kStateBytes},
                "a state of uint8 and shape ", Dims{Generator::kStateBytes}, " expected, got ",
                x.dtype(), ' ', x.shape());
          c.output(Dtype::kUInt8, x.shape());
        },
    .run =
        [](Call& c) {
          const Tensor& x = c.in(0);
          write_state(generator_of(c), c.out[0]);
          generator_of(c).set_state(x.data_as<uint8_t>(), static_cast<size_t>(x.numel()));
        }};

const Op* const kOps[] = {&rng_state_op, &exchange_rng_state_op};

}  // namespace

std::span<const Op* const> generator_ops() { return kOps; }

}  // namespace wengert
