#include "base/check.h"
#include "base/host.h"
#include "base/mem.h"

/* A range, and the place of the IPv4 address that the addresses in it embed, if they do. */
struct special {
    const char *range;
    int v4_at;      /* byte of the embedded address; 0: the whole range is set aside */
    bool is_hidden; /* the embedded address has all bits inverted (Teredo) */
};

static const struct special specials[] = {
    {"0.0.0.0/8", 0, false},      {"10.0.0.0/8", 0, false},     {"100.64.0.0/10", 0, false},
    {"127.0.0.0/8", 0, false},    {"169.254.0.0/16", 0, false}, {"172.16.0.0/12", 0, false},
    {"192.0.0.0/24", 0, false},   {"192.0.2.0/24", 0, false},   {"192.88.99.0/24", 0, false},
    {"192.168.0.0/16", 0, false}, {"198.18.0.0/15", 0, false},  {"198.51.100.0/24", 0, false},
    {"203.0.113.0/24", 0, false}, {"224.0.0.0/4", 0, false},    {"240.0.0.0/4", 0, false},
    {"::/128", 0, false},         {"::1/128", 0, false},        {"100::/64", 0, false},
    {"2001:db8::/32", 0, false},  {"2001:2::/48", 0, false},    {"2001:10::/28", 0, false},
    {"3fff::/20", 0, false},      {"5f00::/16", 0, false},      {"64:ff9b:1::/48", 0, false},
    {"fc00::/7", 0, false},       {"fe80::/10", 0, false},      {"fec0::/10", 0, false},
    {"ff00::/8", 0, false},       {"::/96", 12, false},         {"64:ff9b::/96", 12, false},
    {"2002::/16", 2, false},      {"2001::/32", 4, false},      {"2001::/32", 12, true},
};

static void embedded(const uint8_t address[16], const struct special *special, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    mem_copy(out, mapped, sizeof(mapped));
    for (int i = 0; i < 4; i++) {
        uint8_t byte = address[special->v4_at + i];

        out[12 + i] = special->is_hidden ? (uint8_t)~byte : byte;
    }
}

static bool is_plain_public(const uint8_t address[16])
{
    for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
        struct ip_range range;

        CHECK(ip_range_parse(str_from(specials[i].range), &range));
        if (specials[i].v4_at == 0 && ip_range_holds(&range, address)) {
            return false;
        }
    }
    return true;
}

bool ip_address_is_public(const uint8_t address[16])
{
    if (!is_plain_public(address)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(specials) && !ip_address_is_v4(address); i++) {
        struct ip_range range;
        uint8_t inner[16];

        CHECK(ip_range_parse(str_from(specials[i].range), &range));
        if (specials[i].v4_at > 0 && ip_range_holds(&range, address)) {
            embedded(address, &specials[i], inner);
            if (!is_plain_public(inner)) {
                return false;
            }
        }
    }
    return true;
}
