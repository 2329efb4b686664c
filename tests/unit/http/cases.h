/* Requests that get a refusal, and which; used against the parser and against a running server. */
#ifndef TESTS_UNIT_HTTP_CASES_H
#define TESTS_UNIT_HTTP_CASES_H

#include <stddef.h>

#define HOST    "Host: x\r\n"
#define CHUNKED "POST /now HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
#define POST    "POST /now HTTP/1.1\r\n" HOST
#define GET     "GET /now HTTP/1.1\r\n" HOST

struct refused_case {
    const char *what;
    const char *bytes;
    size_t len; /* with NUL bytes in it */
    int status;
};

#define CASE(what, bytes, status)                                                                  \
    {                                                                                              \
        (what), (bytes), sizeof(bytes) - 1, (status)                                               \
    }

/* Refused on the head: the service never hears of them. */
static const struct refused_case refused_heads[] = {
    /* the five that llhttp 8.1.0 lets through */
    CASE("bare CR in a header", GET "X-A: a\rX-B: b\r\n\r\n", 400),
    CASE("folded header, blank", GET "X-A: a\r\n b\r\n\r\n", 400),
    CASE("folded header, tab", GET "X-A: a\r\n\tb\r\n\r\n", 400),
    CASE("request line without a version", "GET /now\r\n" HOST "\r\n", 400),
    CASE("two Hosts", "GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    CASE("two equal Hosts", GET HOST "\r\n", 400),
    CASE("no Host", "GET /now HTTP/1.1\r\nX-A: a\r\n\r\n", 400),
    CASE("Transfer-Encoding on 1.0",
         "POST /now HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    /* framing */
    CASE("length and encoding",
         POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    CASE("encoding and length",
         POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    CASE("two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    CASE("two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    CASE("list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello", 400),
    CASE("length with plus", POST "Content-Length: +5\r\n\r\nhello", 400),
    CASE("length with minus", POST "Content-Length: -5\r\n\r\nhello", 400),
    CASE("length minus zero", POST "Content-Length: -0\r\n\r\n", 400),
    CASE("hexadecimal length", POST "Content-Length: 0x5\r\n\r\nhello", 400),
    CASE("empty length", POST "Content-Length:\r\n\r\n", 400),
    CASE("length overflows", POST "Content-Length: 18446744073709551621\r\n\r\nhello", 400),
    CASE("length with a vertical tab", POST "Content-Length: \v5\r\n\r\nhello", 400),
    CASE("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    CASE("gzip", POST "Transfer-Encoding: gzip\r\n\r\n", 501),
    CASE("identity", POST "Transfer-Encoding: identity\r\n\r\n", 501),
    CASE("xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    CASE("empty encoding", POST "Transfer-Encoding:\r\n\r\n", 501),
    CASE("chunked with a vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400),
    CASE("chunked twice",
         POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    CASE("blank before the colon of the encoding",
         POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    /* lines */
    CASE("bare LF", "GET /now HTTP/1.1\nHost: x\n\n", 400),
    CASE("bare LF in the middle", "GET /now HTTP/1.1\r\nHost: x\n\r\n", 400),
    CASE("bare LF at the end", "GET /now HTTP/1.1\r\nHost: x\r\n\n", 400),
    CASE("CR CR LF", "GET /now HTTP/1.1\r\nHost: x\r\r\n\r\n", 400),
    CASE("blank before the request line", " GET /now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("three empty lines", "\r\n\r\n\r\n" GET "\r\n", 400),
    CASE("blank before the first header", "GET /now HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    CASE("no colon", GET "nonsense\r\n\r\n", 400),
    CASE("no name", GET ": value\r\n\r\n", 400),
    CASE("blank in a name", GET "X A: b\r\n\r\n", 400),
    CASE("byte above 127 in a name", GET "X-\xc3\xa9: b\r\n\r\n", 400),
    CASE("NUL in a value", GET "X-A: a\0b\r\n\r\n", 400),
    CASE("NUL in a name", GET "X\0A: b\r\n\r\n", 400),
    CASE("control byte in a value", GET "X-A: a\001b\r\n\r\n", 400),
    CASE("DEL in a value", GET "X-A: a\177b\r\n\r\n", 400),
    CASE("blank in the host", "GET /now HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    CASE("slash in the host", "GET /now HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    CASE("user in the host", "GET /now HTTP/1.1\r\nHost: u@b\r\n\r\n", 400),
    CASE("two hosts in one", "GET /now HTTP/1.1\r\nHost: a,b\r\n\r\n", 400),
    CASE("word for a port", "GET /now HTTP/1.1\r\nHost: a:asd\r\n\r\n", 400),
    CASE("negative port", "GET /now HTTP/1.1\r\nHost: a:-1\r\n\r\n", 400),
    CASE("port above 65535", "GET /now HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
    CASE("two ports", "GET /now HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
    CASE("open bracket", "GET /now HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    CASE("IPv6 without brackets", "GET /now HTTP/1.1\r\nHost: ::1\r\n\r\n", 400),
    CASE("brackets without IPv6", "GET /now HTTP/1.1\r\nHost: [a]\r\n\r\n", 400),
    CASE("text behind the bracket", "GET /now HTTP/1.1\r\nHost: [::1]a\r\n\r\n", 400),
    CASE("broken escape in the host", "GET /now HTTP/1.1\r\nHost: a%2\r\n\r\n", 400),
    /* request line */
    CASE("two blanks", "GET  /now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("blank behind the version", "GET /now HTTP/1.1 \r\n" HOST "\r\n", 400),
    CASE("tab for blank", "GET\t/now\tHTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("a third word", "GET /now HTTP/1.1 x\r\n" HOST "\r\n", 400),
    CASE("lower-case protocol", "GET /now http/1.1\r\n" HOST "\r\n", 400),
    CASE("other protocol", "GET /now ICAP/1.1\r\n" HOST "\r\n", 400),
    CASE("HTTP/1.10", "GET /now HTTP/1.10\r\n" HOST "\r\n", 400),
    CASE("HTTP/2.0", "GET /now HTTP/2.0\r\n" HOST "\r\n", 505),
    CASE("HTTP/0.9 with a version", "GET /now HTTP/0.9\r\n" HOST "\r\n", 505),
    CASE("HTTP/1.2", "GET /now HTTP/1.2\r\n" HOST "\r\n", 505),
    CASE("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    CASE("unknown method", "BREW /now HTTP/1.1\r\n" HOST "\r\n", 501),
    CASE("lower-case method", "get /now HTTP/1.1\r\n" HOST "\r\n", 501),
    CASE("TRACE", "TRACE /now HTTP/1.1\r\n" HOST "\r\n", 501),
    CASE("CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("no method", "/now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("target without slash", "GET now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("asterisk for GET", "GET * HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("fragment", "GET /now#a HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("NUL in the target", "GET /n\0w HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("control byte in the target", "GET /n\001w HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("byte above 127 in the target", "GET /n\xc3\xb6w HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute target without a host", "GET http:///now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute target with a user", "GET http://u:p@h/now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute target with a word for a port", "GET http://h:x/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute target with a port alone", "GET http://:80/ HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("absolute target without a host, with a query", "GET http://?x HTTP/1.1\r\n" HOST "\r\n",
         400),
    CASE("asterisk with a query", "OPTIONS *?x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("asterisk with more", "OPTIONS *x HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("authority for GET", "GET a:443 HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("other scheme", "GET ftp://h/now HTTP/1.1\r\n" HOST "\r\n", 400),
    CASE("TLS where plain is spoken", "\x16\x03\x01\x02\x00\x01\n\n", 400),
    CASE("other expectation", POST "Expect: coffee\r\nContent-Length: 2\r\n\r\n{}", 417),
};

/* Refused within the body: the service has seen the head, but never a body. */
static const struct refused_case refused_bodies[] = {
    CASE("no size", CHUNKED "\r\nhello\r\n0\r\n\r\n", 400),
    CASE("size is no number", CHUNKED "zz\r\nhello\r\n0\r\n\r\n", 400),
    CASE("negative size", CHUNKED "-5\r\nhello\r\n0\r\n\r\n", 400),
    CASE("signed size", CHUNKED "+5\r\nhello\r\n0\r\n\r\n", 400),
    CASE("size with 0x", CHUNKED "0x5\r\nhello\r\n0\r\n\r\n", 400),
    CASE("size overflows", CHUNKED "fffffffffffffffff\r\nhello", 400),
    CASE("size overflows to 5", CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    CASE("blank behind the size", CHUNKED "5 \r\nhello\r\n0\r\n\r\n", 400),
    CASE("bare LF behind the size", CHUNKED "5\nhello\r\n0\r\n\r\n", 400),
    CASE("CR and a byte behind the size", CHUNKED "5\rXhello\r\n0\r\n\r\n", 400),
    CASE("bare LF behind an extension", CHUNKED "5;a=b\nhello\r\n0\r\n\r\n", 400),
    CASE("bare CR in an extension", CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    CASE("control byte in an extension", CHUNKED "5;a=\"\001\"\r\nhello\r\n0\r\n\r\n", 400),
    CASE("no CRLF behind the chunk", CHUNKED "5\r\nhello0\r\n\r\n", 400),
    CASE("other bytes behind the chunk", CHUNKED "5\r\nhelloXX0\r\n\r\n", 400),
    CASE("bare LF behind the chunk", CHUNKED "5\r\nhello\n0\r\n\r\n", 400),
    CASE("bare CR at the end", CHUNKED "5\r\nhello\r\n0\r\n\rGET /smuggled HTTP/1.1\r\n", 400),
    CASE("bare CR in a trailer", CHUNKED "0\r\nX: a\rb\r\n\r\n", 400),
    CASE("bare LF behind a trailer", CHUNKED "0\r\nX: a\n\r\n", 400),
    CASE("bare LF at the end of the trailer", CHUNKED "0\r\nX: a\r\n\n", 400),
    CASE("blank before the colon of a trailer", CHUNKED "0\r\nX : a\r\n\r\n", 400),
};

#endif
