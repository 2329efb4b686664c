/* The configuration while it is being built: values with the place they came from. */
#ifndef CONFIG_INTERNAL_H
#define CONFIG_INTERNAL_H

#include "base/arena.h"
#include "config/config.h"
#include "data/node.h"

/* What config_load returns is the first member of this. */
struct config_box {
    struct config config;
    struct arena arena; /* all texts and lists */
};

struct loader {
    struct config_box *box;
    struct error_list *errors;
    const char *file;  /* for messages */
    const char *place; /* "PORT" or "--set"; NULL: the file, by line and column */
    unsigned line;
    unsigned column;
};

/* All of them report through loader_fail, which names the place; false: failed. */
void loader_fail(struct loader *loader, const char *format, ...) PRINTF_LIKE(2, 3);
bool option_set(struct loader *loader, const struct option_row *row, struct str text);
bool option_set_list(struct loader *loader, const struct option_row *row, const struct str *items,
                     size_t n);
bool option_is_list(const struct option_row *row);
const struct option_row *option_find(struct str key);
void option_unknown(struct loader *loader, struct str key);
/* keys.c */
bool keys_from_node(struct loader *loader, const struct node *node);
bool keys_from_text(struct loader *loader,
                    struct str text); /* separated by commas, spaces or lines */
bool read_secret_file(struct loader *loader, struct str name, struct buf *out);
void *option_field(const struct config *config, const struct option_row *row);
/* environment.c */
void load_environment(struct loader *loader, const char *const *environment);
/* judge.c */
bool address_is_sound(struct str address);
bool judge_origin(struct loader *loader, struct str origin);
bool judge_range(struct loader *loader, const struct option_row *row, struct str range);
void config_judge(struct loader *loader);

#endif
