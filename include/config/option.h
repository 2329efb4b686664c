/* The options as rows (src/config/options.c), and the differences between two configurations: which
 * options changed, whether a change takes effect while the server runs, and its text for people. */
#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct config;

enum option_type {
    OPTION_BOOL,
    OPTION_UINT,
    OPTION_SIZE,
    OPTION_MS,
    OPTION_SECONDS,
    OPTION_STR,
    OPTION_ID, /* an id of the platform: digits */
    OPTION_URL,
    OPTION_FILE,
    OPTION_ADDRESS,
    OPTION_SECRET,
    OPTION_ENUM,
    OPTION_WORDS, /* several of the words, or "none" alone: bits in the order of the words */
    OPTION_LIST,
    OPTION_ORIGINS, /* a list of origins as browsers send them, or "*" */
    OPTION_RANGES,  /* a list of addresses and CIDR ranges */
    OPTION_FILES,   /* a list of files that must be readable */
    OPTION_URLS,    /* a list of base URLs */
    OPTION_FAULTS,  /* a list of faults of the sandbox */
    OPTION_SPREAD,  /* a time, with how far it varies: 50ms+-10ms */
    OPTION_KEYS,
    OPTION_CERTIFICATES, /* client certificates, and the caller that each one means */
    OPTION_LISTENERS,
    OPTION_TENANTS
};

struct option_row {
    const char *key; /* "upstream.timeout_ms" */
    enum option_type type;
    size_t offset;   /* in struct config */
    const char *def; /* as written in YAML */
    int64_t min, max;
    /* ENUM, WORDS: the words, "keys passthrough". ADDRESS: which other forms are allowed, "unix none". SECRET:
     * "NAME=VALUE" where it holds headers. */
    const char *words;
    const char *old_env; /* space separated old names; NULL none */
    const char *help;    /* one line */
    bool at_start;       /* a change takes effect at the next start only */
    bool may_be_empty;   /* of a URL: although there is one by default */
};

/* All rows, in order. */
const struct option_row *config_options(size_t *out_n);
/* Writes the bits of an OPTION_WORDS as words, "keys,passthrough"; "none" if no bit is set. */
void option_print_words(const struct option_row *row, unsigned bits, struct buf *out);

/* Calls on_change for each option that differs, also where only a secret or the content of a file differs. False: no
 * option differs. */
typedef void (*config_change_fn)(void *context, const struct option_row *row);
bool config_changes(const struct config *before, const struct config *after,
                    config_change_fn on_change, void *context);
/* Whether the option belongs to the TLS of a listener: certificates, keys, client authorities, server.listeners. */
bool config_is_tls(const struct option_row *row);
/* Whether a change of this option waits for the next start: options with at_start, another address to listen on, and
 * TLS that is switched on or off. */
bool config_change_waits(const struct config *running, const struct config *fresh,
                         const struct option_row *row);
/* "limits.per_key: 1000 -> 500". For a secret it says only that it differs; for keys and tenants it gives the names. */
void config_print_change(const struct config *before, const struct config *after,
                         const struct option_row *row, struct buf *out);
/* Each option whose change waits (config_change_waits) gets the value of `running` back. */
void config_keep(struct config *fresh, const struct config *running);

#endif
