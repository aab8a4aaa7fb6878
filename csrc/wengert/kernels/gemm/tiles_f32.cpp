#include "wengert/kernels/gemm/tiles.h"

namespace wengert::detail {

template const RegisterKernel<float>* wide_kernels<float>(bool);
template const RegisterKernel<float>* narrow_kernels<float>(bool);

}  // namespace wengert::detail
