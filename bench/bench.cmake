# Benchmarks (preset bench): bench_load from bench/load/, bench_micro from bench/micro/. bench/README.md says how.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/load/*.c)
add_executable(bench_load ${sources})
target_link_libraries(bench_load PRIVATE vp_flags virtuoso_core)

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bench/micro/*.c)
add_executable(bench_micro ${sources})
target_link_libraries(bench_micro PRIVATE vp_flags virtuoso_core)
if(VP_TESTS)
  # So that they do not rot: each operation a few times.
  add_test(NAME bench.micro COMMAND bench_micro all 100)
  set_tests_properties(bench.micro PROPERTIES TIMEOUT 60 LABELS bench)
endif()
