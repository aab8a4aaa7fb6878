#include "bind/call/arguments.h"

#include <cstring>

#include "bind/uninitialized.h"

namespace wengert::bind {
namespace {

struct Given {
  explicit Given(size_t params) { std::fill_n(value, params, nullptr); }
  PyObject* value[kMaxParams];
  PyObject* const* rest = nullptr;  // the arguments of a variadic parameter
  Py_ssize_t rest_count = 0;
};

std::string type_name(PyObject* o) {
  const char* full = Py_TYPE(o)->tp_name;
  const char* dot = std::strrchr(full, '.');
  return dot ? dot + 1 : full;
}

template <class... Parts>
bool no(Problem* problem, const Parts&... parts) {
  if (problem) problem->text = text(parts...);
  return false;
}

bool same_name(PyObject* a, PyObject* b) {
  return a == b ||
         (PyUnicode_GET_LENGTH(a) == PyUnicode_GET_LENGTH(b) && PyUnicode_Compare(a, b) == 0);
}

bool truth(PyObject* o) {
  if (PyBool_Check(o)) return o == Py_True;
  const int on = PyObject_IsTrue(o);
  if (on < 0) throw py::error_already_set();
  return on == 1;
}

// Keywords that are not the op's own: NumPy's spellings, out=, and what creation ops share.
bool take_extra(const Overload& o, Form form, const char* name, PyObject* value, Given& given,
                Extras& extras) {
  const std::vector<Param>& params = o.parameters.params;
  const auto alias = [&](const char* spelling, const char* meant) {
    if (std::strcmp(name, spelling) != 0) return false;
    for (size_t i = 0; i < params.size(); ++i)
      if (params[i].name == meant && !given.value[i]) {
        given.value[i] = value;
        return true;
      }
    return false;
  };
  if (alias("axis", "dim") || alias("keepdims", "keepdim") || alias("x", "input") ||
      alias("x1", "input") || alias("x2", "other"))
    return true;
  if (std::strcmp(name, "out") == 0 && form != Form::kInplace) {
    extras.out = value == Py_None ? nullptr : value;
    return true;
  }
  if (std::strcmp(name, "inplace") == 0 && form == Form::kFunctional &&
      (o.op->on & kInplaceFunctional)) {
    extras.inplace = truth(value);
    return true;
  }
  // What takes it besides says so.
  if (std::strcmp(name, "memory_format") == 0 &&
      ((o.op->on & kCreation) || std::strstr(o.op->doc, "memory_format"))) {
    extras.format = value == Py_None ? nullptr : value;
    return true;
  }
  if (std::strcmp(name, "non_blocking") == 0) return true;
  if (!(o.op->on & kCreation)) return false;
  if (std::strcmp(name, "requires_grad") == 0) {
    extras.requires_grad = truth(value);
    return true;
  }
  if (std::strcmp(name, "device") == 0) {
    check_device(value);
    return true;
  }
  for (const char* ignored : {"layout", "pin_memory", "names"})
    if (std::strcmp(name, ignored) == 0) return true;
  return false;
}

bool assign(const Overload& o, Form form, PyObject* const* args, Py_ssize_t count, PyObject* names,
            Given& given, Extras& extras, Problem* problem) {
  const std::vector<Param>& params = o.parameters.params;
  const int n = static_cast<int>(params.size());
  Py_ssize_t i = 0;
  int p = 0;
  for (; i < count && p < n; ++p) {
    const Param& param = params[p];
    if (param.variadic) {
      given.rest = args + i;
      given.rest_count = count - i;
      i = count;
    } else if (param.keyword_only) {
      break;
    } else {
      given.value[p] = args[i++];
    }
  }
  if (i < count && form == Form::kFunctional && (o.op->on & kInplaceFunctional) && count == i + 1 &&
      PyBool_Check(args[i])) {
    extras.inplace = truth(args[i++]);
  }
  if (i < count)
    return no(problem, "takes ", o.parameters.positional, " positional argument",
              o.parameters.positional == 1 ? "" : "s", " but ", static_cast<int64_t>(count),
              count == 1 ? " was given" : " were given");
  const Py_ssize_t keywords = names ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    PyObject* name = PyTuple_GET_ITEM(names, k);
    PyObject* value = args[count + k];
    int at = 0;
    while (at < n && !same_name(o.names[at], name)) ++at;
    if (at < n) {
      if (given.value[at] || (params[at].variadic && given.rest_count))
        return no(problem, "got multiple values for argument '", params[at].name, "'");
      given.value[at] = value;
    } else {
      const char* text = PyUnicode_AsUTF8(name);
      if (!text) throw py::error_already_set();  // half a surrogate pair
      if (!take_extra(o, form, text, value, given, extras))
        return no(problem, "got an unexpected keyword argument '", text, "'");
    }
  }
  return true;
}

// A bool is no integer here: `x.sum(True)` means keepdim. Nor is a size beyond 64 bits.
bool read_small_int(PyObject* o, int64_t& out, bool is_size = false) {
  if (PyLong_Check(o)) {
    if (PyBool_Check(o)) return false;
    int overflow;
    out = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow != 0 && is_size) return false;
    check(overflow == 0, ErrorKind::kValue,
          "Overflow when unpacking long long: an integer does not fit 64 bits");
    return true;
  }
  return read_int(o, out);
}

