/* llhttp in strict mode: it checks the head once more with other eyes and takes the body apart.
 * Callbacks pause it at the end of a message, so that pipelined bytes stay where they are. */
#include <string.h>

#include "base/check.h"
#include "http_internal.h"

/* Framing of a chunked body may cost this much, and eight bytes for each byte of content: a client
 * that sends one-byte chunks is slow, one that sends megabytes of chunk extensions is hostile. */
enum { OVERHEAD_FREE = 64 * 1024, OVERHEAD_PER_BYTE = 8 };

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http_connection *connection = CONTAINER_OF(parser, struct http_connection, parser);

    connection->body_bytes += len;
    connection_body_bytes(connection, (struct str){at, len});
    return 0;
}

static int on_complete(llhttp_t *parser)
{
    struct http_connection *connection = CONTAINER_OF(parser, struct http_connection, parser);

    connection->exchange->body_complete = true;
    return HPE_PAUSED;
}

void body_begin(struct http_connection *connection)
{
    static llhttp_settings_t settings;

    if (settings.on_body == NULL) {
        llhttp_settings_init(&settings);
        settings.on_body = on_body;
        settings.on_message_complete = on_complete;
    }
    llhttp_init(&connection->parser, HTTP_REQUEST, &settings);
    connection->body_bytes = 0;
    connection->body_overhead = 0;
}

static enum error_code refuse(const struct http_connection *connection, struct error *err)
{
    return error_set(err, ERR_BAD_REQUEST, "Not well-formed HTTP: %s",
                     llhttp_get_error_reason(&connection->parser));
}

enum error_code body_feed_head(struct http_connection *connection, struct str head,
                               struct error *err)
{
    enum llhttp_errno code = llhttp_execute(&connection->parser, head.ptr, head.len);

    if (code == HPE_PAUSED) {
        llhttp_resume(&connection->parser);
        return ERR_OK;
    }
    return code == HPE_OK ? ERR_OK : refuse(connection, err);
}

enum error_code body_feed(struct http_connection *connection, struct str bytes, size_t *out_used,
                          struct error *err)
{
    uint64_t content = connection->body_bytes;
    enum llhttp_errno code = llhttp_execute(&connection->parser, bytes.ptr, bytes.len);

    *out_used = bytes.len;
    if (code == HPE_PAUSED) {
        *out_used = (size_t)(llhttp_get_error_pos(&connection->parser) - bytes.ptr);
    } else if (code != HPE_OK) {
        return refuse(connection, err);
    }
    connection->body_overhead += *out_used - (size_t)(connection->body_bytes - content);
    if (connection->body_overhead > OVERHEAD_FREE + OVERHEAD_PER_BYTE * connection->body_bytes) {
        return error_set(err, ERR_TOO_BIG, "The chunks of this body are mostly framing");
    }
    return ERR_OK;
}
