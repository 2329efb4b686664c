/* Who has a place, and who leaves for another. */
#include "harness/cmocka.h"

#include "base/attr.h"
#include "http/places.h"

enum { SHARE = 3, N_PLACES = 16 };

struct fixture {
    struct places places;
    struct place place[N_PLACES];
    size_t n;
};

static void begin(struct fixture *f, bool counts_loopback)
{
    static const struct str exempt[] = {{"198.51.100.0/24", 15}, {"nonsense", 8}};
    const struct places_options options = {.max_per_address = SHARE,
                                           .counts_loopback = counts_loopback,
                                           .exempt = exempt,
                                           .n_exempt = ARRAY_LEN(exempt)};

    *f = (struct fixture){.n = 0};
    places_init(&f->places, &options);
}

static void end(struct fixture *f)
{
    for (size_t i = 0; i < f->n; i++) {
        places_leave(&f->places, &f->place[i]);
        places_leave(&f->places, &f->place[i]);
    }
    places_done(&f->places);
}

/* NULL: refused; *out_instead as places_enter says. */
static struct place *enter(struct fixture *f, const char *peer, struct place **out_instead)
{
    struct place *place = &f->place[f->n];

    assert_true(f->n < N_PLACES);
    if (!places_enter(&f->places, place, str_from(peer), out_instead)) {
        return NULL;
    }
    f->n++;
    return place;
}

static void an_address_has_its_share(void **state)
{
    static const char *const peers[] = {"192.0.2.7:1", "192.0.2.7:2", "192.0.2.7:3"};
    struct fixture f;
    struct place *instead;

    (void)state;
    begin(&f, false);
    for (size_t i = 0; i < SHARE; i++) {
        assert_non_null(enter(&f, peers[i], &instead));
        assert_null(instead);
    }
    assert_null(enter(&f, "192.0.2.7:4", &instead));
    assert_null(instead);                                     /* nobody waits for a head */
    assert_null(enter(&f, "[::ffff:192.0.2.7]:4", &instead)); /* the same address */
    assert_non_null(enter(&f, "192.0.2.8:1", &instead));
    places_leave(&f.places, &f.place[0]);
    assert_non_null(enter(&f, "192.0.2.7:4", &instead));
    end(&f);
}

static void the_oldest_of_the_address_without_a_head_leaves_for_a_new_one(void **state)
{
    struct fixture f;
    struct place *instead;

    (void)state;
    begin(&f, false);
    for (size_t i = 0; i < SHARE; i++) {
        struct place *place = enter(&f, "[2001:db8::1]:1", &instead);

        assert_non_null(place);
        places_await_head(&f.places, place);
    }
    assert_null(enter(&f, "[2001:db8::2]:1", &instead)); /* of the same /64 */
    assert_ptr_equal(instead, &f.place[0]);
    places_work(&f.place[0]); /* its head is complete */
    assert_null(enter(&f, "[2001:db8::2]:1", &instead));
    assert_ptr_equal(instead, &f.place[1]);
    places_leave(&f.places, instead);
    assert_non_null(enter(&f, "[2001:db8::2]:1", &instead));
    assert_non_null(enter(&f, "[2001:db8:0:1::1]:1", &instead));
    end(&f);
}

static void loopback_and_trusted_peers_share_nothing(void **state)
{
    static const char *const peers[] = {"127.0.0.1:1", "[::1]:1", "127.8.0.1:1", "198.51.100.9:1",
                                        ""};
    struct fixture f;
    struct place *instead;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        begin(&f, false);
        for (size_t k = 0; k < SHARE + 2; k++) {
            assert_non_null(enter(&f, peers[i], &instead));
        }
        end(&f);
    }
    begin(&f, true);
    for (size_t k = 0; k < SHARE; k++) {
        assert_non_null(enter(&f, "127.0.0.1:1", &instead));
    }
    assert_null(enter(&f, "127.0.0.1:1", &instead));
    end(&f);
}

static void who_has_waited_longest_is_the_first_to_leave(void **state)
{
    struct fixture f;
    struct place *instead;
    struct place *place[4];

    (void)state;
    begin(&f, false);
    for (size_t i = 0; i < ARRAY_LEN(place); i++) {
        place[i] = enter(&f, "127.0.0.1:1", &instead);
        places_await_head(&f.places, place[i]);
    }
    assert_ptr_equal(places_first_headless(&f.places), place[0]);
    places_work(place[0]);
    assert_ptr_equal(places_first_headless(&f.places), place[1]);
    places_rest(&f.places, place[0]);
    assert_ptr_equal(places_first_resting(&f.places), place[0]);
    places_await_head(&f.places, place[0]); /* the first bytes of another request */
    assert_null(places_first_resting(&f.places));
    for (size_t i = 1; i < ARRAY_LEN(place); i++) {
        places_leave(&f.places, place[i]);
    }
    assert_ptr_equal(places_first_headless(&f.places), place[0]);
    end(&f);
}

int test_places(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_its_share),
        cmocka_unit_test(the_oldest_of_the_address_without_a_head_leaves_for_a_new_one),
        cmocka_unit_test(loopback_and_trusted_peers_share_nothing),
        cmocka_unit_test(who_has_waited_longest_is_the_first_to_leave),
    };

    return cmocka_run_group_tests_name("places of a server", tests, NULL, NULL);
}
