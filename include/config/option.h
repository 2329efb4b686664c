/* The options as rows (src/config/options.c), and what differs between two configurations: which
 * options, whether that takes effect while the server runs, and how it is told. */
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
    OPTION_ID, /* of the platform: digits */
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
    OPTION_CERTIFICATES, /* of clients, and whom they stand for */
    OPTION_LISTENERS,
    OPTION_TENANTS
};

struct option_row {
    const char *key; /* "upstream.timeout_ms" */
    enum option_type type;
    size_t offset;   /* in struct config */
    const char *def; /* as written in YAML */
    int64_t min, max;
    /* ENUM, WORDS: "keys passthrough". ADDRESS: the further forms, of "unix none". SECRET: "NAME=VALUE" for headers. */
    const char *words;
    const char *old_env; /* space separated old names; NULL none */
    const char *help;    /* one line */
    bool at_start;       /* a change takes effect at the next start only */
};

/* All rows, in order. */
const struct option_row *config_options(size_t *out_n);
/* Writes the bits of an OPTION_WORDS as they are configured: "keys,passthrough"; without a bit "none". */
void option_print_words(const struct option_row *row, unsigned bits, struct buf *out);

/* Tells each option whose value differs (a secret's or a file's content, too). False: none does. */
typedef void (*config_change_fn)(void *context, const struct option_row *row);
bool config_changes(const struct config *before, const struct config *after,
                    config_change_fn on_change, void *context);
/* What TLS of a listener is made of. */
bool config_is_tls(const struct option_row *row);
/* Whether a change of this option takes effect at the next start only: those at_start, where we listen, and whether
 * there is TLS. */
bool config_change_waits(const struct config *running, const struct config *fresh,
                         const struct option_row *row);
/* "limits.per_key: 1000 -> 500"; of secrets only that they differ, of keys and tenants their names. */
void config_print_change(const struct config *before, const struct config *after,
                         const struct option_row *row, struct buf *out);
/* Those whose change waits get their running value. */
void config_keep(struct config *fresh, const struct config *running);

#endif
