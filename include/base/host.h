/* Hosts, ports and address ranges as text (RFC 3986 section 3.2.2, RFC 9110 section 7.2). */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

/* HOST, HOST:PORT or [V6]:PORT. HOST is empty, an address, or a name whose labels are not empty.
 * PORT is empty or 0 to 65535. A comma is refused although the RFC allows it in a name: it may join two header
 * fields. */
bool authority_is_sound(struct str text);
/* Splits a sound authority. out_port is empty where no port is given. The host keeps its brackets. */
void authority_split(struct str text, struct str *out_host, struct str *out_port);

/* A host that can be looked up: a name of letters, digits, hyphens and underscores between single dots
 * (no label empty or longer than 63, 253 in all; one dot may end it), an IPv4 address, or an IPv6
 * address in brackets. A host whose last label is a number must be an IPv4 address. */
bool host_is_sound(struct str host) MUST_CHECK;
/* localhost, 127.0.0.0/8, ::1 with or without brackets; not a name that only begins so. */
bool host_is_loopback(struct str host);

/* 10.0.0.0/8, 192.0.2.7, fd00::/8. IPv4 addresses are held in their IPv6 form. */
struct ip_range {
    uint8_t bytes[16];
    unsigned bits;
};

bool ip_range_parse(struct str text, struct ip_range *out) MUST_CHECK;
bool ip_range_holds(const struct ip_range *range, const uint8_t address[16]);
/* "127.0.0.1", "::1", "127.0.0.1:5234", "[::1]" or "[::1]:5234"; IPv4 in its IPv6 form. */
bool ip_address_parse(struct str text, uint8_t out[16]) MUST_CHECK;
bool ip_address_is_v4(const uint8_t address[16]);
bool ip_address_is_loopback(const uint8_t address[16]); /* 127.0.0.0/8, ::1 */
/* An address of the public internet: in none of the ranges that the registries of special-purpose
 * addresses set aside (https://www.iana.org/assignments/iana-ipv4-special-registry and
 * iana-ipv6-special-registry). An IPv6 address that stands for an IPv4 one (mapped, compatible,
 * NAT64, 6to4, Teredo) is public only if that IPv4 address is public, too. */
bool ip_address_is_public(const uint8_t address[16]);

#endif
