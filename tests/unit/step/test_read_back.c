/* A checkpoint read back after a lost answer: a row a case of what stands there. */
#include "harness/cmocka.h"

#include "step/read_back.h"

int test_read_back(void);

#define CLICK(id, clue)                                                                            \
    "{\"id\":" #id ",\"action\":\"CLICK\",\"value\":\"\",\"optional\":false,"                      \
    "\"meta\":{\"kind\":\"CLICK\",\"poll\":100},\"element\":{\"target\":{\"selectors\":["          \
    "{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"" clue "\\\"}\"}]}}}"

static const char sent[] =
    "{\"action\":\"CLICK\",\"value\":\"\",\"target\":{\"selectors\":[{\"type\":\"GUESS\","
    "\"value\":\"{\\\"clue\\\":\\\"Pay\\\"}\"}]},\"meta\":{\"kind\":\"CLICK\"}}";

struct look_case {
    const char *what;
    const char *before; /* NULL: not known */
    const char *steps;
    int64_t position;
    bool was_end;
    enum read_back_result result;
    int64_t id; /* of the step that is told of; 0 none */
};

static const struct look_case cases[] = {
    {"nothing there", NULL, "[]", 0, true, READ_BACK_MISSING, 0},
    {"at its place, which was the end", NULL, "[" CLICK(5, "Pay") "]", 0, true, READ_BACK_FOUND, 5},
    {"at its place, where something may have stood", NULL, "[" CLICK(5, "Pay") "]", 0, false,
     READ_BACK_OTHER, 5},
    {"another element", NULL, "[" CLICK(5, "Buy") "]", 0, true, READ_BACK_MISSING, 0},
    {"at another place", NULL, "[" CLICK(5, "Buy") "," CLICK(6, "Pay") "]", 0, true,
     READ_BACK_OTHER, 6},
    {"past the end, where the platform appends", NULL, "[" CLICK(5, "Pay") "]", 100, false,
     READ_BACK_OTHER, 5},
    {"other details", NULL,
     "[{\"id\":5,\"action\":\"CLICK\",\"value\":\"\",\"meta\":{\"kind\":\"MOUSE\"}}]", 0, true,
     READ_BACK_MISSING, 0},
    {"without an id", NULL, "[{\"action\":\"CLICK\",\"value\":\"\"}]", 0, true, READ_BACK_BLIND, 0},
    {"no list", NULL, "{}", 0, true, READ_BACK_BLIND, 0},
    {"a list of something else", NULL, "[1,null]", 0, true, READ_BACK_BLIND, 0},
    {"fewer than stood there", NULL, "[]", 1, true, READ_BACK_BLIND, 0},
    {"nothing where an older one stood", "[" CLICK(5, "Pay") "]", "[]", 1, true, READ_BACK_BLIND,
     0},
    {"another one instead of the older one", "[" CLICK(5, "Pay") "]", "[" CLICK(6, "Buy") "]", 1,
     true, READ_BACK_BLIND, 0},
    {"ours without the older one", "[" CLICK(5, "Buy") "]", "[" CLICK(6, "Pay") "]", 1, true,
     READ_BACK_FOUND, 6},
    {"an id as text", NULL, "[{\"id\":\"5\",\"action\":\"CLICK\",\"value\":\"\"}]", 0, true,
     READ_BACK_FOUND, 5},
    {"an older one only", "[" CLICK(5, "Pay") "]", "[" CLICK(5, "Pay") "]", 1, true,
     READ_BACK_MISSING, 0},
    {"an older one at its place", "[" CLICK(5, "Pay") "]", "[" CLICK(5, "Pay") "]", 0, true,
     READ_BACK_MISSING, 0},
    {"new, and pushed along by another", "[" CLICK(5, "Pay") "]",
     "[" CLICK(5, "Pay") "," CLICK(9, "Buy") "," CLICK(7, "Pay") "]", 1, true, READ_BACK_FOUND, 7},
    {"told already, and one that is not", "[]", "[" CLICK(100, "Pay") "," CLICK(7, "Pay") "]", 0,
     true, READ_BACK_FOUND, 7},
    {"told already, all of them", "[]", "[" CLICK(100, "Pay") "]", 0, true, READ_BACK_OTHER, 100},
};

static struct json *parse(struct arena *arena, const char *text)
{
    struct json *json = NULL;

    if (text != NULL) {
        assert_int_equal(json_parse(arena, str_from(text), NULL, &json, NULL), ERR_OK);
    }
    return json;
}

static struct json *answer_of(struct arena *arena, const char *steps)
{
    struct json *answer = json_new_object(arena);

    json_set(answer, STR("steps"), parse(arena, steps));
    return answer;
}