// A sequence, or one integer. What an __index__ may do to a list while it is read is found out.
bool read_ints(PyObject* o, Attrs& out, bool are_sizes = false) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return read_small_int(o, *out.add_ints(1), are_sizes);
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  int64_t* to = out.add_ints(static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i)
    if (i >= PySequence_Fast_GET_SIZE(o) ||
        !read_small_int(PySequence_Fast_GET_ITEM(o, i), to[i], are_sizes))
      return false;
  return true;
}

// A sequence, or one integer; in `int | ints` that is held as such. In `ints | 'None'` single ones
// may be None. What an __index__ may do to a list while it is read is found out.
bool read_ints(const Param& p, PyObject* o, Attrs& out) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) {
    if (!p.annotation.starts_with("int |")) return read_small_int(o, *out.add_ints(1));
    int64_t v;
    if (!read_small_int(o, v)) return false;
    out.add(v);
    return true;
  }
  if (p.choices.empty()) return read_ints(o, out);
  List<int64_t> all;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
    const py::object item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(o, i));
    int64_t v = kNoInt;
    if (!item.is_none() && !read_small_int(item.ptr(), v)) return false;
    all.push_back(v);
  }
  out.add(Ints(all.data(), all.size()));
  return true;
}

// A sequence, or one number. Reading one may run code that changes a list.
bool read_floats(PyObject* o, Attrs& out) {
  double v;
  if (!PyTuple_Check(o) && !PyList_Check(o)) {
    if (!read_float(o, v)) return false;
    out.add(v);
    return true;
  }
  List<double> all;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
    const py::object item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(o, i));
    if (!read_float(item.ptr(), v)) return false;
    all.push_back(v);
  }
  out.add(std::span<const double>(all));
  return true;
}

bool read_inputs(const Param& p, PyObject* o, Call& call) {
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  each_tensor(o, p.name, p.optional ? Nones::kAllowed : Nones::kRefused, [&](Tensor t) {
    if (t.defined() && t->python) unwrap_argument(static_cast<PyObject*>(t->python));
    call.add_input(std::move(t));
  });
  return true;
}

// What PyTorch raises for a string that is none of the choices.
ErrorKind unknown_choice(const Param& p, const Call& call) {
  const auto has = [&](std::string_view name) {
    for (const Param& q : parameters_of(call.op()).params)
      if (q.name == name) return true;
    return false;
  };
  if (p.name == "reduction" || has("padding_mode") || has("offsets")) return ErrorKind::kValue;
  return p.name == "mode" ? ErrorKind::kNotImplemented : ErrorKind::kRuntime;
}

bool read_choice(const Param& p, PyObject* o, Call& call) {
  if (!PyUnicode_Check(o)) return false;
  const char* s = PyUnicode_AsUTF8(o);
  if (!s) throw py::error_already_set();
  for (size_t i = 0; i < p.choices.size(); ++i)
    if (p.choices[i] == s) {
      call.attrs.add(static_cast<int64_t>(i));
      return true;
    }
  std::string known;
  for (std::string_view c : p.choices)
    known += (known.empty() ? "'" : ", '") + std::string(c) + "'";
  fail(unknown_choice(p, call), "'", s, "' is not a valid value for ", p.name, "; expected one of ",
       known);
}

const TensorImpl* first_tensor(const Call& call) {
  return call.inputs() > 0 ? call.input(0).tensor().impl() : nullptr;
}

// One argument that was given, and is not None.
bool convert(const Param& p, PyObject* o, Call& call) {
  switch (p.kind) {
    case ParamKind::kTensor:
      if (!is_tensor(o)) return false;
      call.add_input(unwrap_argument(o));
      return true;
    case ParamKind::kTensors:
      return read_inputs(p, o, call);
    case ParamKind::kOperand: {
      if (is_tensor(o)) {
        call.add_input(unwrap_argument(o));
        return true;
      }
      Scalar s;
      if (!read_scalar_beside(o, first_tensor(call), s)) return false;
      call.add_input(s);
      return true;
    }
    case ParamKind::kNumber: {
      Scalar s;
      if (!read_scalar_beside(o, first_tensor(call), s))
        return !p.choices.empty() && read_choice(p, o, call);
      call.attrs.add(s);
      return true;
    }
    case ParamKind::kInt: {
      int64_t v;
      if (!read_small_int(o, v)) return false;
      call.attrs.add(v);
      return true;
    }
    case ParamKind::kInts:
      return !(p.sequence && PyLong_Check(o)) && read_ints(p, o, call.attrs);
    case ParamKind::kFloat: {
      double v;
      if (!read_float(o, v)) return false;
      call.attrs.add(v);
      return true;
    }
    case ParamKind::kFloats:
      return read_floats(o, call.attrs);
    case ParamKind::kBool:
      // An int is not a bool: `x.var(1)` means a dimension.
      if (!PyBool_Check(o) && std::strncmp(Py_TYPE(o)->tp_name, "numpy.bool", 10) != 0)
        return false;
      call.attrs.add(truth(o));
      return true;
    case ParamKind::kDtype: {
      Dtype d;
      if (!read_dtype(o, d)) return false;
      call.attrs.add(d);
      return true;
    }
    case ParamKind::kGenerator: {
      Generator* g;
      if (!read_generator(o, g)) return false;
      call.attrs.add(g);
      return true;
    }
    case ParamKind::kOp: {
      const Op* op = read_op(o);
      if (!op) return false;
      call.attrs.add(op);
      return true;
    }
    case ParamKind::kChoice:
      return read_choice(p, o, call);
  }
  return false;
}

