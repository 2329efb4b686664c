/* Where others are (URLs), where we listen (addresses). */
#include "harness/cmocka.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/address.h"
#include "base/url.h"

static void a_url_is_read_in_its_parts(void **state)
{
    static const struct {
        const char *text;
        const char *host;
        const char *port;
        const char *path;
        bool user;
        bool query;
        bool fragment;
    } rows[] = {
        {"https://api.example/api", "api.example", "", "/api", false, false, false},
        {"HTTP://127.0.0.1:8080", "127.0.0.1", "8080", "", false, false, false},
        {"http://[::1]:9000/", "[::1]", "9000", "/", false, false, false},
        {"https://me:pa@ss@h.example/x?y#z", "h.example", "", "/x", true, true, true},
        {"https://h?x=1", "h", "", "", false, true, false},
        {"https://h#x?y", "h", "", "", false, false, true},
        {"https://@h/", "h", "", "/", true, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url url = {0};
        struct error err = {0};

        if (url_read(str_from(rows[i].text), &url, &err) != ERR_OK) {
            fail_msg("%s: %s", rows[i].text, err.text);
        }
        assert_true(str_is(url.host, rows[i].host));
        assert_true(str_is(url.port, rows[i].port));
        assert_true(str_is(url.path, rows[i].path));
        assert_int_equal(url.has_user, rows[i].user);
        assert_int_equal(url.has_query, rows[i].query);
        assert_int_equal(url.has_fragment, rows[i].fragment);
    }
}

static void what_is_not_a_url_is_refused_and_not_quoted(void **state)
{
    static const char *const texts[] = {
        "",
        "h.example",
        "ftp://h.example",
        "http:/h.example",
        "http://",
        "http:///api",
        "http://:80/",
        "http://h:99999/",
        "http://h:0/",
        "http://h:/",
        "http://h:80x/",
        "http://h:-1/",
        "http://a b/",
        "http://h/a b",
        "http://h/\x01",
        "http://h/\xC3\xB6",
        "http://[::1/",
        "http://[::1]x/",
        "http://[1.2.3.4]/",
        "http://.h/",
        "http://-h/",
        "https://h..x/",
        "http://h..",
        "http://a.1.2.300/",
        "http://u:secret@h:99999/",
        "http://h,i/",
        "http://h/<x>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct url url = {0};
        struct error err = {0};

        if (url_read(str_from(texts[i]), &url, &err) == ERR_OK) {
            fail_msg("\"%s\" was taken", texts[i]);
        }
        assert_true(err.text[0] != '\0');
        assert_false(str_contains(str_from(err.text), STR("secret")));
    }
}

static void an_address_is_an_ip_address_and_a_port(void **state)
{
    static const struct {
        const char *text;
        const char *host; /* NULL: refused */
        unsigned port;
        bool loopback;
    } rows[] = {
        {"127.0.0.1:8000", "127.0.0.1", 8000, true},
        {"localhost:0", "127.0.0.1", 0, true},
        {"[::1]:9000", "::1", 9000, true},
        {":8000", "0.0.0.0", 8000, false},
        {"*:8000", "0.0.0.0", 8000, false},
        {"10.1.2.3:65535", "10.1.2.3", 65535, false},
        {"[fe80::1%eth0]:80", "fe80::1%eth0", 80, false},
        {"8000", NULL, 0, false},
        {"", NULL, 0, false},
        {"127.0.0.1", NULL, 0, false},
        {"127.0.0.1:", NULL, 0, false},
        {"127.0.0.1:65536", NULL, 0, false},
        {"127.0.0.1:-1", NULL, 0, false},
        {"127.0.0.1:80x", NULL, 0, false},
        {"::1:9000", NULL, 0, false},
        {"127.0.0.256:80", NULL, 0, false},
        {"127.evil.example:80", NULL, 0, false},
        {"proxy.example:80", NULL, 0, false},
        {"http://127.0.0.1:80", NULL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address address = {.host = ""};
        struct error err = {0};
        bool taken = address_read(str_from(rows[i].text), &address, &err) == ERR_OK;

        if (taken != (rows[i].host != NULL)) {
            fail_msg("\"%s\" was %s: %s", rows[i].text, taken ? "taken" : "refused", err.text);
        }
        if (taken) {
            assert_string_equal(address.host, rows[i].host);
            assert_int_equal(address.port, rows[i].port);
            assert_int_equal(address.is_loopback, rows[i].loopback);
        } else {
            assert_true(str_contains(str_from(err.text), str_from(rows[i].text)));
        }
    }
}

static void a_password_in_an_address_is_not_shown(void **state)
{
    static const char *const hidden[] = {"https://me:pa55@h/x", "https://pa55@h", "me:pa55@h:80",
                                         "https://me:pa/55@h",  "unix:me@h",      "ftp://a/b@pa55",
                                         "//me:pa55@h"};
    static const char *const shown[] = {"https://h/x", "/run/a@b:80", "me@h", "POST /x:503@1%", ""};
    struct address address;
    struct error err = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        assert_true(str_is(url_shown(str_from(hidden[i]), 80), "***"));
    }
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        assert_true(str_is(url_shown(str_from(shown[i]), 80), shown[i]));
    }
    assert_true(str_is(url_shown(STR("https://h/x"), 5), "https"));
    assert_int_equal(address_read(STR("http://me:pa55@h:80"), &address, &err), ERR_INVALID);
    assert_false(str_contains(str_from(err.text), STR("pa55")));
}

