#include "wengert/kernels/gemm/tiles.h"

namespace wengert::detail {

template const RegisterKernel<double>* wide_kernels<double>(bool);
template const RegisterKernel<double>* narrow_kernels<double>(bool);

}  // namespace wengert::detail
