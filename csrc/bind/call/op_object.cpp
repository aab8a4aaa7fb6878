// Python callables for ops. One vectorcall entry serves all; what differs is data.
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "bind/call/arguments.h"
#include "bind/call/ask.h"
#include "bind/types/memory_format.h"
#include "bind/uninitialized.h"
#include "wengert/base/warning.h"
#include "wengert/kernels/core/pointwise.h"
#include "wengert/ops/registry.h"

namespace wengert::bind {
namespace {

// All rows of one name in one form.
struct Binding {
  std::string name;  // as Python calls it: with `_` for the in-place form
  Form form;
  std::vector<const Overload*> overloads;
  PyTypeObject* named_tuple = nullptr;
  bool draws = false;  // random numbers, of which a vmap has a say
};

struct OpObject {
  PyObject_HEAD vectorcallfunc vectorcall;
  const Binding* binding;
  PyObject* module;
};

// What calls hold in arrays of fixed size.
void check_limits(const Op& op, const Parameters& s) {
  if (s.params.size() > kMaxParams)
    throw std::logic_error(text(op.name, " has ", static_cast<uint64_t>(s.params.size()),
                                " arguments; at most ", static_cast<uint64_t>(kMaxParams),
                                " are supported"));
  const int limit = op.pointwise ? kMaxPointwiseParams : UINT16_MAX;
  if (s.defaults.count() > limit)
    throw std::logic_error(text(op.name, " has ", s.defaults.count(),
                                " arguments that are no tensors; at most ", limit,
                                " are supported of such an op"));
}

std::vector<Binding*>& all_bindings() {
  static std::vector<Binding*> all;
  return all;
}

const Overload* overload_of(const Op* op) {
  static std::map<const Op*, std::unique_ptr<Overload>> all;
  std::unique_ptr<Overload>& o = all[op];
  if (!o) {
    o = std::make_unique<Overload>(op);
    check_limits(*op, o->parameters);
  }
  return o.get();
}

PyObject* to_tuple(PyTypeObject* type, std::span<Tensor> values) {
  PyObject* result =
      type ? PyStructSequence_New(type) : PyTuple_New(static_cast<Py_ssize_t>(values.size()));
  if (!result) throw py::error_already_set();
  for (size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<Py_ssize_t>(i);
    type ? PyStructSequence_SetItem(result, at, wrap(values[i]))
         : PyTuple_SET_ITEM(result, at, wrap(values[i]));
  }
  return result;
}

// Of another shape, on its memory where that is enough.
void resize(const Tensor& t, const Dims& shape) {
  const bool fits = t.is_contiguous() && numel(shape) <= t.numel();
  t.move_onto(fits ? t.alias(shape, contiguous_strides(shape), t->offset)
                   : Tensor::empty(shape, t.dtype()));
}

// out=: resized if it has another shape, with a warning if it has elements; the dtype may be wider.
void write_out(PyObject* out, const Tensor& result) {
  Tensor target = expect_tensor(out, "out");
  check(!target.requires_grad() || !grad_enabled(),
        "functions with out=... arguments don't support automatic differentiation, but one of the "
        "arguments requires grad.");
  check(category(result.dtype()) <= category(target.dtype()), "result type ", result.dtype(),
        " can't be cast to the desired output type ", target.dtype());
  if (!(target.shape() == result.shape())) {
    if (target.numel() != 0)
      warn("An output with one or more elements was resized since it had shape ", target.shape(),
           ", which does not match the required output shape ", result.shape(), '.');
    resize(target, result.shape());
  }
  GradMode off(false);
  copy_(target, result);
}

PyObject* finish_out(const Binding& b, PyObject* out, std::span<Tensor> results) {
  if (results.size() == 1) {
    write_out(out, results[0]);
    return Py_NewRef(out);
  }
  if (!PyTuple_Check(out) || PyTuple_GET_SIZE(out) != static_cast<Py_ssize_t>(results.size()))
    fail(ErrorKind::kType, "out must be a tuple of ", static_cast<uint64_t>(results.size()),
         " Tensors");
  for (size_t i = 0; i < results.size(); ++i) {
    write_out(PyTuple_GET_ITEM(out, i), results[i]);
    results[i] = unwrap(PyTuple_GET_ITEM(out, i));
  }
  return to_tuple(b.named_tuple, results);
}

// The dtype of `out` is that of the result, as in PyTorch, where the row would be told one.
void take_dtype(Call& call, PyObject* out) {
  const int at = call.op().signature.dtype();
  if (at < 0 || call.attrs.has(at) || !is_tensor(out)) return;
  const Attrs given = std::exchange(call.attrs, {});
  for (int i = 0; i < given.count(); ++i)
    i == at ? call.attrs.add(unwrap(out).dtype()) : call.attrs.add_from(given, i);
}

PyObject* run(const Binding& b, const Overload& o, Call& call, const Extras& extras);

// With memory_format=: the result lies so.
[[gnu::noinline]] PyObject* run_formatted(const Binding& b, const Overload& o, Call& call,
                                          Extras extras) {
  const MemoryFormat format = read_memory_format(extras.format);
  extras.format = nullptr;
  const bool preserve = format == MemoryFormat::kPreserve, one = call.inputs() == 1;
  if (o.op->is_composite() && one) {  // an input that lies so already is the result
    check(!preserve || call.in(0).is_contiguous(),
          "preserve memory format is unsupported by the contiguous operator");
    return wrap(laid_out(call.in(0), format));
  }
  // Of such an input only the place of its elements counts, and of a result that is drawn it
  // decides which number goes where.
  const bool like = o.op->shape_only && one;
  if (like && !preserve) call.input(0) = empty_in(call.in(0), format);
  if (like || preserve) return run(b, o, call, extras);
  const bool requires_grad = std::exchange(extras.requires_grad, false);
  const py::object result = py::reinterpret_steal<py::object>(run(b, o, call, extras));
  Tensor t = laid_out(unwrap(result.ptr()), format);
  if (requires_grad) t.set_requires_grad(true);
  return wrap(t);
}

PyObject* run(const Binding& b, const Overload& o, Call& call, const Extras& extras) {
  if (extras.format) [[unlikely]]
    return run_formatted(b, o, call, extras);
  if (extras.out) take_dtype(call, extras.out);
  const bool inplace = (b.form == Form::kInplace && !o.op->mutates) || extras.inplace;
  inplace ? apply_inplace(call) : apply(call);
  std::span<Tensor> results(call.out, static_cast<size_t>(call.outputs()));
  if (o.op->is_composite()) results = call.results;
  if (o.op->mutates && results.empty()) results = {call.out, 1};
  if (extras.out) {
    for (const Tensor& t : results)
      check(!t.requires_grad(),
            "functions with out=... arguments don't support automatic differentiation, but one of "
            "the arguments requires grad.");
    // Others are what the gradient reads.
    if (!o.op->is_composite() && o.parameters.outputs.empty() && !o.parameters.returns_list)
      results = results.first(1);
    return finish_out(b, extras.out, results);
  }
  if (extras.requires_grad) results[0].set_requires_grad(true);
  if (o.parameters.returns_list) return to_tuple(nullptr, results);
  const size_t shown = std::max<size_t>(o.parameters.outputs.size(), 1);
  if (shown == 1) {
    // A composite may give more where it is asked to: `return_indices`.
    if (o.op->is_composite() && results.size() > 1) return to_tuple(nullptr, results);
    return wrap(results[0]);
  }
  return to_tuple(b.named_tuple, results.first(shown));
}

[[noreturn]] void complain(const Binding& b, const std::string& reason) {
  std::string message = b.name + "(): " + reason;
  if (b.overloads.size() > 1) {
    message += ". Possible forms:";
    for (const Overload* o : b.overloads) message += "\n  " + b.name + o->op->signature.text();
  }
  throw Error(ErrorKind::kType, message);
}

PyObject* call_binding(const Binding& b, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  const bool single = b.overloads.size() == 1;
  Problem problem;
  for (const Overload* o : b.overloads) {
    Call call(*o->op);
    Extras extras;
    try {
      if (read_arguments(*o, b.form, args, n, names, call, extras, single ? &problem : nullptr))
        return run(b, *o, call, extras);
    } catch (Error& e) {
      if (!e.has_op()) e.set_op(b.name);
      throw;
    }
  }
  if (!single) {  // once more, to say what is wrong with the first form
    Call call(*b.overloads[0]->op);
    Extras extras;
    read_arguments(*b.overloads[0], b.form, args, n, names, call, extras, &problem);
  }
  complain(b, problem.text);
}

PyObject* vectorcall(PyObject* self, PyObject* const* args, size_t flags, PyObject* names) {
  const Binding& b = *reinterpret_cast<OpObject*>(self)->binding;
  const Py_ssize_t n = PyVectorcall_NARGS(flags);
  return guarded([&] {
    if (somebody_asks) [[unlikely]] {
      const Py_ssize_t all = n + (names ? PyTuple_GET_SIZE(names) : 0);
      if (asks(args, all, b.draws)) return ask(self, args, n, names);
    }
    return call_binding(b, args, n, names);
  });
}

// f(name) for each other name of the row.
template <class F>
void each_alias(const Op& op, F&& f) {
  std::istringstream names(op.aliases);
  for (std::string name; names >> name;) f(name);
}

// ---- the two Python types ------------------------------------------------------------------

PyObject* get_name(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<OpObject*>(self)->binding->name.c_str());
}
PyObject* get_module(PyObject* self, void*) {
  return Py_NewRef(reinterpret_cast<OpObject*>(self)->module);
}
PyObject* get_doc(PyObject* self, void*) {
  const Binding& b = *reinterpret_cast<OpObject*>(self)->binding;
  std::string doc;
  for (const Overload* o : b.overloads) doc += b.name + o->op->signature.text() + "\n";
  for (const Overload* o : b.overloads) doc += std::string("\n") + o->op->doc + "\n";
  return PyUnicode_FromString(doc.c_str());
}
PyObject* get_text_signature(PyObject* self, void*) {
  const Binding& b = *reinterpret_cast<OpObject*>(self)->binding;
  std::string out = "(";
  bool star = false;
  for (const Param& p : b.overloads[0]->parameters.params) {
    if (p.keyword_only && !star && !p.variadic) out += "*, ";
    star |= p.keyword_only || p.variadic;
    if (p.variadic) out += "*";
    out += p.name;
    if (p.has_default() && !p.variadic) (out += "=") += p.value;
    out += ", ";
  }
  if (out.size() > 1) out.resize(out.size() - 2);
  return PyUnicode_FromString((out + ")").c_str());
}
PyObject* repr(PyObject* self) {
  const Binding& b = *reinterpret_cast<OpObject*>(self)->binding;
  return PyUnicode_FromFormat(
      "<built-in %s %s>",
      b.form == Form::kMethod || b.form == Form::kInplace ? "method" : "function", b.name.c_str());
}
// By reference: pickling and deepcopy give the same object.
PyObject* reduce(PyObject* self, PyObject*) { return get_name(self, nullptr); }
// A function does not bind to instances; that it is a descriptor lets inspect read its signature.
PyObject* bind_nothing(PyObject* self, PyObject*, PyObject*) { return Py_NewRef(self); }
PyObject* bind_method(PyObject* self, PyObject* object, PyObject*) {
  return object ? PyMethod_New(self, object) : Py_NewRef(self);
}
void dealloc(PyObject* self) { Py_TYPE(self)->tp_free(self); }

PyGetSetDef getset[] = {{"__name__", get_name, nullptr, nullptr, nullptr},
                        {"__qualname__", get_name, nullptr, nullptr, nullptr},
                        {"__module__", get_module, nullptr, nullptr, nullptr},
                        {"__doc__", get_doc, nullptr, nullptr, nullptr},
                        {"__text_signature__", get_text_signature, nullptr, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {}};

PyTypeObject* make_type(const char* name, bool method) {
  // A static type: vectorcall and the method-descriptor flag are not open to heap types in 3.10.
  auto* type = new PyTypeObject{};
  Py_SET_REFCNT(reinterpret_cast<PyObject*>(type), 1);
  type->tp_name = name;
  type->tp_basicsize = sizeof(OpObject);
  type->tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
  type->tp_vectorcall_offset = offsetof(OpObject, vectorcall);
  type->tp_call = PyVectorcall_Call;
  type->tp_repr = repr;
  type->tp_dealloc = dealloc;
  type->tp_getset = getset;
  type->tp_methods = methods;
  type->tp_descr_get = method ? bind_method : bind_nothing;
  if (method) type->tp_flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
  if (PyType_Ready(type) < 0) throw py::error_already_set();
  return type;
}

PyTypeObject* make_named_tuple(const std::string& name,
                               const std::vector<std::string_view>& fields) {
  auto* f = new PyStructSequence_Field[fields.size() + 1]{};
  for (size_t i = 0; i < fields.size(); ++i) f[i].name = strdup(std::string(fields[i]).c_str());
  auto* full = new std::string("wengert.return_types." + name);
  PyStructSequence_Desc desc{full->c_str(), nullptr, f, static_cast<int>(fields.size())};
  PyTypeObject* type = PyStructSequence_NewType(&desc);
  if (!type) throw py::error_already_set();
  return type;
}

struct Registrar {
  PyTypeObject* function_type = make_type("wengert.builtin_function", false);
  PyTypeObject* method_type = make_type("wengert.builtin_method", true);
  std::map<std::string, PyTypeObject*> tuples;
  std::map<std::pair<PyObject*, std::string>, Binding*> bindings;

  // Adds the row to `where` (a module or type dict), beside other rows of that name.
  void add(PyObject* where, const char* module, const std::string& name, Form form, const Op* op) {
    Binding*& b = bindings[{where, name}];
    const Overload* o = overload_of(op);
    if (!b) {
      b = new Binding{name, form, {}};
      all_bindings().push_back(b);
      const bool method = form == Form::kMethod || form == Form::kInplace;
      PyTypeObject* type = method ? method_type : function_type;
      auto* object = reinterpret_cast<OpObject*>(type->tp_alloc(type, 0));
      object->vectorcall = vectorcall;
      object->binding = b;
      object->module = PyUnicode_InternFromString(module);
      PyDict_SetItemString(where, name.c_str(), reinterpret_cast<PyObject*>(object));
      Py_DECREF(object);
    }
    b->overloads.push_back(o);
    if (o->parameters.outputs.size() < 2) return;
    PyTypeObject*& tuple = tuples[name];
    if (!tuple) tuple = make_named_tuple(name, o->parameters.outputs);
    b->named_tuple = tuple;
  }
};

py::dict describe(const Op& op) {
  const Overload& o = *overload_of(&op);
  py::dict d;
  d["name"] = op.name;
  d["signature"] = op.signature.text();
  d["doc"] = op.doc;
  d["method"] = (op.on & kMethod) != 0;
  d["module"] = (op.on & kModule) != 0;
  d["functional"] = (op.on & kFunctional) != 0;
  d["inplace"] = (op.on & kInplace) != 0;
  d["inplace_functional"] = (op.on & kInplaceFunctional) != 0;
  d["creation"] = (op.on & kCreation) != 0;
  d["differentiable"] = op.vjp != nullptr || op.is_composite();
  d["composite"] = op.is_composite();
  d["view"] = op.view;
  d["mutates"] = op.mutates;
  d["reads"] = op.reads;
  d["pointwise"] = op.pointwise != nullptr;
  py::list params;
  for (const Param& p : o.parameters.params) {
    py::dict q;
    q["name"] = p.name;
    q["annotation"] = p.annotation;
    q["default"] = p.has_default() ? py::object(py::str(std::string(p.value))) : py::none();
    q["keyword_only"] = p.keyword_only && !p.variadic;
    q["variadic"] = p.variadic;
    params.append(q);
  }
  d["params"] = params;
  py::list outputs;
  for (std::string_view name : o.parameters.outputs) outputs.append(name);
  d["outputs"] = outputs;
  d["returns_list"] = o.parameters.returns_list;
  return d;
}

}  // namespace

const Op* read_op(PyObject* o) {
  if (Py_TYPE(o)->tp_repr != repr) return nullptr;
  const std::vector<const Overload*>& rows = reinterpret_cast<OpObject*>(o)->binding->overloads;
  return rows.size() == 1 ? rows[0]->op : nullptr;
}

void ask_before_drawing(const std::set<std::string>& names) {
  for (Binding* b : all_bindings()) b->draws = names.contains(b->name);
}

void init_ops(py::module_& m) {
  Registrar r;
  py::module_ functional = m.def_submodule("functional", "The ops of nn.functional.");
  py::module_ every = m.def_submodule("ops", "Every row of the registry, hidden ones too.");
  PyObject* module_dict = PyModule_GetDict(m.ptr());
  PyObject* functional_dict = PyModule_GetDict(functional.ptr());
  PyObject* every_dict = PyModule_GetDict(every.ptr());
  py::list registry;
  py::dict aliases;
  const auto add_public = [&](const Op* op, const std::string& name) {
    if (op->on & kModule) r.add(module_dict, "wengert", name, Form::kModule, op);
    if (op->on & kMethod) r.add(tensor_type->tp_dict, "wengert.Tensor", name, Form::kMethod, op);
    if (op->on & kInplace) {
      r.add(tensor_type->tp_dict, "wengert.Tensor", name + "_", Form::kInplace, op);
      if (op->on & kModule) r.add(module_dict, "wengert", name + "_", Form::kInplace, op);
    }
  };
  for (const Op* op : all_ops()) {
    const std::string name = op->name;
    add_public(op, name);
    each_alias(*op, [&](const std::string& alias) {
      add_public(op, alias);
      aliases[alias.c_str()] = name;
    });
    if (op->on & kFunctional)
      r.add(functional_dict, "wengert.nn.functional", name, Form::kFunctional, op);
    if (op->on & kInplaceFunctional)
      r.add(functional_dict, "wengert.nn.functional", name + "_", Form::kInplace, op);
    r.add(every_dict, "wengert._native.ops", name, Form::kModule, op);
    registry.append(describe(*op));
  }
  m.attr("aliases") = aliases;
  py::module_ tuples = m.def_submodule("return_types", "The named tuples of several outputs.");
  tuples.attr("__name__") = "wengert.return_types";
  for (const auto& [name, type] : r.tuples)
    tuples.attr(name.c_str()) = py::handle(reinterpret_cast<PyObject*>(type));
  // Pickle finds the types by the name of their module.
  py::module_::import("sys").attr("modules")["wengert.return_types"] = tuples;
  m.attr("registry") = py::tuple(registry);
  PyType_Modified(tensor_type);
}

namespace {
const TensorImpl* impl_of(PyObject* o) {
  return o && is_tensor(o) ? reinterpret_cast<PyTensor*>(o)->impl : nullptr;
}

// An operand of an operator: a tensor, a number, an array. `other` is the other one.
bool add_operand(Call& call, PyObject* o, PyObject* other) {
  Scalar s;
  if (is_tensor(o)) {
    call.add_input(unwrap_argument(o));
  } else if (!(call.op().signature.refused() & number_bit(call.inputs())) &&
             read_scalar_beside(o, impl_of(other), s)) {
    call.add_input(s);
  } else if (is_array(o)) {
    Tensor t = operand_from_array(o);
    if (!t.defined()) return false;
    call.add_input(std::move(t));
  } else {
    return false;
  }
  return true;
}

// For an op that asks for one dtype: as NumPy would promote its array.
void promote_with_array(Call& call) {
  if (!call.input(0).is_tensor() || !call.input(1).is_tensor()) return;
  const Dtype common = promote(call.in(0).dtype(), call.in(1).dtype());
  for (int i : {0, 1}) call.input(i).tensor() = to(call.in(i), common);
}
}  // namespace

PyObject* call_op(const Op& op, PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    // Of a vmap's tensors the other operand has the operator.
    if (somebody_asks && !(b && (is_batched(a) || is_batched(b))) && in_mode()) [[unlikely]]
      return b ? ask_method(op.name, {a, b}) : ask_method(op.name, {a});
    Call call(op);
    if (!add_operand(call, a, b) || (b && !add_operand(call, b, a))) Py_RETURN_NOTIMPLEMENTED;
    if (b && op.promote == Promote::kNone && !(is_tensor(a) && is_tensor(b)))
      promote_with_array(call);
    apply(call);
    return wrap(op.is_composite() ? call.results[0] : call.out[0]);
  });
}

PyObject* call_op_inplace(const Op& op, PyObject* a, PyObject* b) {
  return guarded([&]() -> PyObject* {
    if (somebody_asks && !is_batched(b) && in_mode()) [[unlikely]]
      return ask_method(std::string(op.name) + "_", {a, b});
    Call call(op);
    call.add_input(unwrap(a));
    if (is_batched(b))
      fail(ErrorKind::kRuntime, "vmap: ", op.name,
           "_ would write a result for each slice into a tensor that is the ",
           "same for all; use the operation that is not in place");
    if (!add_operand(call, b, a)) Py_RETURN_NOTIMPLEMENTED;
    apply_inplace(call);
    return Py_NewRef(a);
  });
}

}  // namespace wengert::bind
