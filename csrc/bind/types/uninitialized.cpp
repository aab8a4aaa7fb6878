#include "bind/uninitialized.h"

namespace wengert::bind {

PyTypeObject* uninitialized_type;

void refuse_uninitialized(std::string_view function, std::string_view type) {
  fail(ErrorKind::kValue, "Attempted to use an uninitialized parameter in ", function,
       ". This error happens when you are using a `LazyModule` or explicitly manipulating "
       "`torch.nn.parameter.",
       type,
       "` objects. When using LazyModules Call `forward` with a dummy batch to initialize the "
       "parameters before calling torch functions");
}

void init_uninitialized(py::module_& m) {
  m.def("_refuse_uninitialized", &refuse_uninitialized,
        "Raises the error of a function that got a tensor without a shape.");
  m.def(
      "_set_uninitialized",
      [](const py::type& cls) {
        if (uninitialized_type) fail(ErrorKind::kRuntime, "_set_uninitialized: set already");
        uninitialized_type = reinterpret_cast<PyTypeObject*>(py::type(cls).release().ptr());
      },
      "Names the class of tensors that functions refuse, for good.");
}

}  // namespace wengert::bind
