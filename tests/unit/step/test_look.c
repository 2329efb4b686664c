/* A checkpoint read back after a lost answer: a row a case of what stands there. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "plan/answer.h"
#include "step/look.h"

int test_look(void);

#define CLICK(id, clue)                                                                            \
    "{\"id\":" #id ",\"action\":\"CLICK\",\"value\":\"\",\"optional\":false,"                      \
    "\"meta\":{\"kind\":\"CLICK\",\"poll\":100},\"element\":{\"target\":{\"selectors\":["          \
    "{\"type\":\"GUESS\",\"value\":\"{\\\"clue\\\":\\\"" clue "\\\"}\"}]}}}"

static const char sent[] =
    "{\"action\":\"CLICK\",\"value\":\"\",\"target\":{\"selectors\":[{\"type\":\"GUESS\","
    "\"value\":\"{\\\"clue\\\":\\\"Pay\\\"}\"}]},\"meta\":{\"kind\":\"CLICK\"}}";

struct look_case {
    const char *what;
    const char *before; /* what the lane knew; NULL: nothing */
    const char *steps;
    int64_t position;
    enum look_result result;
    int64_t id; /* of the step that is told of; 0 none */
};

static const struct look_case cases[] = {
    {"nothing there", "[]", "[]", 0, LOOK_MISSING, 0},
    {"the only new one", "[]", "[" CLICK(5, "Pay") "]", 0, LOOK_FOUND, 5},
    {"one that may be older", NULL, "[" CLICK(5, "Pay") "]", 0, LOOK_OTHER, 5},
    {"two new ones", "[]", "[" CLICK(5, "Pay") "," CLICK(6, "Pay") "]", 1, LOOK_OTHER, 6},
    {"another element", "[]", "[" CLICK(5, "Buy") "]", 0, LOOK_MISSING, 0},
    {"another element beside it", "[]", "[" CLICK(5, "Buy") "," CLICK(6, "Pay") "]", 0, LOOK_FOUND,
     6},
    {"past the end, where the platform appends", NULL, "[" CLICK(5, "Pay") "]", 100, LOOK_OTHER, 5},
    {"other details", "[]",
     "[{\"id\":5,\"action\":\"CLICK\",\"value\":\"\",\"meta\":{\"kind\":\"MOUSE\"}}]", 0,
     LOOK_MISSING, 0},
    {"without an id", "[]", "[{\"action\":\"CLICK\",\"value\":\"\"}]", 0, LOOK_BLIND, 0},
    {"with an id that is none", "[]", "[{\"id\":-1,\"action\":\"CLICK\"}]", 0, LOOK_BLIND, 0},
    {"a new one that cannot be read", "[]", "[{\"id\":5,\"parsedStep\":{\"action\":\"CLICK\"}}]", 0,
     LOOK_BLIND, 0},
    {"an older one that cannot be read", "[{\"id\":5}]", "[{\"id\":5}]", 1, LOOK_MISSING, 0},
    {"an older one twice", "[{\"id\":5},{\"id\":6}]", "[{\"id\":5},{\"id\":5}]", 2, LOOK_BLIND, 0},
    {"a new one twice", "[]", "[" CLICK(5, "Pay") "," CLICK(5, "Pay") "]", 0, LOOK_BLIND, 0},
    {"one twice, as number and as text", "[{\"id\":5}]", "[{\"id\":5},{\"id\":\"5\"}]", 1,
     LOOK_BLIND, 0},
    {"no list", "[]", "{}", 0, LOOK_BLIND, 0},
    {"a list of something else", "[]", "[1,null]", 0, LOOK_BLIND, 0},
    {"fewer than stood there", NULL, "[]", 1, LOOK_BLIND, 0},
    {"nothing, and nobody knows what stood there", NULL, "[]", 0, LOOK_BLIND, 0},
    {"others, and nobody knows what stood there", NULL, "[" CLICK(5, "Buy") "]", 0, LOOK_MISSING,
     0},
    {"nothing where an older one stood", "[" CLICK(5, "Pay") "]", "[]", 1, LOOK_BLIND, 0},
    {"another one instead of the older one", "[" CLICK(5, "Pay") "]", "[" CLICK(6, "Buy") "]", 1,
     LOOK_BLIND, 0},
    {"ours without the older one", "[" CLICK(5, "Buy") "]", "[" CLICK(6, "Pay") "]", 1, LOOK_FOUND,
     6},
    {"an id as text", "[]", "[{\"id\":\"5\",\"action\":\"CLICK\",\"value\":\"\"}]", 0, LOOK_FOUND,
     5},
    {"an older one only", "[" CLICK(5, "Pay") "]", "[" CLICK(5, "Pay") "]", 1, LOOK_MISSING, 0},
    {"an older one at its place", "[" CLICK(5, "Pay") "]", "[" CLICK(5, "Pay") "]", 0, LOOK_MISSING,
     0},
    {"new, and pushed along by another", "[" CLICK(5, "Pay") "]",
     "[" CLICK(5, "Pay") "," CLICK(9, "Buy") "," CLICK(7, "Pay") "]", 1, LOOK_FOUND, 7},
};

