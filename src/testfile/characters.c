/* Characters that no value may hold, or that mislead a reader, looked for in all nodes piece by piece. */
#include "base/check.h"
#include "base/json_plain.h"
#include "testfile_internal.h"

static bool is_control(uint32_t point)
{
    return (point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
           (point >= 0x7F && point < 0xA0);
}

static void check_text(struct compile *c, struct str text, struct place place)
{
    bool warned = false;

    text = str_sub(text, json_plain_len(text), text.len);
    while (text.len > 0) {
        uint32_t point = utf8_next(&text);

        if (is_control(point)) {
            (void)problem_refuse(c, place, "remove it; only tab and newline are taken", NULL,
                                 "the text holds the control character U+%04X", point);
            return;
        }
        warned = warned || warn_no_break_space(c, point, place);
        if (utf8_is_bidi_or_zero_width(point) && !warned) {
            problem_add(c, TESTFILE_WARNING, place, "the text holds the invisible character U+%04X",
                        point)
                ->hint = STR("an element or text that looks the same may be meant");
            warned = true;
        }
    }
}

void characters_begin(struct character_check *check, const struct node *documents)
{
    check->path[0] = documents;
    check->n = documents != NULL ? 1 : 0;
}

/* Goes on to the first child, else to the next node at this level or above. The documents are linked
 * like the children of one list. */
static void step_on(struct character_check *check, const struct node *node)
{
    if (node->first != NULL) {
        CHECK(check->n < ARRAY_LEN(check->path));
        check->path[check->n++] = node->first;
        return;
    }
    while (check->n > 0 && check->path[check->n - 1]->next == NULL) {
        check->n--;
    }
    if (check->n > 0) {
        check->path[check->n - 1] = check->path[check->n - 1]->next;
    }
}

bool characters_go_on(struct compile *c, struct character_check *check, size_t n_nodes)
{
    for (; check->n > 0 && n_nodes > 0; n_nodes--) {
        const struct node *node = check->path[check->n - 1];

        if (node->key.len > 0) {
            check_text(c, node->key, place_of_key(node));
        }
        if (node->type == NODE_SCALAR) {
            check_text(c, node->text, place_of(node));
            check_slips(c, node);
        }
        step_on(check, node);
    }
    return check->n == 0;
}
