/* A bounded table of buckets: who fills it gains nothing. */
#include "harness/cmocka.h"

#include "api/gate/limit_table.h"

static const struct gcra_limit limit = {.per_second = 1, .burst = 2};

static struct limit_bucket *get(struct limit_table *table, uint64_t id, uint64_t now_ns)
{
    return limit_table_get(table, (struct str){(const char *)&id, sizeof(id)}, now_ns);
}

static void a_bucket_stays_while_it_is_not_full(void **state)
{
    struct limit_table table;
    struct limit_bucket *first;

    (void)state;
    limit_table_init(&table, 3);
    first = get(&table, 1, 0);
    (void)gcra_take(&first->tat_ns, limit, 0);
    (void)gcra_take(&first->tat_ns, limit, 0);
    (void)gcra_take(&get(&table, 2, 0)->tat_ns, limit, 0);
    (void)gcra_take(&get(&table, 3, 0)->tat_ns, limit, 0);
    assert_ptr_equal(get(&table, 4, 0), &table.shared);
    assert_ptr_equal(get(&table, 1, 0), first);
    assert_false(gcra_take(&get(&table, 1, 0)->tat_ns, limit, 0).allowed);
    /* ten seconds later all are full, and a newcomer has room */
    assert_ptr_not_equal(get(&table, 4, UINT64_C(10000000000)), &table.shared);
    limit_table_done(&table);
}

static void a_bucket_in_use_stays_though_it_is_full(void **state)
{
    struct limit_table table;
    struct limit_bucket *used;

    (void)state;
    limit_table_init(&table, 1);
    used = get(&table, 1, 0);
    used->in_flight = 1;
    assert_ptr_equal(get(&table, 2, 0), &table.shared);
    used->in_flight = 0;
    assert_ptr_not_equal(get(&table, 2, 0), &table.shared);
    limit_table_done(&table);
}

static void a_million_keys_take_the_room_of_the_table(void **state)
{
    struct limit_table table;

    (void)state;
    limit_table_init(&table, 1000);
    for (uint64_t id = 0; id < 1000000; id++) {
        (void)gcra_take(&get(&table, id, id)->tat_ns, limit, id);
    }
    assert_int_equal(lru_size(&table.buckets), 1000);
    limit_table_done(&table);
}

int test_limit_table(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_stays_while_it_is_not_full),
        cmocka_unit_test(a_bucket_in_use_stays_though_it_is_full),
        cmocka_unit_test(a_million_keys_take_the_room_of_the_table),
    };

    return cmocka_run_group_tests_name("api/limit_table", tests, NULL, NULL);
}
