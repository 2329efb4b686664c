/* Origins as browsers send them. */
#include "harness/cmocka.h"

#include <string.h>

#include "config/origin.h"

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
    {"https://a.example:0443", "https://a.example"},
    {"http://a.example:00080", "http://a.example"},
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

int test_origin(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(origins_are_what_browsers_send)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
