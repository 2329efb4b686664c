/* Signs the requests of its standard input, for check_sigv4.sh. A line is a request, its fields have tabs between them: method,
 * path, query, service, region, id and text of the key, date, hash of the body, then each header's name and value. The answer
 * is a line with the value of Authorization. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "crypto/sigv4.h"

enum { FIELDS = 9, VALUE_MAX = 8192 };

static void sign(struct str line)
{
    struct str fields[FIELDS];
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct sigv4 request = {.headers = headers};
    struct buf value;

    for (size_t i = 0; i < FIELDS; i++) {
        (void)str_cut(line, '\t', &fields[i], &line);
    }
    while (line.len > 0) {
        (void)str_cut(line, '\t', &headers[request.n_headers].name, &line);
        (void)str_cut(line, '\t', &headers[request.n_headers++].value, &line);
    }
    request.method = fields[0];
    request.path = fields[1];
    request.query = fields[2];
    request.service = fields[3];
    request.region = fields[4];
    request.key_id = fields[5];
    request.secret_key = fields[6];
    request.date = fields[7];
    request.payload_hash = fields[8];
    buf_init(&value, VALUE_MAX);
    sigv4_authorize(&request, &value);
    puts(buf_cstr(&value));
    buf_done(&value);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;

    while ((n = getline(&line, &size, stdin)) > 0) {
        sign((struct str){line, (size_t)n - 1});
    }
    free(line);
    return 0;
}
