#include "harness/direct.h"

#include "harness/cmocka.h"

void direct_start_as(struct direct *direct, const char *mode, const struct scripted_answer *rows,
                     size_t n)
{
    static const char token[] = "upstream.token=" DIRECT_TOKEN;
    static char base[64];
    const char *const args[] = {"serve", "--listen", "127.0.0.1:0",       "--set", mode, "--set",
                                token,   "--set",    "drain.notice_ms=0", "--set", base, NULL};
    struct buf text;

    *direct = (struct direct){0};
    scripted_start(&direct->scripted, rows, n);
    buf_init(&text, sizeof(base) - 1);
    buf_printf(&text, "upstream.base_url=http://127.0.0.1:%d/api", (int)direct->scripted.port);
    str_copy(base, sizeof(base), buf_view(&text));
    buf_done(&text);
    program_serve(&direct->program, args, NULL);
    reply_init(&direct->reply);
}

void direct_start(struct direct *direct, const struct scripted_answer *rows, size_t n)
{
    direct_start_as(direct, "auth.mode=none", rows, n);
}

void direct_stop(struct direct *direct)
{
    reply_done(&direct->reply);
    program_stop(&direct->program);
    program_done(&direct->program);
    scripted_done(&direct->scripted);
}

int direct_ask(struct direct *direct, const char *method, const char *target, const char *fields)
{
    client_ask(direct->program.port, method, target, fields, STR_EMPTY, &direct->reply);
    return direct->reply.status;
}
