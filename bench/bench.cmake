# Benchmarks (preset bench): bench_load from bench/load/, bench_micro from bench/micro/, and what they measure against
# from bench/stand/. bench/README.md says how.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/load/*.c)
add_executable(bench_load ${sources})
target_link_libraries(bench_load PRIVATE vp_flags virtuoso_core)

foreach(stand platform raw)
  add_executable(bench_${stand} ${CMAKE_SOURCE_DIR}/bench/stand/${stand}.c)
  target_link_libraries(bench_${stand} PRIVATE vp_flags virtuoso_core)
endforeach()

add_library(bench_count SHARED ${CMAKE_SOURCE_DIR}/bench/budget/count.c)
target_link_libraries(bench_count PRIVATE ${CMAKE_DL_LIBS})

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/micro/*.c)
add_executable(bench_micro ${sources})
target_link_libraries(bench_micro PRIVATE vp_flags virtuoso_core)
if(VP_TESTS)
  # So that they do not rot: each operation a few times.
  add_test(NAME bench.micro COMMAND bench_micro all 100)
  set_tests_properties(bench.micro PROPERTIES TIMEOUT 60 LABELS bench)

  # What a command and a turn cost, counted: only as it is shipped, since flags change every count.
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT VP_SANITIZE AND NOT VP_COVERAGE)
    add_test(NAME bench.budget COMMAND bash ${CMAKE_SOURCE_DIR}/bench/budget/check.sh ${CMAKE_BINARY_DIR} ${CMAKE_C_COMPILER})
    set_tests_properties(bench.budget PROPERTIES TIMEOUT 2700 SKIP_RETURN_CODE 77 LABELS bench COST 100)
    add_test(NAME bench.constant COMMAND bash ${CMAKE_SOURCE_DIR}/bench/budget/constant.sh ${CMAKE_BINARY_DIR})
    set_tests_properties(bench.constant PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77 LABELS bench)
    if(VP_LONG)
      # A million requests mixed with faults: memory and descriptors stay as they are.
      add_test(NAME bench.soak COMMAND bash ${CMAKE_SOURCE_DIR}/bench/soak/soak.sh ${CMAKE_BINARY_DIR})
      set_tests_properties(bench.soak PROPERTIES TIMEOUT 3600 RUN_SERIAL ON LABELS bench)
    endif()
  endif()
endif()
