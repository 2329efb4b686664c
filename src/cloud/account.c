#include <stdarg.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/percent.h"
#include "base/url.h"
#include "cloud_internal.h"
#include "observe/log.h"

enum {
    FRESH_MS = 5 * 60 * 1000, /* so long before their end they are read anew, while calls go on */
    USABLE_MS = 30 * 1000,    /* with less time than this left they are not used */
    AGAIN_MS = 1000,          /* after a reading that failed, before the next */
    FILE_MAX = 64 * 1024,
    TEXT_MAX = 8192,
    STATUS_OK = 200
};

static void (*const readers[CLOUD_N_VENDORS])(struct account *account) = {
    [CLOUD_AWS] = account_read_aws,
    [CLOUD_GOOGLE] = account_read_google,
};

static const char *const names[CLOUD_N_VENDORS] = {
    [CLOUD_AWS] = "AWS",
    [CLOUD_GOOGLE] = "Google",
};

static const enum trouble troubles[CLOUD_N_VENDORS] = {
    [CLOUD_AWS] = TROUBLE_CREDENTIALS_AWS,
    [CLOUD_GOOGLE] = TROUBLE_CREDENTIALS_GOOGLE,
};

void account_init(struct account *account, struct cloud *cloud, enum cloud_vendor vendor)
{
    *account = (struct account){.cloud = cloud,
                                .whose = names[vendor],
                                .trouble = troubles[vendor],
                                .read = readers[vendor]};
    list_init(&account->waiting);
    arena_init(&account->arena);
}

void account_done(struct account *account)
{
    trouble_tell(account->trouble, NULL);
    upstream_cancel(&account->call);
    later_remove(&account->soon);
    secret_done(&account->key_id);
    secret_done(&account->secret_key);
    secret_done(&account->token);
    arena_wipe(&account->arena);
}

void account_forget(struct account *account)
{
    account->is_known = false;
}

static bool lasts(const struct account *account, int64_t ms)
{
    return account->is_known && account->until_ms - clock_wall_ms() > ms;
}

/* --- reading */
static void on_ended(struct later_item *item)
{
    struct account *account = CONTAINER_OF(item, struct account, soon);
    struct list *link;

    account->is_reading = false;
    arena_wipe(&account->arena);
    arena_init(&account->arena);
    while ((link = list_take_first(&account->waiting)) != NULL) {
        struct cloud_call *call = CONTAINER_OF(link, struct cloud_call, link);

        list_append(&account->cloud->running, &call->link);
        if (account->is_known) {
            cloud_ready(call);
        } else {
            cloud_fail(call, &account->error);
        }
    }
}

static void end(struct account *account)
{
    later_add(&account->cloud->loop->later, &account->soon, on_ended);
}

void account_finish(struct account *account)
{
    account->is_known = true;
    trouble_tell(account->trouble, NULL);
    log_event(LOG_DEBUG, "cloud.credentials", F_TEXT("of", account->whose));
    end(account);
}

/* Ends a reading that failed. Credentials that are still good stay. */
void account_fail(struct account *account, const char *format, ...)
{
    struct buf text;
    va_list args;

    buf_init(&text, TEXT_MAX);
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    (void)error_set(&account->error, ERR_UPSTREAM_AUTH, "no credentials of %s: %s", account->whose,
                    buf_cstr(&text));
    buf_done(&text);
    account->is_known = lasts(account, USABLE_MS);
    account->again_ms = clock_now_ms() + AGAIN_MS;
    trouble_tell(account->trouble, account->error.text);
    log_event(LOG_WARN, "cloud.no_credentials", F_TEXT("error", account->error.text),
              F_BOOL("goes_on_with_the_last", account->is_known));
    end(account);
}

bool account_is_ready(struct account *account, struct cloud_call *call)
{
    if (!lasts(account, FRESH_MS) && !account->is_reading) {
        if (clock_now_ms() >= account->again_ms) {
            arena_wipe(&account->arena);
            arena_init(&account->arena);
            account->is_reading = true;
            account->step = 0;
            account->kept = STR_EMPTY;
            account->error = (struct error){0};
            account->read(account);
        } else if (!lasts(account, USABLE_MS)) { /* too early: the last failure holds */
            account->is_known = false;
            account->is_reading = true;
            end(account);
        }
    }
    if (lasts(account, USABLE_MS)) {
        return true;
    }
    list_remove(&call->link);
    list_append(&account->waiting, &call->link);
    return false;
}

/* --- what the sources need */
static void on_answered(struct upstream_call *call, enum error_code code)
{
    struct account *account = CONTAINER_OF(call, struct account, call);

    if (code == ERR_OK && call->reply.status != STATUS_OK) {
        code = error_set(&call->error, ERR_UPSTREAM_ERROR, "the answer has the status %d%s%.*s",
                         call->reply.status, call->reply.body.len > 0 ? ": " : "",
                         STR_ARG(cloud_reason(&account->arena, &call->reply)));
    }
    if (code != ERR_OK) {
        account_fail(account, "%s: %s", account->asked, call->error.text);
    } else {
        account->on_answer(account);
    }
}

static void on_no_start(struct later_item *item)
{
    struct account *account = CONTAINER_OF(item, struct account, soon);

    account_fail(account, "%s: %s", account->asked, account->call.error.text);
}

void account_ask(struct account *account, const struct account_question *question,
                 account_answer_fn on_answer)
{
    struct error err = {0};
    struct str origin;
    struct str path = STR_EMPTY;
    struct str query = STR_EMPTY;
    struct place *place = NULL;
    struct url url = {0};

    if (url_read(question->url, &url, &err) == ERR_OK) {
        url_split(question->url, &origin, &path, &query);
        place = cloud_place(account->cloud, origin, question->is_direct ? PLACE_MACHINE : PLACE_ANY,
                            &err);
    }
    account->asked = question->what;
    account->on_answer = on_answer;
    account->call = (struct upstream_call){
        .request = {.method = str_from(question->method),
                    .path = path,
                    .query = query,
                    .headers = question->headers,
                    .n_headers = question->n_headers,
                    .body = question->body,
                    .content_type = question->content_type,
                    .class = CALL_READ}, /* asked twice, it tells the same */
        .on_done = on_answered,
    };
    if (place == NULL || upstream_start(place->upstream, &account->call, &err) != ERR_OK) {
        account->call.error = err;
        later_add(&account->cloud->loop->later, &account->soon, on_no_start);
    }
}

struct str account_file(struct account *account, struct str path, const char *what)
{
    struct error err = {0};
    struct buf text;
    struct str copy = STR_EMPTY;

    buf_init(&text, FILE_MAX);
    if (fd_read_file(arena_cstr(&account->arena, path), &text, &err) != ERR_OK) {
        account_fail(account, "%s: the file %.*s cannot be read: %s", what, STR_ARG(path),
                     err.text);
    } else if (str_trim(buf_view(&text)).len == 0) {
        account_fail(account, "%s: the file %.*s is empty", what, STR_ARG(path));
    } else {
        copy = arena_str(&account->arena, str_trim(buf_view(&text)));
    }
    if (text.ptr != NULL) {
        mem_wipe(text.ptr, text.cap);
    }
    buf_done(&text);
    return copy;
}

struct str account_url_part(struct account *account, struct str text)
{
    struct buf out;

    buf_init(&out, (size_t)3 * FILE_MAX);
    percent_encode(&out, text);
    return arena_take(&account->arena, &out);
}
