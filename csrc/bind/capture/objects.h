// Kinds of Python's objects, for those who watch what is read of them.
#pragma once

#include <string>

#include "bind/python.h"

namespace wengert::bind {

inline py::object own(PyObject* o) { return py::reinterpret_borrow<py::object>(o); }
// Null, without an error, if it is null.
inline py::object steal(PyObject* o) {
  if (!o) PyErr_Clear();
  return py::reinterpret_steal<py::object>(o);
}
// Of a module, for good.
PyObject* imported(const char* module, const char* name);

// Numbers, text, None, bools, an ellipsis: what equals them is the same.
bool is_plain(PyObject* o);
bool is_number_of_numpy(PyObject* o);
// Keys whose hash and equality are no code of a user's.
bool is_safe_key(PyObject* o);

std::string module_of(PyTypeObject* type);
bool is_within(const std::string& module, const char* package);
// Whether it can be changed, as classes of Python can.
inline bool is_heap(PyTypeObject* t) {
  return (t->tp_flags & (Py_TPFLAGS_HEAPTYPE | Py_TPFLAGS_IMMUTABLETYPE)) == Py_TPFLAGS_HEAPTYPE;
}
// Whether instances may have state that nobody else tells of: types of this package and of C look
// after themselves, or never change.
bool is_watched(PyTypeObject* t);
// What gives the conditions of its instances; null if nothing does. Borrowed.
PyObject* told_by(PyTypeObject* t);
// Objects of a user's that tell their conditions themselves: the rest of them is their own affair.
bool tells(PyTypeObject* t);
// Those, and objects that say by a None that they have none.
bool is_its_own_affair(PyTypeObject* t);

// Whether it draws random numbers that are not this package's.
bool draws(PyObject* o);
// An iterator of C: what it gives next is nowhere to be read.
bool is_iterator_of_c(PyObject* o);
bool is_partial(PyObject* o);
// Whether attributes of instances are got by a function of Python's.
bool gets_in_python(PyTypeObject* type);
// Whether instances are called by a function of Python's.
bool is_called_in_python(PyTypeObject* type);
// Whether they are made by one.
bool is_made_in_python(PyTypeObject* type);
// Whatever the garbage collector knows to refer to it, as a list; null with an error.
py::object referrers_of(PyObject* o);
// Imports what the functions of this file compare with: later it would be seen as the function's.
void prepare_objects();

PyTypeObject* deque_type();
bool is_buffer(PyObject* o);
// Containers that C knows how to read, and buffers.
bool holds_contents(PyObject* o);
// All that is in one of these, as a tuple; null if it can't be read.
py::object snapshot(PyObject* o);

PyObject* dict_of_type(PyTypeObject* t);  // borrowed
py::object dict_of(PyObject* o);          // of its attributes; null if it has none

}  // namespace wengert::bind