static struct json *parse(struct arena *arena, const char *text)
{
    struct json *json = NULL;

    assert_int_equal(json_parse(arena, str_from(text), NULL, &json, NULL), ERR_OK);
    return json;
}

static void on_turn(struct lane_ticket *ticket)
{
    (void)ticket;
}

static void check(const struct look_case *one)
{
    struct later later;
    struct lanes *lanes;
    struct lane_ticket ticket = {0};
    struct arena arena;
    struct json *answer;
    struct look_seen seen;
    enum look_result result;
    bool now = false;

    later_init(&later);
    arena_init(&arena);
    lanes = lanes_new(&later, 1);
    assert_int_equal(
        lane_enter(lanes, (struct lane_key){LANE_CHECKPOINT, 1}, &ticket, on_turn, &now, NULL),
        ERR_OK);
    if (one->before != NULL) {
        const struct lane_moment moment = lanes_now(lanes);

        lane_counted(&ticket, &moment, parse(&arena, one->before));
    }
    answer = json_new_object(&arena);
    json_set(answer, STR("steps"), parse(&arena, one->steps));
    result = look_at(&(struct look){.lane = &ticket,
                                    .certain = lane_is_certain(&ticket),
                                    .checkpoint_id = 1,
                                    .position = one->position,
                                    .sent = parse(&arena, sent)},
                     &arena, answer, &seen);
    if (result != one->result || id_number(json_get(seen.step, "id")) != one->id) {
        fail_msg("%s: %d, step %lld", one->what, (int)result,
                 (long long)id_number(json_get(seen.step, "id")));
    }
    lane_leave(&ticket);
    lanes_free(lanes);
    arena_done(&arena);
}

static void what_stands_there_decides(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        check(&cases[i]);
    }
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
        "{\"success\":true,\"item\":{\"id\":1}}",
        "{\"id\":1,\"cases\":[{\"id\":2,\"steps\":[]}]}",
        "{\"id\":9,\"cases\":[{\"id\":1}]}",
        "{\"steps\":[[]]}",
    };
    static const char *const something[] = {
        "{\"steps\":[]}",
        "{\"id\":1,\"steps\":[]}",
        "{\"id\":\"1\",\"steps\":[]}",
        "{\"success\":true,\"item\":{\"id\":1,\"steps\":[]}}",
        "{\"success\":true,\"items\":[]}",
        "{\"success\":true,\"item\":[]}",
        "[{\"id\":3}]",
        "{\"id\":9,\"cases\":[{\"id\":2,\"steps\":[[]]},{\"id\":1,\"steps\":[]}]}",
        "{\"success\":true,\"item\":{\"id\":1,\"cases\":[{\"id\":\"1\",\"steps\":[]}]}}",
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_null(checkpoint_steps(NULL, 1));
    for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
        assert_null(checkpoint_steps(parse(&arena, nothing[i]), 1));
    }
    for (size_t i = 0; i < ARRAY_LEN(something); i++) {
        assert_non_null(checkpoint_steps(parse(&arena, something[i]), 1));
    }
    arena_done(&arena);
}

int test_look(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_there_decides),
        cmocka_unit_test(an_answer_about_something_else_says_nothing),
    };

    return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
