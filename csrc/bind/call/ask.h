// Who is asked before a function is called, and calls it in its own way: a `vmap` whose tensors are
// among the arguments (Note [batched tensors]), and modes (Note [subclasses]).
#pragma once

#include <set>
#include <string>

#include "bind/python.h"

namespace wengert::bind {

extern bool somebody_asks;          // false until there is a vmap or a mode
extern PyTypeObject* batched_type;  // of a vmap's tensors; null before

inline bool is_batched(PyObject* o) { return batched_type && Py_TYPE(o) == batched_type; }

// Whether a mode is to be asked of whatever this thread calls.
bool in_mode();

// Whether somebody is to be asked of a call with these arguments, which may draw random numbers.
// Look at somebody_asks first.
bool asks(PyObject* const* args, Py_ssize_t count, bool draws);

// The call of `function` by who is asked. `names` are those of the last arguments, or null.
PyObject* ask(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names);

// The same of the method of tensors of that name.
PyObject* ask_method(const std::string& name, std::initializer_list<PyObject*> args);

// Functions of these names, and no others, draw.
void ask_before_drawing(const std::set<std::string>& names);  // op_object.cpp

}  // namespace wengert::bind
