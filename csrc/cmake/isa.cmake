# WENGERT_ISA_LEVELS -> WENGERT_LEVELS, the levels to build, lowest first.
#   native  the best level of the machine that builds (a source install)
#   all     every level (a wheel that is handed on)
#   a list  such as "v3;v4"
# On other CPUs than x86-64 there is one level, `base`.
set(WENGERT_ISA_LEVELS native CACHE STRING "ISA levels to build: native, all, or a list of v2 v3 v4")

# The best level of this machine, asked anew at every configuration: a build directory may have been
# copied from another machine.
function(_wengert_native_level result)
  if(CMAKE_CROSSCOMPILING)
    set(${result} v2 PARENT_SCOPE)
    return()
  endif()
  unset(_wengert_isa_runs CACHE)
  try_run(_wengert_isa_runs _wengert_isa_compiles
    SOURCES "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/isa.cpp" RUN_OUTPUT_VARIABLE level)
  if(NOT _wengert_isa_compiles OR NOT _wengert_isa_runs EQUAL 0)
    message(FATAL_ERROR "ISA level: this machine's is unknown or below v2 (${level}); "
      "choose one with WENGERT_ISA_LEVELS")
  endif()
  set(${result} ${level} PARENT_SCOPE)
endfunction()

set(WENGERT_BASE_LEVEL v2)  # the lowest there is
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(WENGERT_BASE_LEVEL base)
  set(WENGERT_LEVELS base)
elseif(WENGERT_ISA_LEVELS STREQUAL "native")
  _wengert_native_level(WENGERT_LEVELS)
elseif(WENGERT_ISA_LEVELS STREQUAL "all")
  set(WENGERT_LEVELS v2 v3 v4)
else()
  string(REGEX REPLACE "[ ,]+" ";" WENGERT_LEVELS "${WENGERT_ISA_LEVELS}")
  list(REMOVE_DUPLICATES WENGERT_LEVELS)
  list(SORT WENGERT_LEVELS)
  foreach(level IN LISTS WENGERT_LEVELS)
    if(NOT level MATCHES "^v[234]$")
      message(FATAL_ERROR "WENGERT_ISA_LEVELS: '${level}' is not a level; "
        "give native, all, or a list of v2, v3 and v4")
    endif()
  endforeach()
endif()
if(NOT WENGERT_LEVELS)
  message(FATAL_ERROR "WENGERT_ISA_LEVELS is empty; give native, all, or a list of v2, v3 and v4")
endif()
message(STATUS "ISA levels: ${WENGERT_LEVELS}")

# The compiler flags of one level.
function(wengert_isa_flags level result)
  if(level STREQUAL "base")
    set(${result} "" PARENT_SCOPE)
  else()
    set(${result} -march=x86-64-${level} PARENT_SCOPE)
  endif()
endfunction()
