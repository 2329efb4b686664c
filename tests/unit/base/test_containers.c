/* list, map, lru, later and the clock. */
#include "harness/cmocka.h"

#include "base/clock.h"
#include "base/later.h"
#include "base/list.h"
#include "base/lru.h"
#include "base/map.h"
#include "base/mem.h"

int test_containers(void);

struct thing {
    struct list link;
    struct map_node node;
    struct lru_entry lru;
    struct later_item item;
    int number;
    char key[16];
};

static void a_list_keeps_its_order_and_lets_go(void **state)
{
    struct list head;
    struct list other;
    struct thing things[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct list *link;
    struct list *after;
    int expected = 0;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_first(&head));
    list_remove(&things[0].link); /* in no list: fine */
    list_append(&head, &things[1].link);
    list_append(&head, &things[2].link);
    list_prepend(&head, &things[0].link);
    list_insert_before(&head, &things[3].link);
    LIST_FOREACH (link, &head) {
        assert_int_equal(CONTAINER_OF(link, struct thing, link)->number, expected++);
    }
    assert_int_equal(expected, 4);
    LIST_FOREACH_SAFE (link, after, &head) {
        if (CONTAINER_OF(link, struct thing, link)->number % 2 == 0) {
            list_remove(link);
            assert_false(list_is_linked(link));
        }
    }
    list_init(&other);
    list_append(&other, &things[0].link);
    list_append_all(&other, &head);
    assert_true(list_is_empty(&head));
    assert_ptr_equal(list_take_first(&other), &things[0].link);
    assert_ptr_equal(list_take_first(&other), &things[1].link);
    assert_ptr_equal(list_take_first(&other), &things[3].link);
    assert_null(list_take_first(&head));
}

