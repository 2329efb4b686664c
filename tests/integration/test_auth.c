/* Who gets in, with the real binary: keys that `key new` made. */
#include "harness/cmocka.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/proxy.h"

enum { OUTPUT_MAX = 1 << 20, FILE_PATH_MAX = 512 };

/* The sandbox behind a proxy with this configuration. */
static void serve(struct proxy *proxy, const struct buf *yaml)
{
    char path[FILE_PATH_MAX];
    FILE *file;

    assert_true(snprintf(path, sizeof(path), "%s/auth-%d.yaml", VP_SCRATCH_DIR, (int)getpid()) > 0);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(yaml->ptr, 1, yaml->len, file), yaml->len);
    assert_int_equal(fclose(file), 0);
    *proxy = (struct proxy){0};
    arena_init(&proxy->arena);
    reply_init(&proxy->reply);
    program_serve(&proxy->program,
                  (const char *const[]){"serve", "--sandbox", "-c", path, "--listen", "127.0.0.1:0",
                                        "--sandbox-listen", "127.0.0.1:0", "--set",
                                        "drain.notice_ms=0", NULL},
                  NULL);
    assert_int_equal(remove(path), 0);
}

static int ask(struct proxy *proxy, const char *method, const char *target, const char *fields)
{
    (void)proxy_ask(proxy, method, target, fields, "");
    return proxy->reply.status;
}

static void a_new_key_is_what_it_was_made_as(void **state)
{
    static const char *const command[] = {
        "key",       "new",        "--name", "ci, {of} us: #1", "--permissions", "read,execute",
        "--expires", "2099-01-31", NULL};
    struct program program;
    struct proxy proxy;
    struct buf out;
    struct buf yaml;
    struct buf field;
    struct str key;
    struct str entry;

    (void)state;
    assert_int_equal(program_run(&program, command, NULL), 0);
    buf_init(&out, OUTPUT_MAX);
    buf_init(&yaml, OUTPUT_MAX);
    buf_init(&field, OUTPUT_MAX);
    program_output(&program, &out);
    assert_true(str_cut(buf_view(&out), '\n', &key, &entry));
    assert_false(str_contains(entry, key)); /* the configuration has its hash alone */
    buf_printf(&yaml, "log: {access: true}\nauth:\n  keys:\n    %.*s", STR_ARG(entry));
    serve(&proxy, &yaml);
    buf_printf(&field, "X-API-Key: %.*s\r\n", STR_ARG(key));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", buf_cstr(&field)), 200);
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: vp_0123456789\r\n"), 401);
    (void)proxy_ask(&proxy, "POST", "/api/projects", buf_cstr(&field), "{\"name\": \"mine\"}");
    assert_int_equal(proxy.reply.status, 403); /* neither of its permissions lets it write */
    assert_true(program_wrote(&proxy.program, "ci, {of} us: #1"));
    buf_clear(&out);
    program_output(&proxy.program, &out);
    program_errors(&proxy.program, &out);
    assert_false(str_contains(buf_view(&out), str_sub(buf_view(&field), 11, field.len - 2)));
    proxy_stop(&proxy);
    program_done(&program);
    buf_done(&out);
    buf_done(&yaml);
    buf_done(&field);
}

static void a_key_has_limits_of_its_own(void **state)
{
    struct proxy proxy;
    struct buf yaml;

    (void)state;
    buf_init(&yaml, OUTPUT_MAX);
    buf_text(&yaml, "auth:\n  keys:\n    - {name: slow, key: key-of-the-slow, rate: 1, burst: 3}\n"
                    "    - {name: half, key: key-of-the-half, rate: 5}\n"
                    "    - {name: early, key: key-of-the-early, not_before: 2099-01-01}\n"
                    "    - {name: all, key: key-of-all-others}\n");
    serve(&proxy, &yaml);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-slow\r\n"),
                         200);
        assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=3;w=3"));
    }
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-slow\r\n"), 429);
    assert_true(str_is(reply_field(&proxy.reply, "Retry-After"), "1"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-half\r\n"), 200);
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=10;w=2"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-all-others\r\n"), 200);
    assert_true(str_is(reply_field(&proxy.reply, "RateLimit-Policy"), "\"key\";q=2000;w=2"));
    assert_int_equal(ask(&proxy, "GET", "/api/v1/routes", "X-API-Key: key-of-the-early\r\n"), 401);
    assert_true(str_contains(reply_text(&proxy.reply), STR("not valid yet")));
    proxy_stop(&proxy);
    buf_done(&yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_what_it_was_made_as),
        cmocka_unit_test(a_key_has_limits_of_its_own),
    };

    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