static void what_stands_there_decides(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ledger *ledger = ledger_new();
        struct read_back look = {.ledger = ledger,
                                 .checkpoint_id = 1,
                                 .sent = parse(&arena, sent),
                                 .position = cases[i].position,
                                 .was_end = cases[i].was_end};
        struct read_back_step seen = {0};
        enum read_back_result result;

        if (cases[i].before != NULL) {
            look.old = read_back_ids(&arena, parse(&arena, cases[i].before), &look.n_old);
        }
        ledger_tell(ledger, 100);
        result = read_back_look(&look, &arena, answer_of(&arena, cases[i].steps), &seen);
        if (result != cases[i].result || step_id_of(json_get(seen.step, "id")) != cases[i].id) {
            fail_msg("%s: %d, step %lld", cases[i].what, (int)result,
                     (long long)step_id_of(json_get(seen.step, "id")));
        }
        if (result == READ_BACK_FOUND) {
            assert_int_equal(ledger_ask(ledger, &(struct ledger_question){.step_id = cases[i].id,
                                                                          .checkpoint_id = 1}),
                             LEDGER_TOLD);
        }
        ledger_free(ledger);
    }
    arena_done(&arena);
}

/* What is not about the checkpoint, in any envelope. */
static void an_answer_about_something_else_says_nothing(void **state)
{
    static const char *const nothing[] = {
        "{}",
        "null",
        "[]",
        "{\"id\":1}",
        "{\"id\":2,\"steps\":[]}",
        "{\"id\":\"2\",\"steps\":[]}",
        "{\"success\":true,\"item\":{\"id\":2,\"steps\":[]}}",
        "{\"steps\":null}",
        "{\"steps\":[[]]}",
    };
    static const char *const something[] = {
        "{\"steps\":[]}",
        "{\"id\":1,\"steps\":[]}",
        "{\"id\":\"1\",\"steps\":[]}",
        "{\"success\":true,\"item\":{\"id\":1,\"steps\":[]}}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_null(read_back_steps(NULL, 1));
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        assert_null(read_back_steps(parse(&arena, nothing[i]), 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(something); i++) {
        assert_non_null(read_back_steps(parse(&arena, something[i]), 1));
    }
    arena_done(&arena);
}

/* The step of a create that is still on its way may be told there: only afterwards it is clear. */
static void who_may_still_be_told_is_waited_for(void **state)
{
    struct arena arena;
    struct ledger *ledger = ledger_new();
    struct ledger_mark other = {0};
    struct ledger_mark later = {0};
    struct read_back look = {.ledger = ledger, .checkpoint_id = 1, .was_end = true};
    struct read_back_step seen = {0};
    const struct json *one;
    const struct json *two;

    (void)state;
    arena_init(&arena);
    look.sent = parse(&arena, sent);
    look.old = read_back_ids(&arena, NULL, &look.n_old);
    one = answer_of(&arena, "[" CLICK(5, "Pay") "]");
    two = answer_of(&arena, "[" CLICK(9, "Pay") "," CLICK(5, "Pay") "]");
    ledger_begin(ledger, &other, 1);
    assert_int_equal(read_back_look(&look, &arena, one, &seen), READ_BACK_WAIT);
    ledger_begin(ledger, &later, 1); /* begun after the look: not waited for */
    ledger_end(&other);
    assert_int_equal(read_back_look(&look, &arena, two, &seen), READ_BACK_FOUND);
    assert_int_equal(step_id_of(json_get(seen.step, "id")), 5);
    assert_int_equal(seen.position, 1);
    ledger_end(&later);
    ledger_free(ledger);
    arena_done(&arena);
}

/* Direct access makes steps that nobody here understands: they may look like ours. */
static void after_direct_access_nothing_is_certain(void **state)
{
    struct arena arena;
    struct ledger *ledger = ledger_new();
    struct ledger_mark direct = {0};
    struct read_back look = {.ledger = ledger, .checkpoint_id = 1, .since = ledger_now(ledger)};
    struct read_back_step seen = {0};
    const struct json *answer;

    (void)state;
    arena_init(&arena);
    look.sent = parse(&arena, sent);
    look.old = read_back_ids(&arena, NULL, &look.n_old);
    answer = answer_of(&arena, "[" CLICK(5, "Pay") "]");
    ledger_begin(ledger, &direct, LEDGER_ANY_CHECKPOINT);
    assert_int_equal(read_back_look(&look, &arena, answer, &seen), READ_BACK_WAIT);
    ledger_end_unknown(ledger, &direct);
    ledger_end_unknown(ledger, &direct);
    assert_int_equal(read_back_look(&look, &arena, answer, &seen), READ_BACK_OTHER);
    look.since = ledger_now(ledger); /* counted afterwards */
    assert_int_equal(read_back_look(&look, &arena, answer, &seen), READ_BACK_FOUND);
    ledger_free(ledger);
    arena_done(&arena);
}

int test_read_back(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_there_decides),
        cmocka_unit_test(an_answer_about_something_else_says_nothing),
        cmocka_unit_test(who_may_still_be_told_is_waited_for),
        cmocka_unit_test(after_direct_access_nothing_is_certain),
    };

    return cmocka_run_group_tests_name("read back", tests, NULL, NULL);
}