static void an_lru_drops_the_longest_unused_entry_that_nobody_holds(void **state)
{
    struct thing things[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct str names[] = {STR("a"), STR("b"), STR("c")};
    struct lru lru;

    (void)state;
    lru_init(&lru);
    assert_null(LRU_OLDEST(&lru, struct thing, lru));
    for (size_t i = 0; i < 3; i++) {
        lru_add(&lru, &things[i].lru, names[i]);
    }
    assert_null(LRU_FIND(&lru, STR("d"), struct thing, lru));
    assert_ptr_equal(LRU_FIND(&lru, names[2], struct thing, lru), &things[2]);
    assert_ptr_equal(LRU_OLDEST(&lru, struct thing, lru), &things[0]); /* finding is not using */
    lru_touch(&lru, &things[0].lru);
    assert_ptr_equal(LRU_OLDEST(&lru, struct thing, lru), &things[1]);
    lru_hold(&lru, &things[1].lru);
    lru_hold(&lru, &things[1].lru);
    assert_int_equal(lru.n_idle, 2);
    assert_ptr_equal(LRU_OLDEST(&lru, struct thing, lru), &things[2]);
    assert_ptr_equal(LRU_FIND(&lru, names[1], struct thing, lru), &things[1]);
    lru_touch(&lru, &things[1].lru); /* behind the others again */
    lru_remove(&lru, &things[2].lru);
    lru_remove(&lru, &things[0].lru);
    assert_ptr_equal(LRU_OLDEST(&lru, struct thing, lru), &things[1]);
    lru_hold(&lru, &things[1].lru);
    lru_remove(&lru, &things[1].lru); /* held ones leave too */
    assert_int_equal(lru.n_idle, 0);
    assert_int_equal(lru_size(&lru), 0);
    lru_done(&lru);
}

static void a_map_finds_what_was_put_in_and_nothing_else(void **state)
{
    enum { N = 2000 };
    struct thing *things = mem_calloc(N, sizeof(*things));
    struct map_node *node;
    struct map_node *after;
    struct map map;
    size_t n_seen = 0;

    (void)state;
    map_init(&map);
    assert_null(map_find(&map, STR("x")));
    assert_null(map_first(&map));
    for (int i = 0; i < N; i++) {
        struct buf key;

        buf_init(&key, sizeof(things[i].key) - 1);
        buf_printf(&key, "key %d", i);
        str_copy(things[i].key, sizeof(things[i].key), buf_view(&key));
        buf_done(&key);
        map_insert(&map, &things[i].node, str_from(things[i].key));
    }
    assert_int_equal(map.n_nodes, N);
    assert_true(map.n_buckets * 2 >= N);
    for (int i = 0; i < N; i += 2) {
        map_remove(&map, &things[i].node);
    }
    for (int i = 0; i < N; i++) {
        const struct map_node *found = map_find(&map, str_from(things[i].key));

        assert_ptr_equal(found, i % 2 == 0 ? NULL : &things[i].node);
    }
    assert_null(MAP_FIND(&map, STR("key 0"), struct thing, node));
    assert_ptr_equal(MAP_FIND(&map, STR("key 1"), struct thing, node), &things[1]);
    MAP_FOREACH (node, &map) {
        n_seen++;
    }
    assert_int_equal(n_seen, N / 2);
    MAP_FOREACH_SAFE (node, after, &map) {
        map_remove(&map, node);
    }
    assert_int_equal(map.n_nodes, 0);
    assert_null(map_first(&map));
    map_done(&map);
    mem_free(things);
}

static struct later later;
static int n_run;

static void count(struct later_item *item)
{
    (void)item;
    n_run++;
}

static void count_and_queue_again(struct later_item *item)
{
    n_run++;
    later_add(&later, item, count);
}

static void work_for_later_waits_for_its_turn(void **state)
{
    struct thing things[3] = {{.number = 0}};

    (void)state;
    n_run = 0;
    later_init(&later);
    later_add(&later, &things[0].item, count);
    later_add(&later, &things[0].item, count); /* already queued */
    later_add(&later, &things[1].item, count_and_queue_again);
    later_add(&later, &things[2].item, count);
    later_remove(&things[2].item);
    later_remove(&things[2].item);
    assert_int_equal(n_run, 0);
    assert_int_equal(later_run(&later), 2);
    assert_int_equal(n_run, 2); /* what was queued meanwhile waits */
    assert_false(later_is_empty(&later));
    assert_int_equal(later_run(&later), 1);
    assert_int_equal(later_run(&later), 0);
    assert_true(later_is_empty(&later));
}

static void a_frozen_clock_moves_when_told_and_dates_are_utc(void **state)
{
    static const struct {
        int64_t wall_ms;
        const char *iso;
        const char *http;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"},
        {951782399999, "2000-02-28T23:59:59.999Z", "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400000, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"},
        {-1, "1969-12-31T23:59:59.999Z", "Wed, 31 Dec 1969 23:59:59 GMT"},
    };
    struct buf text;

    (void)state;
    clock_set(5000, 1000000);
    clock_advance(250);
    assert_int_equal(clock_now_ms(), 5250);
    assert_int_equal(clock_now_us(), 5250000);
    assert_int_equal(clock_wall_ms(), 1000250);
    clock_release();
    assert_true(clock_wall_ms() > 1000250);
    buf_init(&text, 100);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&text);
        clock_format(&text, rows[i].wall_ms);
        assert_string_equal(buf_cstr(&text), rows[i].iso);
        buf_clear(&text);
        clock_format_imf(&text, rows[i].wall_ms);
        assert_string_equal(buf_cstr(&text), rows[i].http);
    }
    buf_done(&text);
}

int test_containers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_keeps_its_order_and_lets_go),
        cmocka_unit_test(an_lru_drops_the_longest_unused_entry_that_nobody_holds),
        cmocka_unit_test(a_map_finds_what_was_put_in_and_nothing_else),
        cmocka_unit_test(work_for_later_waits_for_its_turn),
        cmocka_unit_test(a_frozen_clock_moves_when_told_and_dates_are_utc),
    };

    return cmocka_run_group_tests_name("base: containers", tests, NULL, NULL);
}
