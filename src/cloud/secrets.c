#include "cloud/secrets.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "secret_kinds.h"

enum { AGAIN_MS = 500, STATUS_OK = 200, SHOWN_MAX = 120, REFERENCE_MAX = 2048 };

struct reference {
    struct list link;
    struct cloud_secrets *secrets;
    const struct secret_kind *kind;
    struct str text; /* heap */
    enum cloud_secret_state state;
    struct secret value;
    bool has_value;           /* the last good one */
    uint64_t absent_since_ms; /* by clock_age_ms; 0: the service has not said that it is gone */
    bool is_used;
    bool is_stale; /* the last reading has failed */
    struct error error;
    /* of the reading */
    struct cloud_call call;
    struct arena arena;
    struct deadline again;
};

struct cloud_secrets {
    struct list references;
    unsigned n;
    struct cloud *cloud;
    unsigned n_reading;
    uint64_t until_ms;
    uint64_t keep_ms; /* so long the last value of a deleted secret is used */
    bool changed;
    cloud_secrets_fn on_done;
    void *context;
    struct later_item soon;
};

/* --- references */
bool cloud_secret_is_reference(struct str text)
{
    return secret_kind_of(text) != NULL;
}

enum error_code cloud_secret_check(struct str reference, struct error *err)
{
    const struct secret_kind *kind = secret_kind_of(reference);

    if (kind == NULL || reference.len > REFERENCE_MAX ||
        !kind->is_sound(str_sub(reference, strlen(kind->prefix), reference.len))) {
        return error_set(err, ERR_CONFIG, "\"%.*s\" is no reference to a secret; write %s",
                         STR_ARG(str_sub(reference, 0, SHOWN_MAX)),
                         kind != NULL ? kind->form : "aws-sm:NAME");
    }
    return ERR_OK;
}

/* --- the set */
struct cloud_secrets *cloud_secrets_new(void)
{
    struct cloud_secrets *secrets = mem_zalloc(sizeof(*secrets));

    list_init(&secrets->references);
    return secrets;
}

static void drop(struct reference *reference)
{
    reference->secrets->n--;
    list_remove(&reference->link);
    secret_done(&reference->value);
    mem_free(unconst(reference->text.ptr));
    mem_free(reference);
}

void cloud_secrets_free(struct cloud_secrets *secrets)
{
    struct list *link;

    if (secrets == NULL) {
        return;
    }
    CHECK(!cloud_secrets_is_reading(secrets));
    while ((link = list_first(&secrets->references)) != NULL) {
        drop(CONTAINER_OF(link, struct reference, link));
    }
    mem_free(secrets);
}

void cloud_secrets_keep(struct cloud_secrets *secrets, uint64_t ms)
{
    secrets->keep_ms = ms;
}

unsigned cloud_secrets_count(const struct cloud_secrets *secrets)
{
    return secrets->n;
}

void cloud_secrets_begin(struct cloud_secrets *secrets)
{
    struct reference *reference;

    LIST_EACH (reference, &secrets->references, link) {
        reference->is_used = false;
    }
}

static struct reference *find(struct cloud_secrets *secrets, struct str text)
{
    struct reference *reference;

    LIST_EACH (reference, &secrets->references, link) {
        if (str_eq(reference->text, text)) {
            return reference;
        }
    }
    return NULL;
}

static struct reference *add(struct cloud_secrets *secrets, struct str text)
{
    struct reference *reference = mem_zalloc(sizeof(*reference));

    reference->secrets = secrets;
    reference->kind = secret_kind_of(text);
    reference->text = (struct str){str_dup(text), text.len};
    reference->state = CLOUD_SECRET_UNREAD;
    list_append(&secrets->references, &reference->link);
    secrets->n++;
    return reference;
}

enum cloud_secret_state cloud_secrets_find(struct cloud_secrets *secrets, struct str reference,
                                           struct str *out, const char **why)
{
    struct reference *found = find(secrets, reference);

    *out = STR_EMPTY;
    *why = "";
    if (found == NULL && secrets->n == CLOUD_SECRETS_LIMIT) {
        *why = "there are more than 256 references to secrets";
        return CLOUD_SECRET_FAILED;
    }
    if (found == NULL) {
        found = add(secrets, reference);
    }
    found->is_used = true;
    if (found->state == CLOUD_SECRET_KNOWN) {
        *out = secret_reveal(&found->value);
    } else {
        *why = found->error.text;
    }
    return found->state;
}

