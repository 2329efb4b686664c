/* conf/virtuoso-proxy.yaml documents every option with its default: held against the table here. */
#include <fcntl.h>
#include <unistd.h>

#include "harness/cmocka.h"

#include "base/buf.h"
#include "config/config.h"
#include "config/option.h"
#include "data/node.h"

enum { FILE_MAX = 256 * 1024 };

static void read_conf(struct buf *out)
{
    int fd = open(VP_SOURCE_DIR "/conf/virtuoso-proxy.yaml", O_RDONLY);
    char *room;
    ssize_t n;

    assert_true(fd >= 0);
    buf_init(out, FILE_MAX);
    room = buf_reserve(out, FILE_MAX);
    n = read(fd, room, FILE_MAX);
    assert_true(n > 0 && n < FILE_MAX);
    buf_grew(out, (size_t)n);
    assert_int_equal(close(fd), 0);
}

static const struct node *find(const struct node *map, struct str key)
{
    struct str name;
    struct str rest;

    (void)str_cut(key, '.', &name, &rest);
    for (const struct node *child = map->first; child != NULL; child = child->next) {
        if (str_eq(child->key, name)) {
            return rest.len > 0 ? find(child, rest) : child;
        }
    }
    return NULL;
}

/* Groups stand in groups: auth: {jwt: {...}}. */
static size_t count_values(const struct node *map)
{
    size_t n = 0;

    for (const struct node *child = map->first; child != NULL; child = child->next) {
        n += child->type == NODE_MAP ? count_values(child) : 1;
    }
    return n;
}

static void the_file_has_every_option_with_its_default(void **state)
{
    struct arena arena;
    struct node_stream stream;
    struct error_list errors;
    struct buf text;
    size_t n;
    const struct option_row *rows = config_options(&n);

    (void)state;
    arena_init(&arena);
    error_list_init(&errors);
    read_conf(&text);
    assert_int_equal(yaml_parse(&arena, buf_view(&text), NULL, &stream, &errors), ERR_OK);
    for (size_t i = 0; i < n; i++) {
        const struct node *node = find(stream.documents, str_from(rows[i].key));

        if (node == NULL) {
            fail_msg("%s is not in conf/virtuoso-proxy.yaml", rows[i].key);
            continue;
        }
        if (node->type == NODE_LIST) {
            assert_string_equal(rows[i].def, "[]");
            assert_int_equal(node->n_children, 0);
        } else if (!str_is(node->text, rows[i].def)) {
            fail_msg("%s: the file says %.*s, the table %s", rows[i].key, STR_ARG(node->text),
                     rows[i].def);
        }
    }
    assert_int_equal(count_values(stream.documents), n);
    buf_done(&text);
    error_list_done(&errors);
    arena_done(&arena);
}

static void every_row_has_help_and_an_environment_name_of_its_own(void **state)
{
    size_t n;
    const struct option_row *rows = config_options(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(rows[i].help);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(rows[i].key, rows[k].key);
        }
    }
}

int test_conf_file(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_has_every_option_with_its_default),
        cmocka_unit_test(every_row_has_help_and_an_environment_name_of_its_own),
    };

    return cmocka_run_group_tests_name("config file", tests, NULL, NULL);
}
