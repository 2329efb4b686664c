/* Hosts, origins and ranges. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/buf.h"
#include "base/host.h"

static void authorities_follow_the_grammar(void **state)
{
    static const char *const sound[] = {
        "",      "a",        "a.example", "a:80",     "a:",          "127.0.0.1:8000",
        "[::1]", "[::1]:80", "[fe80::1]", "a%20b",    "A-b_c~!$&'*", "[::ffff:1.2.3.4]:1",
        "a:0",   "a:65535",  "a:00080",   "x.y.z.:1", "1234:80"};
    static const char *const broken[] = {
        "a:asd",     "a:-1", "a:+1",      "a:99999", "a:65536", "[::1", "[::1]x", "[::1]:x",
        "[]",        "[a]",  "[1.2.3.4]", "::1",     "a:1:2",   "a b",  "a,b",    "u@b",
        "a/b",       "a?b",  "a#b",       "a\"b",    "a<b",     "a\\b", "a%2",    "a%zz",
        "[::1%251]", "a: 1", "a:1 ",      "[::1]]",  "a]",      "{a}",  "a|b",    "a^b",
        "a`b",       "h..x", ".h",        "h..",     ".",       ".:80", "a..:1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
        if (!authority_is_sound(str_from(sound[i]))) {
            fail_msg("\"%s\" is sound", sound[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (authority_is_sound(str_from(broken[i]))) {
            fail_msg("\"%s\" is broken", broken[i]);
        }
    }
    assert_false(authority_is_sound(STR("a\0b")));
    assert_false(authority_is_sound(STR("\xc3\xb6.example")));
}

static const struct {
    const char *text;
    const char *right; /* NULL: the text itself */
} origins[] = {
    {"https://a.example", NULL},
    {"http://localhost:3000", NULL},
    {"https://a.example:8443", NULL},
    {"http://[::1]:5173", NULL},
    {"https://xn--bcher-kva.example", NULL},
    {"chrome-extension://abcdefgh", NULL},
    {"http://a", NULL},
    {"https://a.example:80", NULL},
    {"https://a/", "https://a"},
    {"https://a.example/app", "https://a.example"},
    {"https://a.example?x", "https://a.example"},
    {"https://a.example:443", "https://a.example"},
    {"http://a.example:80", "http://a.example"},
    {"https://A.Example", "https://a.example"},
    {"HTTPS://a.example", "https://a.example"},
    {"https://a.example:08443", "https://a.example:8443"},
    {"https://a.example:", "https://a.example"},
    {"a.example", "https://a.example"},
    {"a.example:8080/x", "https://a.example:8080"},
    {"localhost:3000", "http://localhost:3000"},
    {"https://[0:0::1]", "https://[::1]"},
    {"https://[::0001]:8443", "https://[::1]:8443"},
    {"https://[2001:DB8:0:0:1:0:0:1]", "https://[2001:db8::1:0:0:1]"},
    {"https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]"},
    {"https://[::ffff:c000:201]", NULL},
    {"https://[::1.2.3.4]", "https://[::102:304]"},
    {"https://[::]", NULL},
    {"https://a:0", ""},
    {"https://a.example:00", ""},
    {"https://*.a", ""},
    {"https://*", ""},
    {"/app", ""},
    {":443", ""},
    {"null", ""},
    {"NULL", ""},
    {"", ""},
    {"https://", ""},
    {"https://u@a", ""},
    {"https://a..example", ""},
    {"https://.a.example", ""},
    {"https://a.example..", ""},
    {"https://-a.example", ""},
    {"https://a-.example", ""},
    {"https://1.2.3.256", ""},
    {"https://1.2.3.4", NULL},
    {"https://a.example.", NULL},
    {"https://a:99999", ""},
    {"https://b\xc3\xbc"
     "cher.example",
     ""},
    {"://a", ""},
    {"https://a b", ""},
};

static void origins_are_what_browsers_send(void **state)
{
    char right[ORIGIN_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(origins); i++) {
        bool is_sound = origin_is_sound(str_from(origins[i].text), right);

        if (is_sound != (origins[i].right == NULL) ||
            strcmp(right, origins[i].right != NULL ? origins[i].right : origins[i].text) != 0) {
            fail_msg("\"%s\": %d \"%s\"", origins[i].text, is_sound, right);
        }
    }
}

