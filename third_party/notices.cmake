# The notices of what the program is made with, in one file: cmake -DOUTPUT=... -DLLHTTP=... -DSWAGGER=... -P notices.cmake
# On Debian the text of a library is its package's copyright file; where there is none, the notice says where to look.
#   -DCURL=FILE    the text of a libcurl that is of no package
#   -DALSO=LIST    packages that files are handed on from: each that no row names is one more row
set(libraries
  "libuv|libuv1 libuv1t64 libuv1-dev"
  "llhttp|libllhttp9.2 libllhttp-dev node-llhttp"
  "curl|libcurl4 libcurl4t64 libcurl4-openssl-dev"
  "cJSON|libcjson1 libcjson-dev"
  "libyaml|libyaml-0-2 libyaml-dev"
  "Mbed TLS|libmbedtls14 libmbedtls21 libmbedcrypto7 libmbedcrypto16 libmbedx509-1 libmbedx509-7 libmbedtls-dev"
  "OpenSSL|libssl3 libssl3t64 libssl-dev"
  "zlib|zlib1g zlib1g-dev"
  "hiredis|libhiredis0.14 libhiredis1.1.0 libhiredis-dev"
  "GNU C library|libc6 libc6-dev")
string(REGEX REPLACE "[|;]" " " named " ${libraries} ")
foreach(package ${ALSO})
  string(FIND "${named}" " ${package} " at)
  if(at LESS 0)
    list(APPEND libraries "${package}|${package}")
  endif()
endforeach()
set(text "virtuoso-proxy is linked with these libraries. What follows are their notices.\n")

function(append title file)
  file(READ ${file} content)
  set(text "${text}\n==== ${title} ====\n\n${content}" PARENT_SCOPE)
endfunction()

foreach(row ${libraries})
  string(REPLACE "|" ";" row "${row}")
  list(GET row 0 name)
  list(GET row 1 packages)
  separate_arguments(packages)
  set(found "")
  foreach(package ${packages})
    foreach(folder /usr/share/doc ${LLHTTP}/usr/share/doc)
      if(NOT found AND EXISTS ${folder}/${package}/copyright)
        set(found ${folder}/${package}/copyright)
      endif()
    endforeach()
  endforeach()
  if(CURL AND name STREQUAL "curl")
    set(found ${CURL})
  endif()
  if(found)
    append("${name}" ${found})
  else()
    string(APPEND text "\n==== ${name} ====\n\nThe notice comes with the library's own package or source.\n")
  endif()
endforeach()
foreach(file LICENSE NOTICE)
  if(SWAGGER AND EXISTS ${SWAGGER}/${file})
    append("Swagger UI (embedded for /docs), ${file}" ${SWAGGER}/${file})
  endif()
endforeach()
file(WRITE ${OUTPUT} "${text}")
