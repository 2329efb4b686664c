/* The one place that turns what the platform says into an error of ours. */
#include "plan/answer.h"

#include "base/secret.h"
#include "base/utf8.h"

/* SEARCHED_MAX: what stands behind it is looked for in the words alone, which are short. */
enum {
    QUOTE_MAX = 160,
    SEARCHED_MAX = 256 * 1024,
    STATUS_PART = 206 /* nobody asked for a part */
};

int64_t id_number(const struct json *id)
{
    int64_t number;

    return (json_to_i64(id, &number) || str_to_i64(json_str(id), 1, INT64_MAX, &number)) &&
                   number > 0
               ? number
               : 0;
}

const struct json *answer_list(const struct json *answer, const char *pointers)
{
    const struct json *list =
        json_type(answer) == JSON_ARRAY ? answer : json_find(answer, pointers);

    return json_type(list) == JSON_ARRAY ? list : NULL;
}

/* The platform's own words about a refusal (`error` as text or {code, message}); empty: none. */
static struct str answer_refusal(const struct json *answer)
{
    const struct json *text;

    if (json_type(answer) != JSON_OBJECT) {
        return STR_EMPTY;
    }
    text =
        json_find(answer, "/error/message /error/code /error /message /errors/0/message /errors/0");
    return json_str(text);
}

bool answer_is_json(struct str content_type)
{
    struct str type;
    struct str parameters;

    (void)str_cut(content_type, ';', &type, &parameters);
    type = str_trim(type);
    return type.len == 0 || str_is_nocase(type, "application/json") ||
           str_is_nocase(type, "text/json") ||
           (type.len > 5 && str_is_nocase(str_sub(type, type.len - 5, 5), "+json"));
}

#define SECRET_NAME(name, what, shown_by, source) name,

/* launchedByUser holds an e-mail address, which is a secret in that place alone. */
static bool names_secret(struct str text)
{
    static const char *const names[] = {ANSWER_SECRETS(SECRET_NAME) "launchedByUser"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_contains(text, str_from(names[i]))) {
            return true;
        }
    }
    return false;
}

/* True: the words may be JSON, whole or cut off, which may hold secrets. `[E102] name is taken` and `{name} is taken`
 * are words: there are no quotes, commas or members in the brackets, and no JSON behind them. */
static bool may_be_json(struct str words)
{
    bool is_list = str_starts(words, STR("["));
    struct str inside;
    struct str behind;

    if (!is_list && !str_starts(words, STR("{"))) {
        return false;
    }
    if (!str_cut(str_sub(words, 1, words.len), is_list ? ']' : '}', &inside, &behind)) {
        return true;
    }
    return !str_is_only(inside, is_list ? "A-Za-z0-9 _.:#/-" : "A-Za-z0-9 _.#/-") ||
           str_trim(behind).len == 0 || str_contains(behind, STR("\"")) ||
           str_contains(behind, STR("{")) || str_contains(behind, STR("["));
}

/* A few words of the answer for a reader: the refusal, or how the body begins. */
static struct str quote(const struct answer *answer)
{
    struct str words = answer_refusal(answer->json);

    /* The words of a body that is JSON may have further escapes in them. */
    if (answer->token_is_gone ||
        secret_is_in(str_sub(answer->body, 0, SEARCHED_MAX), answer->token) ||
        secret_is_in(str_sub(words, 0, SEARCHED_MAX), answer->token)) {
        return STR("(its words repeat the token and are left out)");
    }

    if (words.len == 0 && answer->json == NULL) {
        words = str_trim(str_sub(answer->body, 0, (size_t)QUOTE_MAX * 2));
        if (str_starts(words, STR("<"))) {
            return STR("an HTML page");
        }
    }
    if (may_be_json(words)) {
        return STR("(JSON, which is left out)");
    }
    if (names_secret(words)) {
        return STR("(its words name what holds secrets and are left out)");
    }
    return utf8_clip(words, QUOTE_MAX);
}

bool status_leaves_open(int status)
{
    /* The platform failed and says so; it cannot do that; it has no room; Cloudflare did not reach the platform. */
    static const int tells[] = {500, 501, 503, 521, 523, 525, 526};

    for (size_t i = 0; i < ARRAY_LEN(tells); i++) {
        if (status == tells[i]) {
            return false;
        }
    }
    return status > 500;
}

/* A create that was answered but not understood may well have happened. */
static const char *caution(const struct call_spec *spec)
{
    return spec->class == CALL_READ ? ""
                                    : ". It may have been carried out; look before repeating it";
}

static enum error_code refuse(const struct answer *answer, const struct call_spec *spec,
                              bool stored_token, struct error *err)
{
    struct str words = quote(answer);
    const char *before = words.len > 0 ? ": " : "";

    if ((answer->status == 401 || answer->status == 403) && stored_token) {
        return error_set(err, ERR_UPSTREAM_AUTH,
                         "%s: the platform refused the configured token (%d)%s%.*s", spec->name,
                         answer->status, before, STR_ARG(words));
    }
    if (answer->status == 429) {
        return error_set(err, ERR_RATE_LIMITED, "%s: the platform asks for fewer requests%s%.*s",
                         spec->name, before, STR_ARG(words));
    }
    if (status_leaves_open(answer->status) && spec->class != CALL_READ) {
        return error_set(
            err, ERR_OUTCOME_UNKNOWN,
            "%s: the request was sent, and the platform or a gateway before it failed (%d)%s%.*s%s",
            spec->name, answer->status, before, STR_ARG(words), caution(spec));
    }
    if (answer->status >= 500) {
        return error_set(err, ERR_UPSTREAM_ERROR, "%s: the platform failed (%d)%s%.*s%s",
                         spec->name, answer->status, before, STR_ARG(words),
                         answer->status == 500 ? caution(spec) : "");
    }
    return error_set(err, ERR_UPSTREAM_REFUSED, "%s: the platform refused (%d)%s%.*s", spec->name,
                     answer->status, before, STR_ARG(words));
}

