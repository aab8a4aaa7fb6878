# Keeps pybind11's headers where Eigen is kept. The isolated environment in which pip builds lies
# elsewhere each time, and what has been compiled with one path is compiled anew for another.
include_guard(GLOBAL)
_wengert_cache_dir(_cache)
set(_kept "${_cache}/pybind11-${pybind11_VERSION}")
if(NOT EXISTS "${_kept}/pybind11/pybind11.h")
  string(RANDOM LENGTH 8 _suffix)
  file(COPY "${pybind11_INCLUDE_DIR}/pybind11" DESTINATION "${_kept}.${_suffix}")
  file(RENAME "${_kept}.${_suffix}" "${_kept}" RESULT _failed)
  file(REMOVE_RECURSE "${_kept}.${_suffix}")
endif()
if(EXISTS "${_kept}/pybind11/pybind11.h")
  set_target_properties(pybind11::pybind11_headers PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_kept}" INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${_kept}")
endif()