static void a_unix_socket_has_an_absolute_path_that_fits(void **state)
{
    static const char *const bad[] = {"unix:", "unix:run/proxy.sock", "unix:/", "unix:/run/",
                                      "/run/x"};
    char path[ADDRESS_PATH_MAX];
    char longest[5 + ADDRESS_PATH_MAX + 1];
    struct error err = {0};

    (void)state;
    assert_true(address_is_unix(STR("unix:/run/proxy.sock")));
    assert_false(address_is_unix(STR("127.0.0.1:80")));
    assert_int_equal(address_read_unix(STR("unix:/run/proxy.sock"), path, &err), ERR_OK);
    assert_string_equal(path, "/run/proxy.sock");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(address_read_unix(str_from(bad[i]), path, &err), ERR_INVALID);
        assert_true(str_contains(str_from(err.text), str_from(bad[i])));
    }
    memset(longest, 'x', sizeof(longest));
    str_copy(longest, sizeof(longest), STR("unix:/"));
    longest[6] = 'x';
    assert_int_equal(address_read_unix((struct str){longest, 5 + ADDRESS_PATH_MAX}, path, &err),
                     ERR_INVALID);
    assert_int_equal(address_read_unix((struct str){longest, 4 + ADDRESS_PATH_MAX}, path, &err),
                     ERR_OK);
}

static void an_address_is_named_as_it_is_read(void **state)
{
    static const char *const texts[] = {"127.0.0.1:80", "255.255.255.255:65535", "[::1]:0",
                                        "[ffff:fff1:fff2:fff3:fff4:fff5:fff6:fff7]:65535"};
    char name[ADDRESS_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct sockaddr_storage storage = {0};
        struct sockaddr_in *v4 = (void *)&storage;
        struct sockaddr_in6 *v6 = (void *)&storage;
        struct address address = {.host = ""};
        struct error err = {0};

        assert_int_equal(address_read(str_from(texts[i]), &address, &err), ERR_OK);
        storage.ss_family = address.is_v6 ? AF_INET6 : AF_INET;
        *(address.is_v6 ? &v6->sin6_port : &v4->sin_port) = htons(address.port);
        assert_int_equal(inet_pton(storage.ss_family, address.host,
                                   address.is_v6 ? (void *)&v6->sin6_addr : &v4->sin_addr),
                         1);
        assert_int_equal(address_name(&storage, name), address.port);
        assert_string_equal(name, texts[i]);
    }
}

int test_places(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_read_in_its_parts),
        cmocka_unit_test(what_is_not_a_url_is_refused_and_not_quoted),
        cmocka_unit_test(an_address_is_an_ip_address_and_a_port),
        cmocka_unit_test(an_address_is_named_as_it_is_read),
        cmocka_unit_test(a_password_in_an_address_is_not_shown),
        cmocka_unit_test(a_unix_socket_has_an_absolute_path_that_fits),
    };

    return cmocka_run_group_tests_name("URLs and addresses", tests, NULL, NULL);
}
