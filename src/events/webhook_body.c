#include "webhook_internal.h"

#include "base/base64.h"
#include "base/json_form.h"

enum { MS_PER_S = 1000, SENTENCE_MAX = 1024 };

const char *const webhook_shapes[WEBHOOK_N_SHAPES] = {"cloudevents", "slack", "teams"};

/* "run.finished: passed (run_3f2a, by ci)" */
static void write_sentence(struct buf *out, const struct fact *fact)
{
    const char *separator = " (";

    buf_text(out, fact_type(fact->kind));
    buf_text(out, ": ");
    buf_text(out, fact->outcome);
    if (fact->action != NULL) {
        buf_text(out, ", ");
        buf_text(out, fact->action);
    }
    if (fact->subject[0] != '\0') {
        buf_text(out, separator);
        buf_text(out, fact->subject);
        separator = ", ";
    }
    if (fact->principal[0] != '\0') {
        buf_text(out, separator);
        buf_text(out, "by ");
        buf_text(out, fact->principal);
        separator = ", ";
    }
    buf_text(out, separator[0] == ',' ? ")" : "");
}

/* Slack reads &, < and > as markup (<!channel> would wake everybody): they are written as entities. */
static void write_slack(struct json_writer *w, struct str sentence)
{
    static const char *const entities[] = {['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;"};
    struct buf text;

    buf_init(&text, (size_t)5 * SENTENCE_MAX);
    for (size_t i = 0; i < sentence.len; i++) {
        unsigned char c = (unsigned char)sentence.ptr[i];

        if (c < ARRAY_LEN(entities) && entities[c] != NULL) {
            buf_text(&text, entities[c]);
        } else {
            buf_char(&text, (char)c);
        }
    }
    jw_form(w, "{text:%s}", buf_view(&text));
    buf_done(&text);
}

void webhook_write_body(struct webhook *hook, const struct fact *fact)
{
    struct json_writer w;
    struct buf sentence;

    buf_clear(&hook->body);
    jw_init(&w, &hook->body);
    if (hook->shape == WEBHOOK_CLOUDEVENTS) {
        cloud_event_write(&w, fact);
        return;
    }
    buf_init(&sentence, SENTENCE_MAX);
    write_sentence(&sentence, fact);
    if (hook->shape == WEBHOOK_SLACK) {
        write_slack(&w, buf_view(&sentence));
    } else {
        /* A message with one card, as Teams' workflows take it. */
        jw_form(&w,
                "{type:'message', "
                "attachments:[{contentType:'application/vnd.microsoft.card.adaptive', "
                "content:{type:'AdaptiveCard', version:'1.4', body:[{type:'TextBlock', "
                "text:%s, wrap:true}]}}]}",
                buf_view(&sentence));
    }
    buf_done(&sentence);
}

static void put_signature(struct buf *out, const struct secret *key, struct str content)
{
    struct digest digest;

    digest_hmac(secret_reveal(key), content, &digest);
    buf_text(out, out->len > 0 ? " v1," : "v1,");
    base64_encode(out, digest_view(&digest));
}

/* The id is the event's, the time is that of the attempt: a receiver refuses what is old. */
void webhook_sign(struct webhook *hook, const char *id, int64_t now_ms)
{
    struct buf content;
    struct str seconds;
    char digits[DIGITS_MAX];

    seconds = str_of_int(now_ms / MS_PER_S, digits);
    str_copy(hook->timestamp, sizeof(hook->timestamp), seconds);
    buf_init(&content, hook->body.len + 256);
    buf_text(&content, id);
    buf_char(&content, '.');
    buf_str(&content, seconds);
    buf_char(&content, '.');
    buf_str(&content, buf_view(&hook->body));
    buf_clear(&hook->signature);
    put_signature(&hook->signature, &hook->key, buf_view(&content));
    if (secret_is_set(&hook->old_key) && now_ms < hook->old_until_ms) {
        put_signature(&hook->signature, &hook->old_key, buf_view(&content));
    }
    buf_done(&content);
}
