/* Names of keys and types of elements. The platform accepts any text for them and does nothing if it does not
 * know the word. So a caller is warned of an unknown key, and of a type that is misspelled. */
#include "base/nearest.h"
#include "base/utf8.h"
#include "catalog_internal.h"

/* Key names of WebDriver and of the platform's steps; arrows in both spellings, ARROW_UP and UP_ARROW. */
static const char key_names[] =
    "ENTER RETURN TAB SPACE BACKSPACE DELETE DEL INSERT ESCAPE ESC CANCEL CLEAR HELP PAUSE HOME END "
    "PAGE_UP PAGE_DOWN UP DOWN LEFT RIGHT ARROW_UP ARROW_DOWN ARROW_LEFT ARROW_RIGHT UP_ARROW DOWN_ARROW "
    "LEFT_ARROW RIGHT_ARROW SHIFT CTRL CONTROL ALT OPTION META COMMAND CMD WIN SUPER CAPS_LOCK NUM_LOCK "
    "SCROLL_LOCK PRINT_SCREEN CONTEXT_MENU SEMICOLON EQUALS PLUS MINUS COMMA PERIOD SLASH MULTIPLY ADD "
    "SUBTRACT DIVIDE DECIMAL SEPARATOR NULL";
static const char element_types[] = "LINK BUTTON INPUT IMAGE FILE DROPDOWN TEXT CHECKBOX";
static const char modifiers[] = "CTRL CONTROL SHIFT ALT OPTION META COMMAND CMD WIN SUPER";

/* PageDown, page-down and PAGE_DOWN are one name. */
static bool is_same(struct str a, struct str b)
{
    size_t at = 0;

    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] == '_' || a.ptr[i] == '-' || a.ptr[i] == ' ') {
            continue;
        }
        at += at < b.len && b.ptr[at] == '_' ? 1 : 0;
        if (at >= b.len || char_upper(a.ptr[i]) != b.ptr[at]) {
            return false;
        }
        at++;
    }
    return at == b.len;
}

/* F1 to F24, NUMPAD_5: begins with F or N and ends with a digit. */
static bool has_number(struct str key)
{
    char last = key.ptr[key.len - 1];
    char first = key.ptr[0];

    return key.len > 1 && last >= '0' && last <= '9' && str_find_char(STR("FfNn"), first) >= 0;
}

static bool is_one_of(const char *list, struct str key, struct nearest *nearest)
{
    struct str rest = str_from(list);
    struct str name;

    while (str_next(&rest, ' ', &name)) {
        if (is_same(key, name)) {
            return true;
        }
        nearest_offer(nearest, name);
    }
    return false;
}

bool key_is_modifier(struct str word)
{
    struct nearest unused;

    nearest_init(&unused, STR_EMPTY);
    return is_one_of(modifiers, word, &unused);
}

/* The key that follows the modifiers: a of CTRL_SHIFT_a and of Ctrl+Shift+a. */
static struct str without_modifiers(struct str key)
{
    struct str head;
    struct str tail;

    while ((str_cut(key, '_', &head, &tail) || str_cut(key, '+', &head, &tail)) && tail.len > 0 &&
           key_is_modifier(head)) {
        key = tail;
    }
    return key;
}

bool key_is_known(struct str key, struct str *out_near)
{
    struct nearest nearest;

    *out_near = STR_EMPTY;
    key = without_modifiers(str_trim(key));
    if (utf8_count(key) <= 1 || str_find_char(key, '$') >= 0 || str_contains(key, STR("{{")) ||
        has_number(key)) {
        return true;
    }
    nearest_init(&nearest, key);
    if (is_one_of(key_names, key, &nearest)) {
        return true;
    }
    *out_near = nearest.best;
    return false;
}

bool element_type_is_near(struct str type, struct str *out_near)
{
    struct nearest nearest;

    nearest_init(&nearest, type);
    *out_near = is_one_of(element_types, type, &nearest) ? STR_EMPTY : nearest.best;
    return out_near->len > 0;
}