/* --- one reading of one of them */
static void read_one(struct deadline *again);

static void on_all_read(struct later_item *item)
{
    struct cloud_secrets *secrets = CONTAINER_OF(item, struct cloud_secrets, soon);
    struct reference *reference;
    unsigned n_stale = 0;

    LIST_EACH (reference, &secrets->references, link) {
        n_stale += reference->is_stale ? 1 : 0;
    }
    metric_set(M_SECRETS_STALE, n_stale);
    if (n_stale == 0) {
        metric_set(M_SECRETS_TIME, clock_wall_ms() / 1000);
    }
    secrets->cloud = NULL;
    secrets->on_done(secrets->context, secrets->changed);
}

static void ended(struct cloud_secrets *secrets)
{
    if (--secrets->n_reading == 0) {
        later_add(&secrets->cloud->loop->later, &secrets->soon, on_all_read);
    }
}

static void end_one(struct reference *reference)
{
    arena_wipe(&reference->arena);
    ended(reference->secrets);
}

static void set_value(struct reference *reference, struct str value)
{
    bool is_new = !reference->has_value || reference->state != CLOUD_SECRET_KNOWN ||
                  !str_eq(secret_reveal(&reference->value), value);

    if (is_new) {
        secret_set(&reference->value, value);
        reference->secrets->changed = true;
    }
    reference->has_value = true;
    reference->is_stale = false;
    reference->absent_since_ms = 0;
    reference->state = CLOUD_SECRET_KNOWN;
    reference->error = (struct error){0};
    metric_add(M_SECRET_READS, RESULT_OK, 0, 0, 1);
}

/* The service has said for keep_ms that there is no such secret: it was deleted. */
static bool is_over(struct reference *reference, enum cloud_secret_state state)
{
    uint64_t now_ms = clock_age_ms();

    if (state != CLOUD_SECRET_ABSENT) {
        return false;
    }
    if (reference->absent_since_ms == 0) {
        reference->absent_since_ms = now_ms;
    }
    return now_ms - reference->absent_since_ms >= reference->secrets->keep_ms;
}

/* Ends a reading that failed. An earlier value stays in use, for keep_ms also if the secret is gone: it may be about to
 * be made again. */
static void set_failure(struct reference *reference, enum cloud_secret_state state)
{
    metric_add(M_SECRET_READS, RESULT_ERROR, 0, 0, 1);
    if (reference->has_value && is_over(reference, state)) {
        secret_done(&reference->value);
        reference->has_value = false;
        reference->is_stale = false;
        reference->state = CLOUD_SECRET_GONE;
        reference->secrets->changed = true;
        log_event(LOG_WARN, "secret.gone", F_STR("secret", reference->text),
                  F_TEXT("error", reference->error.text),
                  F_TEXT("effect", "its last value is not used any more"));
        return;
    }
    if (!reference->has_value && reference->state == CLOUD_SECRET_GONE) {
        return;
    }
    if (!reference->has_value) {
        reference->secrets->changed = reference->secrets->changed || reference->state != state;
        reference->state = state;
        return;
    }
    reference->is_stale = true;
    log_event(LOG_WARN, "secret.stale", F_STR("secret", reference->text),
              F_TEXT("error", reference->error.text),
              F_TEXT("effect", "the last good value is in use"));
}

/* AWS has one status, 400, for all refusals, so a word in the answer decides; Google has 404. A secret of AWS that
 * will be deleted in some days cannot be read any more, nor can a version of Google that is destroyed or disabled
 * (400, too). */
static bool is_absent(const struct upstream_reply *reply)
{
    static const struct str words[] = {
        STR_INIT("ResourceNotFoundException"), STR_INIT("ParameterNotFound"),
        STR_INIT("marked for deletion"), STR_INIT("FAILED_PRECONDITION")};

    for (size_t i = 0; i < ARRAY_LEN(words) && reply->status == 400; i++) {
        if (str_contains(reply->body, words[i])) {
            return true;
        }
    }
    return reply->status == 404;
}

