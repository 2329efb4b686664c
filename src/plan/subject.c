/* Whether a success is about what was asked, or is the answer to another request: one that came twice, or late. */
#include "plan/answer.h"
#include "plan_internal.h"

enum { CUT_MIN = 50 /* the platform may shorten a name that is longer */ };

/* --- ids that were told --- */

const char *told_find(const struct told_ids *ids, int64_t id, uint64_t connection)
{
    const struct told_id *told = ids != NULL ? &ids->of[(uint64_t)id % TOLD_MAX] : NULL;

    return told != NULL && connection != 0 && told->id == id && told->connection == connection
               ? told->kind
               : NULL;
}

void told_note(struct told_ids *ids, const struct told_id *told)
{
    if (ids != NULL) {
        ids->of[(uint64_t)told->id % TOLD_MAX] = *told;
    }
}

void plan_note_made(struct plan *plan)
{
    const struct call_spec *spec = plan->way->spec;
    const struct capture *made = &spec->captures[0];

    if (spec->class == CALL_CREATE &&
        made->required) { /* the answer has it, and it was just kept */
        const struct told_id told = {.id = id_number(plan_get(plan, made->variable)),
                                     .connection = plan->upstream_call.connection_serial,
                                     .kind = made->variable};

        told_note(plan->port->told, &told);
    }
}

/* True: this connection has told the id before, of a thing of the same kind. */
static bool was_told(const struct plan *plan, const struct json *answer)
{
    const struct capture *made = &plan->way->spec->captures[0];
    const char *kind;

    if (made->variable == NULL) {
        return false;
    }
    kind = told_find(plan->port->told, id_number(json_find(answer, made->pointers)),
                     plan->upstream_call.connection_serial);
    return kind != NULL && str_is(str_from(kind), made->variable);
}

/* --- names --- */

/* Names that the platform may write in another way (escapes, other letters, blanks drawn together) prove nothing, and
 * neither does a part of a long one. */
static bool is_another_name(struct str told, struct str sent)
{
    told = str_trim(told);
    sent = str_trim(sent);
    return told.len > 0 && sent.len > 0 && str_is_only(sent, "A-Za-z0-9 _.,:#/()+-") &&
           !str_contains(sent, STR("  ")) && !str_eq_nocase(told, sent) &&
           !(told.len >= CUT_MIN && str_starts(sent, told));
}

/* --- the judgement --- */

static enum error_code say_another(const struct call_spec *spec, int status, struct error *err)
{
    err->upstream_status = status;
    return error_set(err, ERR_UPSTREAM_SHAPE,
                     "%s: the platform's answer is about another one, so it may belong to another "
                     "request. It may have been carried out; look before repeating it",
                     spec->name);
}

enum error_code plan_judge_subject(const struct plan *plan, const struct plan_row *row,
                                   const struct answer *answer, struct error *err)
{
    const struct call_spec *spec = plan->way->spec;

    if (spec->about != NULL) {
        enum error_code code =
            answer_judge_subject(answer, spec, row_value(plan, row, spec->about), err);

        if (code != ERR_OK) {
            return code;
        }
    }
    if (!plan->upstream_call.was_kept) {
        return ERR_OK; /* the first answer of a connection is that to its request */
    }
    if (spec->repeats.variable != NULL) {
        struct str told = json_str(json_find(answer->json, spec->repeats.pointers));
        struct str sent = json_str(row_value(plan, row, spec->repeats.variable));

        if (is_another_name(told, sent) || (told.len == 0 && was_told(plan, answer->json))) {
            return say_another(spec, answer->status, err);
        }
    }
    return ERR_OK;
}
