#include "events/audit.h"

#include "audit_line.h"
#include "base/mem.h"

static enum error_code fail(struct error *err, size_t line, const char *what)
{
    return error_set(err, ERR_INVALID, "line %zu: %s", line, what);
}

/* True: the line says that its writer closed a torn line of so many bytes. */
static bool closes_torn_line(struct str line, size_t torn_bytes)
{
    static const struct str mark = STR_INIT("\"audit.recovered\",\"torn_bytes\":");
    char digits[DIGITS_MAX];
    ptrdiff_t at = str_find(line, mark);
    struct str told;
    struct str rest;

    if (at < 0) {
        return false;
    }
    (void)str_cut(str_sub(line, (size_t)at + mark.len, line.len), ',', &told, &rest);
    return str_eq(told, str_of_int((int64_t)torn_bytes, digits));
}

static enum error_code check_line(struct audit_check *check, struct str line, size_t at,
                                  struct error *err)
{
    struct audit_head head;
    struct str before;

    if (!audit_read_line(line, &head, &before)) {
        if (check->torn_bytes > 0) {
            return fail(err, at - 1, "it is no line of an audit file, or was changed");
        }
        check->torn_bytes = line.len; /* the next line must say so */
        return ERR_OK;
    }
    if (check->torn_bytes > 0) {
        if (!closes_torn_line(line, check->torn_bytes)) {
            return fail(err, at - 1, "it is no line of an audit file, or was changed");
        }
        check->torn_bytes = 0;
        check->has_torn = true;
    }
    if (check->last > 0 && head.number != check->last + 1) {
        return error_set(
            err, ERR_INVALID,
            "line %zu: it has the number %llu, and the one before has %llu: lines were "
            "taken out, put in or moved",
            at, (unsigned long long)head.number, (unsigned long long)check->last);
    }
    if (check->last > 0 && !str_is(before, check->hash)) {
        return fail(err, at, "it does not follow the line before: that one was exchanged");
    }
    check->first = check->first == 0 ? head.number : check->first;
    check->last = head.number;
    check->n_lines++;
    mem_copy(check->hash, head.hash, sizeof(check->hash));
    return ERR_OK;
}

enum error_code audit_check_text(struct audit_check *check, struct str text, struct error *err)
{
    enum error_code code = ERR_OK;
    size_t at = 0;

    while (text.len > 0 && code == ERR_OK) {
        struct str line;

        (void)str_cut(text, '\n', &line, &text);
        code = check_line(check, line, ++at, err);
    }
    if (code == ERR_OK && check->torn_bytes > 0) {
        return fail(err, at, "it is no line of an audit file, or was changed or cut");
    }
    return code;
}
