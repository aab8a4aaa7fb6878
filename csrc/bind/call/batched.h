// Calls within the function of a `vmap`, which are Python's to make; see Note [batched tensors].
#pragma once

#include <set>
#include <string>

#include "bind/python.h"

namespace wengert::bind {

extern PyTypeObject* batched_type;  // null until somebody asks for `vmap`

inline bool is_batched(PyObject* o) { return batched_type && Py_TYPE(o) == batched_type; }

// Whether one of the arguments is a tensor of a vmap's function, or a list or tuple with one.
bool has_batched(PyObject* const* args, Py_ssize_t count);

// Whether the function that this thread runs is a vmap's: what draws numbers asks how.
bool in_vmap();

// Functions of these names, and no others, do: those that draw.
void ask_before_drawing(const std::set<std::string>& names);  // op_object.cpp

// The function of these arguments, by its rule. `names` are those of the last ones, or null.
PyObject* call_batched(PyObject* function, PyObject* const* args, Py_ssize_t count,
                       PyObject* names);

}  // namespace wengert::bind