/* `may_pass`: it may be better in a moment (no connection, no credentials yet, a service that has failed). */
static void fail_or_try_again(struct reference *reference, bool may_pass)
{
    struct cloud_secrets *secrets = reference->secrets;

    if (may_pass && clock_now_ms() + AGAIN_MS < secrets->until_ms) {
        arena_wipe(&reference->arena);
        deadline_set(&secrets->cloud->loop->deadlines, &reference->again, AGAIN_MS, read_one);
        return;
    }
    set_failure(reference, CLOUD_SECRET_FAILED);
    end_one(reference);
}

static struct secret_question question_of(struct reference *reference)
{
    size_t cut = strlen(reference->kind->prefix);

    return (struct secret_question){
        .cloud = reference->secrets->cloud,
        .arena = &reference->arena,
        .name = str_sub(reference->text, cut, reference->text.len - cut),
    };
}

static void take_answer(struct reference *reference, const struct upstream_reply *reply)
{
    struct json *root = NULL;
    struct str value = STR_EMPTY;

    if (reply->status == STATUS_OK) {
        struct secret_question question = question_of(reference);

        if (json_parse(&reference->arena, reply->body, NULL, &root, NULL) == ERR_OK &&
            reference->kind->tell(&question, root, &value) && value.len <= CLOUD_SECRET_BYTES_MAX) {
            set_value(reference, value);
        } else {
            (void)error_set(&reference->error, ERR_CONFIG,
                            "the answer holds no secret, or is no JSON with this key");
            set_failure(reference, CLOUD_SECRET_FAILED);
        }
        end_one(reference);
        return;
    }
    (void)error_set(&reference->error, ERR_CONFIG, "the service answered %d %.*s", reply->status,
                    STR_ARG(cloud_reason(&reference->arena, reply)));
    if (is_absent(reply)) {
        set_failure(reference, CLOUD_SECRET_ABSENT);
        end_one(reference);
    } else {
        fail_or_try_again(reference, reply->status >= 500 || reply->status == 429);
    }
}

static void on_answered(struct cloud_call *call, enum error_code code)
{
    struct reference *reference = CONTAINER_OF(call, struct reference, call);

    if (code == ERR_OK) {
        take_answer(reference, &call->reply);
    } else {
        reference->error = call->error;
        fail_or_try_again(reference, true);
    }
}

static void read_one(struct deadline *again)
{
    struct reference *reference = CONTAINER_OF(again, struct reference, again);
    struct secret_question question = question_of(reference);

    arena_init(&reference->arena);
    reference->call = (struct cloud_call){.on_done = on_answered, .request.class = CALL_READ};
    if (reference->kind->ask(&question, &reference->call.request)) {
        cloud_start(reference->secrets->cloud, &reference->call);
    } else {
        reference->error = question.error;
        set_failure(reference, CLOUD_SECRET_FAILED);
        end_one(reference);
    }
}

/* --- all of them */
void cloud_secrets_read(struct cloud_secrets *secrets, struct cloud *cloud, unsigned limit_ms,
                        cloud_secrets_fn on_done, void *context)
{
    struct list *link;
    struct list *next;

    CHECK(!cloud_secrets_is_reading(secrets));
    secrets->cloud = cloud;
    secrets->until_ms = clock_now_ms() + limit_ms;
    secrets->changed = false;
    secrets->on_done = on_done;
    secrets->context = context;
    secrets->n_reading = 1; /* nothing is told before all have begun */
    LIST_FOREACH_SAFE (link, next, &secrets->references) {
        struct reference *reference = CONTAINER_OF(link, struct reference, link);

        if (reference->is_used) {
            secrets->n_reading++;
            read_one(&reference->again);
        } else {
            drop(reference);
        }
    }
    ended(secrets);
}

bool cloud_secrets_is_reading(const struct cloud_secrets *secrets)
{
    return secrets->cloud != NULL;
}

void cloud_secrets_stop(struct cloud_secrets *secrets)
{
    struct reference *reference;

    if (!cloud_secrets_is_reading(secrets)) {
        return;
    }
    LIST_EACH (reference, &secrets->references, link) {
        cloud_cancel(&reference->call);
        deadline_clear(&reference->again);
        arena_wipe(&reference->arena);
    }
    later_remove(&secrets->soon);
    secrets->cloud = NULL;
}
