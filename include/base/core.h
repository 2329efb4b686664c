/* Core dumps without secrets. Tokens and keys are in many places for a moment - buffers of sockets, of
 * libcurl, of TLS - so what is left out of a core is all memory that can be written, but for the
 * stack: a core then still tells where the program was. */
#ifndef BASE_CORE_H
#define BASE_CORE_H

/* From here on the signals that make a core first mark the memory so (MADV_DONTDUMP), also arguments
 * and environment. `argv` is that of main. Where /proc cannot be read there is no core at all. With
 * a sanitizer, which catches the same signals, nothing is done. */
void core_keep_secrets(char **argv);

#endif