const char* expected(const Param& p) {
  switch (p.kind) {
    case ParamKind::kTensor:
      return "Tensor";
    case ParamKind::kTensors:
      return "tuple of Tensors";
    case ParamKind::kOperand:
      return "Tensor or Number";
    case ParamKind::kNumber:
      return "Number";
    case ParamKind::kInt:
      return "int";
    case ParamKind::kInts:
      return "tuple of ints";
    case ParamKind::kFloat:
      return "float";
    case ParamKind::kFloats:
      return "tuple of floats";
    case ParamKind::kBool:
      return "bool";
    case ParamKind::kDtype:
      return "wengert.dtype";
    case ParamKind::kGenerator:
      return "wengert.Generator";
    case ParamKind::kOp:
      return "function of one operation";
    case ParamKind::kChoice:
      break;
  }
  return "str";
}

// The sizes of `*size: ints`: one sequence, or one by one.
bool read_variadic(const Param& p, const Given& given, PyObject* keyword, Call& call,
                   Problem* problem) {
  if (p.kind == ParamKind::kTensors) {
    PyObject* first = keyword ? keyword : given.rest_count == 1 ? given.rest[0] : nullptr;
    if (first && !is_tensor(first)) {
      return read_inputs(p, first, call) ||
             no(problem, "argument '", p.name, "' must be tuple of Tensors, not ",
                type_name(first));
    }
    for (Py_ssize_t i = 0; i < given.rest_count; ++i)
      call.add_input(read_element(given.rest[i], i, p.name, Nones::kRefused));
    return true;
  }
  if (keyword) {
    if (!read_ints(keyword, call.attrs, true))
      return no(problem, "argument '", p.name, "' must be tuple of ints");
  } else if (given.rest_count == 1) {
    if (!read_ints(given.rest[0], call.attrs, true))
      return no(problem, "argument '", p.name, "' must be tuple of ints, not ",
                type_name(given.rest[0]));
  } else {
    int64_t* to = call.attrs.add_ints(static_cast<size_t>(given.rest_count));
    for (Py_ssize_t i = 0; i < given.rest_count; ++i)
      if (!read_small_int(given.rest[i], to[i], true))
        return no(problem, "argument '", p.name, "' must be tuple of ints, but found element of ",
                  "type ", type_name(given.rest[i]), " at pos ", static_cast<int64_t>(i));
  }
  return true;
}

}  // namespace

Overload::Overload(const Op* row) : op(row), parameters(parameters_of(*row)) {
  for (const Param& p : parameters.params) {
    const auto size = static_cast<Py_ssize_t>(p.name.size());
    PyObject* name = PyUnicode_FromStringAndSize(p.name.data(), size);
    PyUnicode_InternInPlace(&name);
    names.push_back(name);
  }
}

bool read_arguments(const Overload& o, Form form, PyObject* const* args, Py_ssize_t count,
                    PyObject* names, Call& call, Extras& extras, Problem* problem) {
  Given given(o.parameters.params.size());
  if (!assign(o, form, args, count, names, given, extras, problem)) return false;
  const std::vector<Param>& params = o.parameters.params;
  const Attrs& defaults = o.parameters.defaults;
  int attribute = -1;
  for (size_t i = 0; i < params.size(); ++i) {
    const Param& p = params[i];
    PyObject* argument = given.value[i];
    const bool input = p.is_input();
    if (!input) ++attribute;
    if (p.variadic) {
      if (!argument && given.rest_count == 0 && p.has_default() && !input) {
        call.attrs.add_from(defaults, attribute);
      } else if (!argument && given.rest_count == 0 && !input) {
        return no(problem, "missing required argument '", p.name, "'");
      } else if (!read_variadic(p, given, argument, call, problem)) {
        return false;
      }
      continue;
    }
    if (!argument && !p.has_default())
      return no(problem, "missing required argument '", p.name, "'");
    if (!argument || (argument == Py_None && p.optional)) {
      if (input) {
        if (p.kind != ParamKind::kTensors) call.add_input(Operand());
      } else if (argument) {
        call.attrs.add(nullptr);
      } else {
        call.attrs.add_from(defaults, attribute);
      }
      continue;
    }
    if (!convert(p, argument, call)) {
      if (PyErr_Occurred()) throw py::error_already_set();
      return no(problem, "argument '", p.name, "' (position ", static_cast<int64_t>(i + 1),
                ") must be ", expected(p), ", not ", type_name(argument));
    }
  }
  return true;
}

}  // namespace wengert::bind
