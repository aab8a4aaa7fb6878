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
int64_t next_hook_id();
// `_saved_self` and the like of a node, as PyTorch calls what it keeps; null if there is no such.
PyObject* saved_attribute(Entry& e, std::string_view name);

// See Note [collecting]. A tensor is shown to the collector once its graph may keep Python objects.
void show_to_collector(const Tensor& t);
int visit_python(Entry& e, visitproc visit, void* arg);
int visit_python(TensorImpl& t, visitproc visit, void* arg);

}  // namespace wengert::bind
