# llhttp: the HTTP parser (room http). libllhttp-dev where the distribution has it (Debian 13: 9.2);
# Debian 12 ships only its C sources inside node-llhttp (8.1), which would drag in Node.js, so the package
# is unpacked into the build folder instead of installed.
find_path(LLHTTP_INCLUDE llhttp.h)
find_library(LLHTTP_LIB llhttp)
set(LLHTTP_ROOT "${CMAKE_BINARY_DIR}/third_party/llhttp" CACHE PATH "Where node-llhttp is unpacked")

# Sets out_root to the folder that holds usr/share/llhttp/*.c, downloading it if need be.
function(vp_llhttp_sources out_root)
  foreach(root "" ${LLHTTP_ROOT})
    if(EXISTS ${root}/usr/share/llhttp/llhttp.c)
      set(${out_root} "${root}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(STATUS "llhttp: downloading node-llhttp for its C sources")
  file(MAKE_DIRECTORY ${LLHTTP_ROOT})
  execute_process(COMMAND apt-get -q download node-llhttp WORKING_DIRECTORY ${LLHTTP_ROOT}
    OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
  file(GLOB deb ${LLHTTP_ROOT}/node-llhttp_*.deb)
  if(NOT deb)
    message(FATAL_ERROR "llhttp is missing: neither libllhttp-dev nor a downloadable node-llhttp package "
      "(${result}: ${output}). On Debian 12 run apt-get update, then configure again "
      "(third_party/bootstrap.sh does it); elsewhere install llhttp with its header.")
  endif()
  list(GET deb 0 deb)
  execute_process(COMMAND dpkg-deb -x ${deb} ${LLHTTP_ROOT} COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE ${deb})
  if(NOT EXISTS ${LLHTTP_ROOT}/usr/share/llhttp/llhttp.c)
    message(FATAL_ERROR "llhttp is missing: this distribution's node-llhttp holds no C sources. Install its "
      "development package (Debian 13: apt-get install libllhttp-dev; third_party/bootstrap.sh does it)")
  endif()
  set(${out_root} ${LLHTTP_ROOT} PARENT_SCOPE)
endfunction()

if(LLHTTP_INCLUDE AND LLHTTP_LIB)
  add_library(tp_llhttp INTERFACE)
  target_include_directories(tp_llhttp SYSTEM INTERFACE ${LLHTTP_INCLUDE})
  target_link_libraries(tp_llhttp INTERFACE ${LLHTTP_LIB})
else()
  vp_llhttp_sources(root)
  set(include ${root}/usr/share/include/llhttp)
  add_library(tp_llhttp STATIC ${root}/usr/share/llhttp/llhttp.c ${root}/usr/share/llhttp/api.c
    ${root}/usr/share/llhttp/http.c)
  target_include_directories(tp_llhttp PRIVATE ${include})
  target_include_directories(tp_llhttp SYSTEM INTERFACE ${include})
  # Strict is not the default of 8.1: without it a chunk may end in CR and any other byte, which is then
  # swallowed (request smuggling). 9.2 has no such switch, it is strict unless told otherwise.
  target_compile_definitions(tp_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
  target_compile_options(tp_llhttp PRIVATE -w)
endif()
add_library(tp::llhttp ALIAS tp_llhttp)
