/* The header of the PROXY protocol, whole and byte by byte. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/mem.h"
#include "net/proxy_header.h"

int test_proxy_header(void);

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_PART   "\xCB\x00\x71\x09\xC0\x00\x02\x01\x04\xD2\x00\x50"
#define V6_PART                                                                                    \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07"                                                   \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x04\xD2\x00\x50"

static void headers_are_read_however_they_arrive(void **state)
{
    const struct {
        struct str bytes;
        const char *client;
    } rows[] = {
        {STR("PROXY TCP4 203.0.113.9 192.0.2.1 1234 80\r\n"), "203.0.113.9:1234"},
        {STR("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
         "255.255.255.255:65535"},
        {STR("PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n"), "[2001:db8::7]:1234"},
        {STR("PROXY UNKNOWN\r\n"), ""},
        {STR("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), ""},
        {STR(SIGNATURE "\x20\x00\x00\x00"), ""},
        {STR(SIGNATURE "\x20\x11\x00\x0C" V4_PART), ""}, /* LOCAL, whatever it holds */
        {STR(SIGNATURE "\x21\x00\x00\x00"), ""},
        {STR(SIGNATURE "\x21\x11\x00\x0C" V4_PART), "203.0.113.9:1234"},
        {STR(SIGNATURE "\x21\x11\x00\x10" V4_PART "\x04\x00\x01\x61"), "203.0.113.9:1234"},
        {STR(SIGNATURE "\x21\x21\x00\x24" V6_PART), "[2001:db8::7]:1234"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct proxy_header header;

        for (size_t n = 0; n < rows[i].bytes.len; n++) {
            assert_int_equal(proxy_header_read(str_sub(rows[i].bytes, 0, n), &header), PROXY_MORE);
        }
        assert_int_equal(proxy_header_read(rows[i].bytes, &header), PROXY_DONE);
        assert_int_equal(header.len, rows[i].bytes.len);
        assert_string_equal(header.client, rows[i].client);
    }
}

static void the_longest_header_ends(void **state)
{
    static char bytes[PROXY_HEADER_MAX + 1];
    struct proxy_header header;
    size_t rest = PROXY_HEADER_MAX - 16;

    (void)state;
    memset(bytes, 'x', sizeof(bytes));
    mem_copy(bytes, SIGNATURE "\x21\x11\x00\x00" V4_PART, 28);
    bytes[14] = (char)(rest >> 8);
    bytes[15] = (char)(rest & 0xFF);
    assert_int_equal(proxy_header_read((struct str){bytes, PROXY_HEADER_MAX - 1}, &header),
                     PROXY_MORE);
    assert_int_equal(proxy_header_read((struct str){bytes, PROXY_HEADER_MAX}, &header), PROXY_DONE);
    bytes[15] = (char)((rest + 1) & 0xFF);
    assert_int_equal(proxy_header_read((struct str){bytes, 16}, &header), PROXY_BAD);
    mem_copy(bytes, "PROXY UNKNOWN ", 14);
    assert_int_equal(proxy_header_read((struct str){bytes, 106}, &header), PROXY_MORE);
    assert_int_equal(proxy_header_read((struct str){bytes, 107}, &header), PROXY_BAD);
}

int test_proxy_header(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_however_they_arrive),
        cmocka_unit_test(the_longest_header_ends),
    };

    return cmocka_run_group_tests_name("net/proxy_header", tests, NULL, NULL);
}
