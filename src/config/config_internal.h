/* The configuration while it is being built: the loader, and what the files of the room share. */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "base/arena.h"
#include "base/fd.h"
#include "base/url.h"
#include "config/config.h"
#include "config/option.h"
#include "crypto/digest.h"
#include "data/node.h"

/* A file that was read: the configuration itself, a secret or a certificate. */
struct config_file {
    const char *path;
    struct digest content;
};

/* The two fields of struct config that hold an option of type list. */
struct config_texts {
    const struct str *items;
    size_t n;
};

enum { CONFIG_UNREAD_MAX = 20 };

/* The memory behind a configuration. config_load returns the address of its first member. */
struct config_box {
    struct config config;
    struct arena arena; /* all texts and lists */
    struct config_file *files;
    size_t n_files;
    const char *unread[CONFIG_UNREAD_MAX]; /* warnings about names of the environment */
    size_t n_unread;
    unsigned n_holders;
};

#define PLACE_DEFAULT "default" /* loader.place while defaults are set */

enum { OPTIONS_MAX = 256, CONFIG_FILE_MAX = 1024 * 1024 };

/* A name of the environment that gives an option its value. */
struct variable {
    struct str name;
    const struct option_row *row;
    bool is_own;  /* VIRTUOSO_PROXY_...; else an old one */
    bool is_file; /* NAME_FILE: names a file that holds the value */
};

struct loader {
    struct config_box *box;
    struct error_list *errors;
    const char *file;  /* for messages */
    const char *list;  /* the list of maps that is being read: "auth.keys" */
    const char *place; /* "PORT" or "--set"; NULL: the file, by line and column */
    unsigned line;
    unsigned column;
    const char *const *environment;
    struct variable *variables; /* all names that are read */
    size_t n_variables;
    const struct config_secrets *secrets; /* as in config_sources */
    bool is_given[OPTIONS_MAX];           /* by row: set by anything but its default */
    bool names_no_key;                    /* auth.keys was given as a text without a key */
    bool sends_nothing;                   /* as in config_sources */
    bool must_be_whole;                   /* as in config_sources */
    bool unread;              /* a part of the file was not read: a missing option may be there */
    bool failed[OPTIONS_MAX]; /* by row: the value was refused, so no further error is reported
                               * about it */
};

/* Messages show at most this many bytes of a value, by "%.*s". */
enum { SHOWN_MAX = 80 };

#define SHOWN(text)      STR_ARG(url_shown(text, SHOWN_MAX))
#define SHOWN_FILE(path) STR_ARG(url_shown(path, SIZE_MAX)) /* it may be an address by mistake */

/* These functions report errors through loader_fail, which names the place; false: failed. loader_fail returns false,
 * so that they can write `return loader_fail(loader, "...")`. */
bool loader_fail(struct loader *loader, const char *format, ...) PRINTF_LIKE(2, 3);
bool option_set(struct loader *loader, const struct option_row *row, struct str text);
void option_set_from_file(struct loader *loader, const struct option_row *row, struct str name);
bool option_set_list(struct loader *loader, const struct option_row *row, const struct str *items,
                     size_t n);
bool option_is_list(const struct option_row *row);
void loader_mark_failed(struct loader *loader, const struct option_row *row);
bool loader_has_failed(const struct loader *loader, const char *key);
const struct option_row *option_find(struct str key);
void option_unknown(struct loader *loader, struct str key);

/* maps.c: options that are lists of maps. A table of the members that an entry may have serves to read, print and
 * compare the entries. */
enum { MAP_NAME_MAX = 64 };

struct map_reading {
    struct loader *loader;
    const struct map_member *member;
    const struct node *node; /* the member's value */
    void *entry;
    unsigned n_keys; /* how many members with is_key were read */
};

struct map_member {
    const char *name;
    bool (*take)(struct map_reading *reading, void *field); /* false: refused and reported */
    /* Writes the value as YAML, or nothing if the entry has no value. NULL: the member is never printed. */
    void (*put)(struct buf *out, const struct map_member *member, const void *entry);
    size_t at;          /* of the field in the entry */
    const char *option; /* whose rules the member has; with take_either its two words; NULL: none */
    bool is_key;        /* an entry has exactly one member of this sort */
    const char *list;   /* the only list that has the member; NULL: all */
};

