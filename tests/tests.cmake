# Unit tests: one cmocka executable per room, made of tests/unit/<room>/test_*.c; each file exports
# int test_<name>(void) that runs its group. Integration: tests/integration/test_*.c, an executable each,
# that starts the real binary. Golden data is found through VP_GOLDEN_DIR.
find_package(PkgConfig REQUIRED)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

set(test_definitions
  VP_SOURCE_DIR="${CMAKE_SOURCE_DIR}" VP_GOLDEN_DIR="${CMAKE_SOURCE_DIR}/tests/golden"
  VP_BINARY="${CMAKE_BINARY_DIR}/virtuoso-proxy" VP_SHARED="${VP_SHARED}"
  VP_SCRATCH_DIR="${CMAKE_BINARY_DIR}/scratch")
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/scratch)

file(GLOB harness_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/harness/*.c)
if(harness_sources)
  add_library(test_harness STATIC ${harness_sources})
  target_include_directories(test_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(test_harness PUBLIC ${test_definitions})
  target_link_libraries(test_harness PUBLIC vp_flags virtuoso_core PkgConfig::cmocka)
  set(harness test_harness)
endif()

foreach(room ${ROOMS})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${room}/test_*.c)
  if(sources)
    set(declarations "")
    set(calls "")
    foreach(source ${sources})
      get_filename_component(name ${source} NAME_WE)
      string(APPEND declarations "int ${name}(void);\n")
      string(APPEND calls "    failed += ${name}();\n")
    endforeach()
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/unit_${room}.c CONTENT
"${declarations}int main(void)
{
    int failed = 0;
${calls}    return failed == 0 ? 0 : 1;
}
")
    add_executable(unit_${room} ${sources} ${CMAKE_BINARY_DIR}/generated/unit_${room}.c)
    target_compile_definitions(unit_${room} PRIVATE ${test_definitions})
    target_include_directories(unit_${room} PRIVATE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(unit_${room} PRIVATE vp_flags ${harness} virtuoso_core PkgConfig::cmocka)
    add_test(NAME unit.${room} COMMAND unit_${room})
    set_tests_properties(unit.${room} PROPERTIES TIMEOUT 120)
  endif()
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/integration/test_*.c)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^test_" "" short ${name})
  add_executable(integration_${short} ${source})
  target_link_libraries(integration_${short} PRIVATE vp_flags ${harness} virtuoso_core PkgConfig::cmocka)
  add_dependencies(integration_${short} virtuoso-proxy)
  add_test(NAME integration.${short} COMMAND integration_${short})
  set_tests_properties(integration.${short} PROPERTIES TIMEOUT 300)
endforeach()

if(EXISTS ${CMAKE_SOURCE_DIR}/tests/lint/lint.cmake)
  include(${CMAKE_SOURCE_DIR}/tests/lint/lint.cmake)
endif()
if(EXISTS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz.cmake)
  include(${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz.cmake)
endif()
