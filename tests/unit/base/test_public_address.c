/* Which addresses are of the public internet: every range that is set aside, and every way to write an
 * IPv4 address in an IPv6 one. */
#include "harness/cmocka.h"

#include "base/host.h"

int test_public_address(void);

static void ranges_that_are_set_aside(void **state)
{
    static const char *const inside[] = {
        "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fc00::1", "fd12::1", "fe80::1", "fec0::1",
        "ff02::1", "2001:db8::1", "100::1", "64:ff9b:1::1",
        /* IPv4 inside IPv6: mapped, compatible, NAT64, 6to4, Teredo (server, client) */
        "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::10.0.0.1", "::127.0.0.1",
        "64:ff9b::10.0.0.1", "64:ff9b::7f00:1", "2002:a00:1::", "2002:7f00:1::1", "2001:0:a00:1::1",
        "2001:0:808:808::80ff:fffe", /* ~0x7f000001 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        uint8_t address[16];

        assert_true(ip_address_parse(str_from(inside[i]), address));
        if (ip_address_is_public(address)) {
            fail_msg("%s counts as public", inside[i]);
        }
    }
}

static void addresses_of_everybody(void **state)
{
    static const char *const outside[] = {
        "8.8.8.8",         "1.1.1.1",      "100.63.255.255", "100.128.0.1",      "172.15.0.1",
        "172.32.0.1",      "192.0.1.1",    "198.17.0.1",     "198.20.0.1",       "223.255.255.255",
        "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
        uint8_t address[16];

        assert_true(ip_address_parse(str_from(outside[i]), address));
        if (!ip_address_is_public(address)) {
            fail_msg("%s does not count as public", outside[i]);
        }
    }
}

int test_public_address(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_are_set_aside),
        cmocka_unit_test(addresses_of_everybody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
