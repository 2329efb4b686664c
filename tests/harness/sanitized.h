/* Whether the test and the program are built with AddressSanitizer: memory and speed are not the program's then. */
#ifndef HARNESS_SANITIZED_H
#define HARNESS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
enum { IS_SANITIZED = 1 };
#elif defined(__has_feature)
enum { IS_SANITIZED = __has_feature(address_sanitizer) };
#else
enum { IS_SANITIZED = 0 };
#endif

#endif