struct map_list {
    const struct map_member *members; /* the first one names the entry in messages */
    size_t n_members;
    size_t entry_bytes;
    const void *blank;   /* an entry without any member; NULL: zeroed */
    const char *example; /* of an entry, for messages */
    /* Judges an entry after it was read; it is the last one of its list. False: refused and reported. */
    bool (*judge)(struct loader *loader, void *entry, unsigned n_keys);
    bool (*take_text)(struct loader *loader, struct str text); /* a text as entry; NULL: refused */
};

bool map_text(struct map_reading *reading, void *field);   /* struct str */
bool map_name(struct map_reading *reading, void *field);   /* struct str, short */
bool map_number(struct map_reading *reading, void *field); /* unsigned */
bool map_secret(struct map_reading *reading, void *field); /* struct secret; `option` for errors */
void put_text(struct buf *out, const struct map_member *member, const void *entry);
void put_number(struct buf *out, const struct map_member *member, const void *entry);
void put_secret(struct buf *out, const struct map_member *member, const void *entry);
const void *map_field(const struct map_member *member, const void *entry);
const struct map_list *map_list_of(const struct option_row *row); /* NULL: it is no list of maps */
size_t map_count(const struct config *config, const struct option_row *row);
void *map_entry(const struct config *config, const struct option_row *row, size_t index);
/* Adds a blank entry. NULL: there are too many, which was reported. */
void *map_add(struct loader *loader, const struct option_row *row);
bool maps_from_node(struct loader *loader, const struct option_row *row, const struct node *node);
/* Takes an empty list only: entries can be written only in the file. */
bool maps_from_text(struct loader *loader, const struct option_row *row, struct str text);
void maps_clear(struct config *config, const struct option_row *row); /* its secrets are wiped */
void maps_print(struct buf *out, const struct config *config, const struct option_row *row);
/* Compares the secrets, too. */
bool map_is_same_entry(const struct map_list *list, const void *a, const void *b);
bool maps_are_same(const struct config *before, const struct config *after,
                   const struct option_row *row);
/* keys.c */
extern const struct map_list keys_list, certificates_list;
/* The text is a list in the form of list_read. */
bool keys_from_text(struct loader *loader, const struct option_row *row, struct str text);
/* listeners.c */
extern const struct map_list listeners_list;
void listeners_judge(struct loader *loader, struct config *config); /* fills server.all */
void listeners_keep(struct config_box *box, const struct config *running);
typedef bool (*same_file_fn)(const struct config *before, const struct config *after,
                             struct str file);
/* Whether is_same holds for every file of server.listeners. */
bool listeners_have_same_files(const struct config *before, const struct config *after,
                               same_file_fn is_same);
/* `what` names the option in messages; NULL: the place names it. */
bool read_secret_file(struct loader *loader, const char *what, struct str name, struct buf *out);
void wipe_secret_file(struct buf *text); /* ends read_secret_file's `out`, also after a failure */

/* reference.c: the value of a secret; "file:PATH", "env:NAME" and references to a service are looked up. `out` is
 * initialised in any case; wipe_secret_file ends it. `what` names the option in messages. */
enum { SECRET_TEXT_MAX = 1024 * 1024 };

bool read_secret(struct loader *loader, const char *what, struct str text, struct buf *out);
/* `what` for messages about the value that was found: a reference stands behind it, "upstream.token: env:NAME". */
const char *name_secret(struct loader *loader, const char *what, struct str text);
/* Takes the secrets below secrets.tree for those options that no other source has set. */
void load_tree(struct loader *loader);
void option_note_given(struct loader *loader, const struct option_row *row);
bool option_is_given(const struct loader *loader, const char *key);
/* keys.c: adds a key, unless one has this name already. The caller wipes the text. */
bool keys_add(struct loader *loader, const char *name, struct str text);
/* tenants.c */
extern const struct map_list tenants_list;
/* change.c */
struct config_texts texts_copy(struct arena *arena, const struct str *items, size_t n);
/* text.c. file_is_readable also notes the file (loader_note_file); an empty path names no file, which is fine. */
/* The path of a base URL, to which the paths of requests are appended. With a dot segment or a broken escape in it no
 * request could be sent. */
