/* Core dumps without secrets. Tokens and keys are in many places for a moment - buffers of sockets, of
 * libcurl, of TLS - so all writable memory except the stack is left out of a core. A core still tells
 * where the program was. */
#ifndef BASE_CORE_H
#define BASE_CORE_H

/* Installs a handler for the signals that make a core. It first marks this memory (MADV_DONTDUMP), and the
 * arguments and the environment. `argv` is that of main. Where /proc cannot be read there is no core at all.
 * With a sanitizer, which catches the same signals, nothing is done. */
void core_keep_secrets(char **argv);

#endif
