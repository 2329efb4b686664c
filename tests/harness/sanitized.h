/* Whether the test and the program are built with AddressSanitizer: memory and speed are not the program's then. */
#ifndef HARNESS_SANITIZED_H
#define HARNESS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

#endif