static void hosts_can_be_looked_up(void **state)
{
    static const char *const sound[] = {"a",     "a.example", "a.example.", "A-1.b_c", "127.0.0.1",
                                        "[::1]", "1a",        "4.a",        "_srv.a"};
    static const char *const broken[] = {
        "",          ".",         "..",     "a..b",     ".a",         "a..",      "-a",
        "a-",        "a.-b",      "a.b-.c", "a b",      "a%20b",      "a,b",      "1.2.3",
        "1.2.3.4.5", "256.1.1.1", "a.1",    "1.2.3.4.", "[",          "[]",       "[a]",
        "::1",       "[1.2.3.4]", "*.a",    "a*",       "\xc3\xb6.a", "a.b.c.999"};
    char label[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b";
    struct buf name;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sound); i++) {
        if (!host_is_sound(str_from(sound[i]))) {
            fail_msg("\"%s\" is sound", sound[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (host_is_sound(str_from(broken[i]))) {
            fail_msg("\"%s\" is broken", broken[i]);
        }
    }
    assert_true(host_is_sound(str_from(label))); /* 63 */
    label[63] = 'a';
    assert_false(host_is_sound(str_from(label)));
    buf_init(&name, 1024);
    while (name.len < 252) {
        buf_text(&name, "a.");
    }
    buf_text(&name, "a");
    assert_true(host_is_sound(buf_view(&name))); /* 253 */
    buf_text(&name, "a");
    assert_false(host_is_sound(buf_view(&name)));
    buf_done(&name);
}

static void a_loopback_host_is_no_name_that_begins_so(void **state)
{
    static const char *const own[] = {"localhost", "LOCALHOST", "localhost.", "127.0.0.1",
                                      "127.9.9.9", "[::1]",     "::1"};
    static const char *const others[] = {"",          "localhost.a",  "127.a", "127.0.0.1.a",
                                         "128.0.0.1", "localhostess", "[::2]", "0.0.0.0"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        assert_true(host_is_loopback(str_from(own[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(host_is_loopback(str_from(others[i])));
    }
}

static bool holds(const char *range, const char *peer)
{
    struct ip_range parsed;
    uint8_t address[16];

    assert_true(ip_range_parse(str_from(range), &parsed));
    return ip_address_parse(str_from(peer), address) && ip_range_holds(&parsed, address);
}

static void addresses_are_read_in_each_form(void **state)
{
    static const char *const v4[] = {"192.0.2.7", "192.0.2.7:80", "::ffff:192.0.2.7",
                                     "[::ffff:192.0.2.7]:80"};
    static const char *const v6[] = {"2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"};
    static const char *const broken[] = {"",        "unknown",      "_hidden",
                                         "192.0.2", "[2001:db8::1", ":80"};
    uint8_t address[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(v4); i++) {
        assert_true(ip_address_parse(str_from(v4[i]), address));
        assert_true(ip_address_is_v4(address));
        assert_int_equal(address[15], 7);
    }
    for (size_t i = 0; i < ARRAY_LEN(v6); i++) {
        assert_true(ip_address_parse(str_from(v6[i]), address));
        assert_false(ip_address_is_v4(address));
        assert_int_equal(address[15], 1);
    }
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_false(ip_address_parse(str_from(broken[i]), address));
    }
}

static void ranges_hold_their_addresses(void **state)
{
    static const char *const broken[] = {"",          "a",     "10.0.0.0/33", "10.0.0/8", "::/129",
                                         "10.0.0.1/", "::1/x", "10.0.0.1:80", "[::1]",    "1/8"};
    struct ip_range range;

    (void)state;
    assert_true(holds("127.0.0.1", "127.0.0.1:5234"));
    assert_false(holds("127.0.0.1", "127.0.0.2:5234"));
    assert_true(holds("10.0.0.0/8", "10.255.1.2:1"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0:1"));
    assert_true(holds("10.1.2.3/8", "10.9.9.9:1"));
    assert_true(holds("0.0.0.0/0", "8.8.8.8:1"));
    assert_false(holds("0.0.0.0/0", "[2001:db8::1]:1"));
    assert_true(holds("::/0", "8.8.8.8:1"));
    assert_true(holds("::1", "[::1]:1"));
    assert_true(holds("fd00::/8", "[fd12::1]:1"));
    assert_false(holds("fd00::/8", "[fe12::1]:1"));
    assert_true(holds("10.0.0.0/9", "[::ffff:10.127.0.1]:1"));
    assert_false(holds("10.0.0.0/9", "10.128.0.1:1"));
    assert_false(holds("10.0.0.0/8", "nonsense"));
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        if (ip_range_parse(str_from(broken[i]), &range)) {
            fail_msg("\"%s\" is not a range", broken[i]);
        }
    }
}

int test_host(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(authorities_follow_the_grammar),
        cmocka_unit_test(hosts_can_be_looked_up),
        cmocka_unit_test(a_loopback_host_is_no_name_that_begins_so),
        cmocka_unit_test(origins_are_what_browsers_send),
        cmocka_unit_test(addresses_are_read_in_each_form),
        cmocka_unit_test(ranges_hold_their_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
