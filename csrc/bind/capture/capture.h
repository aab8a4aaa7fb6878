// What the files about captured functions share.
#pragma once

#include "bind/python.h"
#include "wengert/program/capture.h"

namespace wengert::bind {

// A program as Python holds it.
struct Ready {
  Ref<Program> program;
};

// The program for this thread alone, waited for without the GIL, which its user may be waiting for.
std::unique_lock<ForkSafeMutex> claim(Program& p);

// What keeps the state that a call out of a program changes, as `_capture_call` was told.
py::object keep_function_of(const HostCall& call);

void init_conditions(py::module_& m);  // conditions.cpp
void init_loop(py::module_& m);        // loop.cpp
void init_reads(py::module_& m);       // reads.cpp

}  // namespace wengert::bind
