// The fast kernels against the naive ones beside them.
#include "kernels.h"

int main() {
  return run([] {
    wengert::test_attention();
    wengert::test_core();
    wengert::test_gemm();
    wengert::test_conv();
    wengert::test_embedding();
    wengert::test_reduce();
    wengert::test_loss();
    wengert::test_index();
    wengert::test_norm();
    wengert::test_random();
    wengert::test_resample();
    wengert::test_rnn();
    wengert::test_update();
    wengert::test_pool();
    wengert::test_pool_last();
  });
}
