# swagger-ui-dist (npm): the interactive page /docs, embedded compressed (room api). Optional: without npm, without
# the registry or with -DVP_DOCS=OFF the program has a plain page instead. Pinned by version; npm checks the integrity.
option(VP_DOCS "Embed Swagger UI for /docs, when npm can fetch it" ON)
set(SWAGGER_VERSION 5.32.0)
set(docs_dir ${CMAKE_BINARY_DIR}/third_party/swagger)
set(VP_HAS_DOCS OFF)
find_program(NPM NAMES npm)
find_program(GZIP NAMES gzip)
if(VP_DOCS AND NPM AND GZIP)
  file(MAKE_DIRECTORY ${docs_dir})
  if(NOT EXISTS ${docs_dir}/bundle.js.gz)
    execute_process(COMMAND ${NPM} pack --silent swagger-ui-dist@${SWAGGER_VERSION}
      WORKING_DIRECTORY ${docs_dir} OUTPUT_QUIET ERROR_QUIET TIMEOUT 120)
    set(tarball ${docs_dir}/swagger-ui-dist-${SWAGGER_VERSION}.tgz)
    if(EXISTS ${tarball})
      file(ARCHIVE_EXTRACT INPUT ${tarball} DESTINATION ${docs_dir}
        PATTERNS package/swagger-ui-bundle.js package/swagger-ui.css package/LICENSE package/NOTICE)
      execute_process(COMMAND ${GZIP} -9 -n -c ${docs_dir}/package/swagger-ui-bundle.js OUTPUT_FILE ${docs_dir}/bundle.js.gz)
      execute_process(COMMAND ${GZIP} -9 -n -c ${docs_dir}/package/swagger-ui.css OUTPUT_FILE ${docs_dir}/style.css.gz)
    endif()
  endif()
  if(EXISTS ${docs_dir}/bundle.js.gz AND EXISTS ${docs_dir}/style.css.gz)
    set(VP_HAS_DOCS ON)
  endif()
endif()
set(VP_HAS_DOCS_NOTE ${VP_HAS_DOCS} CACHE INTERNAL "For bootstrap.sh, which says at its end what is missing")
if(VP_HAS_DOCS)
  file(CONFIGURE OUTPUT ${docs_dir}/assets.S CONTENT [[
    .section .rodata
    .global docs_bundle_start, docs_bundle_end, docs_style_start, docs_style_end
docs_bundle_start:
    .incbin "@docs_dir@/bundle.js.gz"
docs_bundle_end:
docs_style_start:
    .incbin "@docs_dir@/style.css.gz"
docs_style_end:
    .section .note.GNU-stack,"",%progbits
]] @ONLY)
  message(STATUS "docs: Swagger UI ${SWAGGER_VERSION} is embedded")
else()
  message(STATUS "docs: the plain page (Swagger UI needs npm at configure time, or VP_DOCS is OFF)")
endif()