/* An answer with 2xx that says the opposite: "success" is not true, or there is an "error" instead of the thing. A
 * count may be called "success", and a thing may have an "error" of its own, as a text. */
static bool says_failed(const struct json *answer)
{
    const struct json *success = json_get(answer, "success");
    const struct json *error = json_get(answer, "error");

    switch (json_type(success)) {
    case JSON_NULL:
        return json_type(error) == JSON_OBJECT ||
               (json_str(error).len > 0 && json_find(answer, "/id /item") == NULL);
    case JSON_NUMBER:
        return json_double(success) == 0.0;
    case JSON_BOOL:
    case JSON_STRING:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return !json_true(success) && !str_is(json_str(success), "true");
}

/* Ids of the platform are whole numbers (PLATFORM.md, "Envelopes"): a success with anything else in its place is none.
 * The ids of steps are judged by room step, which must read them anyway. */
static bool is_sound(const struct capture *capture, const struct json *value)
{
    return value != NULL && (!str_ends(str_from(capture->variable), STR("_id")) ||
                             str_is(STR("step_id"), capture->variable) || id_number(value) > 0);
}

static enum error_code check_captures(const struct answer *answer, const struct call_spec *spec,
                                      struct error *err)
{
    for (size_t i = 0; i < CALL_MAX_CAPTURES && spec->captures[i].variable != NULL; i++) {
        const struct capture *capture = &spec->captures[i];

        if (!capture->required || is_sound(capture, json_find(answer->json, capture->pointers))) {
            continue;
        }
        if (spec->hint != NULL) {
            return error_set(err, ERR_UPSTREAM_SHAPE,
                             "%s: the platform's answer (%d) does not tell it: %s%s", spec->name,
                             answer->status, spec->hint, caution(spec));
        }
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "%s: the platform's answer (%d) has no %s (looked at %s)%s", spec->name,
                         answer->status, capture->variable, capture->pointers, caution(spec));
    }
    return ERR_OK;
}

static enum error_code check_told(const struct answer *answer, const struct call_spec *spec,
                                  struct error *err)
{
    if (spec->tells == NULL || json_str(json_find(answer->json, spec->tells)).len > 0) {
        return ERR_OK;
    }
    return error_set(err, ERR_UPSTREAM_SHAPE,
                     "%s: the platform's answer (%d) does not tell it (looked at %s)", spec->name,
                     answer->status, spec->tells);
}

static enum error_code check_list(const struct answer *answer, const struct call_spec *spec,
                                  struct error *err)
{
    if (spec->lists == NULL || answer_list(answer->json, spec->lists) != NULL) {
        return ERR_OK;
    }
    return error_set(err, ERR_UPSTREAM_SHAPE,
                     "%s: the platform's answer (%d) has no list (looked at %s)", spec->name,
                     answer->status, spec->lists);
}

static enum error_code judge_success(const struct answer *answer, const struct call_spec *spec,
                                     struct error *err)
{
    bool empty = str_trim(answer->body).len == 0;
    struct str words;
    enum error_code code;

    if (answer->status < 200 || answer->status > 299 || answer->status == STATUS_PART) {
        return error_set(err, ERR_UPSTREAM_SHAPE, "%s: the platform answered with status %d",
                         spec->name, answer->status);
    }
    /* Paths outside the API answer 200 with text (PLATFORM.md, "Hosts"), so only an answer in JSON or
     * an empty one is a success. */
    if (answer->json == NULL && !(empty && (!spec->needs_json || answer->status == 204))) {
        words = quote(answer);
        return error_set(
            err, ERR_UPSTREAM_SHAPE, "%s: the platform's answer (%d) is not JSON: %.*s%s",
            spec->name, answer->status, STR_ARG(empty ? STR("it is empty") : words), caution(spec));
    }
    if (says_failed(answer->json)) {
        words = quote(answer);
        return error_set(err, ERR_UPSTREAM_SHAPE,
                         "%s: the platform answered %d but says that it failed%s%.*s", spec->name,
                         answer->status, words.len > 0 ? ": " : "", STR_ARG(words));
    }
    code = check_told(answer, spec, err);
    if (code == ERR_OK) {
        code = check_list(answer, spec, err);
    }
    return code == ERR_OK ? check_captures(answer, spec, err) : code;
}

enum error_code answer_judge(const struct answer *answer, const struct call_spec *spec,
                             bool stored_token, struct error *err)
{
    enum error_code code = answer->status >= 400 ? refuse(answer, spec, stored_token, err)
                                                 : judge_success(answer, spec, err);

    if (code != ERR_OK && err != NULL) {
        err->upstream_status = answer->status;
        err->retry_after_s = answer->retry_after_s;
    }
    return code;
}

enum error_code answer_judge_subject(const struct answer *answer, const struct call_spec *spec,
                                     const struct json *asked, struct error *err)
{
    int64_t told = id_number(json_find(answer->json, "/item/id /id"));

    if (told == 0 || id_number(asked) == 0 || told == id_number(asked)) {
        return ERR_OK;
    }
    err->upstream_status = answer->status;
    return error_set(err, ERR_UPSTREAM_SHAPE,
                     "%s: the platform's answer is about another one (%lld)", spec->name,
                     (long long)told);
}

bool answer_may_be_anothers(const struct answer *answer)
{
    return answer->json != NULL && answer->status / 100 == 2 && !says_failed(answer->json);
}
