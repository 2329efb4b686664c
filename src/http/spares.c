/* Spare parsers, for the next requests: most connections are idle, and have no parser. */
#include "base/mem.h"
#include "http_internal.h"

void parser_take(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct list *link = list_take_first(&server->spare_parsers);

    if (link != NULL) {
        server->n_spare_parsers--;
        connection->parser = CONTAINER_OF(link, struct http_parser, link);
    } else {
        connection->parser = mem_alloc(sizeof(*connection->parser));
    }
    parser_init(connection->parser, &server->options);
}

void parser_give(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_parser *parser = connection->parser;

    connection->parser = NULL;
    if (parser != NULL && server->n_spare_parsers < HTTP_SPARES_MAX) {
        list_prepend(&server->spare_parsers, &parser->link);
        server->n_spare_parsers++;
    } else {
        mem_free(parser);
    }
}

void parsers_free_spares(struct http_server *server)
{
    struct list *link;

    while ((link = list_take_first(&server->spare_parsers)) != NULL) {
        mem_free(CONTAINER_OF(link, struct http_parser, link));
    }
    server->n_spare_parsers = 0;
}
