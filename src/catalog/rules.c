/* The few rules that a template cannot say. unit.catalog counts them; the number may only go
 * down. */
#include "base/utf8.h"
#include "catalog_internal.h"

/* An element type needs a position beside it, and a variable replaces the clue (commands.json,
 * click). */
void rule_click(const struct command_input *input, struct json *values, struct arena *arena,
                struct error_list *errors)
{
    (void)input;
    (void)errors;
    if (json_get(values, "element_type") != NULL &&
        json_get(values, "position_on_element") == NULL) {
        json_set(values, STR("position_on_element"), json_new_string(arena, STR("CENTER")));
    }
    if (json_get(values, "variable") != NULL) {
        json_set(values, STR("element"), json_new_string(arena, STR_EMPTY));
    }
}

static void put_upper(struct buf *out, struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        buf_char(out, char_upper(word.ptr[i]));
    }
}

/* Writes the parts between underscores: names in capitals, single characters as they are: CTRL_a,
 * PAGE_DOWN. */
static void put_key(struct buf *out, struct str key)
{
    struct str part;
    bool more = true;

    if (utf8_count(key) <= 1) {
        buf_str(out, key);
        return;
    }
    while (more) {
        more = str_cut(key, '_', &part, &key);
        if (utf8_count(part) == 1) {
            buf_str(out, part);
        } else {
            put_upper(out, part);
        }
        if (more) {
            buf_char(out, '_');
        }
    }
}

void rule_key(const struct command_input *input, struct json *values, struct arena *arena,
              struct error_list *errors)
{
    static const char *const order[] = {"ctrl", "shift", "alt", "meta"};
    const struct json *modifiers = json_get(values, "modifiers");
    struct str key = json_str(json_get(values, "key"));
    struct str head;
    struct str tail;
    struct buf text;

    (void)input;
    (void)errors;
    buf_init(&text, key.len + 64);
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const struct json *item;

        JSON_FOREACH (item, modifiers) {
            if (str_is(json_str(item), order[i])) {
                put_upper(&text, str_from(order[i]));
                buf_char(&text, '_');
                break;
            }
        }
    }
    while (str_cut(key, '+', &head, &tail) && tail.len > 0 && key_is_modifier(head)) { /* Ctrl+A */
        put_upper(&text, head);
        buf_char(&text, '_');
        key = tail;
    }
    put_key(&text, key);
    json_set(values, STR("key"), json_new_string(arena, buf_view(&text)));
    buf_done(&text);
}

/* accept -> OK, reject -> CANCEL; with neither, a prompt with a text gets OK and any other dialog gets
 * CANCEL. */
void rule_answer(const struct command_input *input, struct json *values, struct arena *arena,
                 struct error_list *errors)
{
    bool accept = json_true(json_get(values, "accept"));
    bool reject = json_true(json_get(values, "reject"));
    bool has_text = json_get(values, "text") != NULL;
    bool ok = accept || (has_text && !reject);

    (void)input;
    if (accept && reject) {
        (void)error_at(error_list_add(errors), ERR_INVALID, "/options/reject",
                       "give accept or reject, not both");
        return;
    }
    if (has_text && reject) {
        json_set(values, STR("text"), json_new_string(arena, STR_EMPTY));
    }
    json_set(values, STR("answer"), json_new_string(arena, ok ? STR("OK") : STR("CANCEL")));
}
