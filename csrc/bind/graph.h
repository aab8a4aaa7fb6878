// The graph and Python: its nodes as objects, and what Python's collector sees of it.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

// The Python object of a node: the same one while it lives.
PyObject* wrap_node(Entry* e);
PyObject* wrap_node(TensorImpl* leaf);
// The entry of such an object; null for a leaf, and for what is no node.
Entry* entry_of_node(PyObject* o);
TensorImpl* leaf_of_node(PyObject* o);  // null for others
// None if undefined, or left out.
inline py::object object_of(const Tensor& t) { return py::reinterpret_steal<py::object>(wrap(t)); }
inline py::object object_of(const Operand& x) {
  if (!x.is_scalar()) return object_of(x.tensor());
  return py::reinterpret_steal<py::object>(wrap_scalar(x.scalar()));
}
int64_t next_hook_id();
// `_saved_self` and the like of a node, as PyTorch calls what it keeps; null if there is no such.
PyObject* saved_attribute(Entry& e, std::string_view name);

// See Note [collecting]. A tensor is shown to the collector once its graph may keep Python objects.
void show_to_collector(const Tensor& t);
int visit_python(Entry& e, visitproc visit, void* arg);
int visit_python(TensorImpl& t, visitproc visit, void* arg);

}  // namespace wengert::bind