bool url_path_is_sound(struct loader *loader, struct str path);
bool url_is_sound(struct loader *loader, const struct option_row *row, struct str text);
bool file_is_readable(struct loader *loader, const struct option_row *row, const char *path);
void loader_note_file(struct loader *loader, const char *path, struct str content);

/* print.c: how a type of options is set and printed */
struct option_kind {
    bool (*set)(struct loader *loader, const struct option_row *row, struct str text);
    void (*print)(struct buf *out, const struct config *config, const struct option_row *row);
    size_t bytes; /* of a field that config_keep copies whole; 0: the field has texts */
};

const struct option_kind *option_kind_of(const struct option_row *row);
void print_texts(struct buf *out, const struct str *items, size_t n); /* [a, b] */
/* set.c */
bool set_bool(struct loader *loader, const struct option_row *row, struct str text);
bool set_number(struct loader *loader, const struct option_row *row, struct str text);
bool set_word(struct loader *loader, const struct option_row *row, struct str text);
bool set_list(struct loader *loader, const struct option_row *row, struct str text);
/* text.c */
bool set_text(struct loader *loader, const struct option_row *row, struct str text);
bool set_id(struct loader *loader, const struct option_row *row, struct str text);
/* Drops white space, quotes and a byte order mark around the id, which may be empty. False: refused and reported. */
bool id_from_text(struct loader *loader, const char *what, struct str text, struct str *out);
bool set_secret(struct loader *loader, const struct option_row *row, struct str text);
bool secret_from_text(struct loader *loader, const char *what, struct str text, struct secret *out);
/* disturb.c */
bool set_spread(struct loader *loader, const struct option_row *row, struct str text);
void print_spread(struct buf *out, const struct config *config, const struct option_row *row);
/* lists.c: takes the list in `text` apart. Items lie in `text` or in `room`; there are at most row->max. */
bool list_read(struct loader *loader, const struct option_row *row, struct str text,
               struct arena *room, const struct str **out, size_t *out_n);
void *option_field(const struct config *config, const struct option_row *row);
/* environment.c. load_place finds out where the program runs, and sets the defaults for there. */
void load_place(struct loader *loader);
struct str environment_get(const struct loader *loader, struct str name); /* empty: not set */
/* Calls `look` for each variable that is set, except those by which Kubernetes describes its services. */
void environment_each(struct loader *loader,
                      void (*look)(struct loader *loader, struct str name, struct str value));
void load_environment(struct loader *loader);
bool environment_is_ours(struct str name); /* has our prefix, or a misspelt one */
/* unread.c: called after all options are set */
void load_unread(struct loader *loader);
void load_lambda_log(struct loader *loader); /* AWS_LAMBDA_LOG_FORMAT, AWS_LAMBDA_LOG_LEVEL */
/* items.c: checks one entry of a list by the option's type */
bool item_is_sound(struct loader *loader, const struct option_row *row, struct str item);
/* judge.c */
void config_judge(struct loader *loader);

/* judge_auth.c */
void config_judge_auth(struct loader *loader, struct config *config);
void config_judge_token(struct loader *loader, const struct config *config);
/* judge_proxy.c */
void config_judge_proxy(struct loader *loader, const struct config *config);
/* judge_limits.c: fills class_rates and rule_rates. */
void config_judge_limits(struct loader *loader, struct config *config);
/* judge_store.c: does the URL begin with s3://, gs:// or firestore://? bucket_read tells what is wrong with such a URL;
 * NULL: nothing. The texts lie in the arena. */
bool bucket_is_meant(struct str url);
const char *bucket_read(struct arena *arena, struct str url, struct config_bucket *out);
/* Fills config->store.redis and config->store.bucket. */
void config_judge_store(struct loader *loader, struct config *config);
/* judge_runs.c */
void config_judge_runs(struct loader *loader, const struct config *config);
/* judge_events.c: fills the members that come from audit.url, artifacts.url and the endpoints of otel. */
void config_judge_events(struct loader *loader, struct config *config);
/* judge_files.c: whether it is a regular file that can be read; false: reported */
bool file_opens(struct loader *loader, const char *key, struct str file);
void config_judge_files(struct loader *loader, const struct config *config);

#endif
