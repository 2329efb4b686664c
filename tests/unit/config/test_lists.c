/* Lists as texts: where an item begins and ends. */
#include <stdio.h>

#include "fixture.h"

#include "crypto/digest.h"

enum { ITEMS_MAX = 3 };

static void assert_keys(const struct config *config, const char *const *keys)
{
    size_t n = 0;

    for (; n < ITEMS_MAX && keys[n] != NULL; n++) {
        struct digest digest;

        assert_true(n < config->auth.n_keys);
        digest_of(str_from(keys[n]), &digest);
        assert_memory_equal(config->auth.keys[n].sha256, digest.bytes, DIGEST_BYTES);
    }
    assert_int_equal(config->auth.n_keys, n);
}

/* Half of a key lets nobody in. */
static void what_stands_in_quotes_is_one_item(void **state)
{
    static const struct {
        const char *text;
        const char *keys[ITEMS_MAX];
    } rows[] = {
        {"[\"Zq8kfj29dkf,Pw93kdkfj2lx\"]", {"Zq8kfj29dkf,Pw93kdkfj2lx"}},
        {"['Zq8kfj29dkf,Pw93kdkfj2lx']", {"Zq8kfj29dkf,Pw93kdkfj2lx"}},
        {"'[\"Zq8kfj29dkf,Pw93kdkfj2lx\"]'", {"Zq8kfj29dkf,Pw93kdkfj2lx"}},
        {"[\"Zq8kfj29dkf,Pw93kdkfj2lx\", 'b;7|9d#kfj3k']",
         {"Zq8kfj29dkf,Pw93kdkfj2lx", "b;7|9d#kfj3k"}},
        {"\"Zq8kfj29dkf,Pw93kdkfj2lx\",'b,79dkfj3k' c79dkfj3k",
         {"Zq8kfj29dkf,Pw93kdkfj2lx", "b,79dkfj3k", "c79dkfj3k"}},
        {"# two\n\"Zq8kfj29dkf,Pw93kdkfj2lx\" # one\nb79dkfj3k",
         {"Zq8kfj29dkf,Pw93kdkfj2lx", "b79dkfj3k"}},
        {"[\" Zq8kfj29dkf \", \"\"]", {"Zq8kfj29dkf"}},
        {"'\"Zq8kfj29dkf\",\"b79dkfj3k\"'", {"Zq8kfj29dkf", "b79dkfj3k"}},
        /* Docker's --env-file hands over the quotes that stand around a whole value. */
        {"\"Zq8kfj29dkf,Pw93kdkfj2lx\"", {"Zq8kfj29dkf", "Pw93kdkfj2lx"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char variable[128];
        const char *environment[] = {variable, TOKEN, NULL};
        struct loaded loaded;

        (void)snprintf(variable, sizeof(variable), "API_KEYS=%s", rows[i].text);
        loaded = load_all(environment, NULL);
        assert_taken(&loaded);
        assert_keys(loaded.config, rows[i].keys);
        done(&loaded);
    }
}

static void json_is_read_as_json(void **state)
{
    static const char *const texts[] = {
        "API_KEYS=[\"Zq8k\\/j29dkf\\/x\", \"\\u006a8kfj29\\\"dkf\"]",
        "API_KEYS='[\"Zq8k/j29dkf\\u002fx\",\"j8kfj29\\\"dkf\"]'",
        "API_KEYS=\xEF\xBB\xBF [\n\"Zq8k/j29dkf/x\",\n\"j8kfj29\\u0022dkf\"\n]\n",
    };
    static const char *const keys[] = {"Zq8k/j29dkf/x", "j8kfj29\"dkf", NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const char *environment[] = {texts[i], TOKEN, NULL};
        struct loaded loaded = load_all(environment, NULL);

        assert_taken(&loaded);
        assert_keys(loaded.config, keys);
        done(&loaded);
    }
}

static void a_list_that_reads_two_ways_is_refused(void **state)
{
    static const struct {
        const char *set;
        const char *says;
    } rows[] = {
        {"auth.keys=\"first-key-1\"second-key-2", "behind a closing quote"},
        {"auth.keys=[\"first-key-1\"\"second-key-2\"]", "behind a closing quote"},
        {"auth.keys=[\"first-key-1]", "not closed"},
        {"auth.keys=[\"first-key-1\", [\"second-key-2\"]]", "list of texts"},
        {"auth.keys=[\"first-key-1\", {\"a\":1}]", "list of texts"},
        {"auth.keys=\"first-key-1 second-key-2\",third-key-3", "white space inside"},
        {"server.tls_certificates=[\"/a,/b\"]", "cannot read the file /a,/b"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *const environment[] = {TOKEN, NULL};
        const char *const sets[] = {rows[i].set, NULL};
        struct loaded loaded = load_all(environment, sets);

        assert_says(&loaded, rows[i].says);
        done(&loaded);
    }
}

/* A blank stands between method and path, and between two faults. */
static void faults_are_texts_with_a_blank(void **state)
{
    static const struct {
        const char *text;
        const char *faults[ITEMS_MAX];
    } rows[] = {
        {"[\"POST /teststeps:503\"]", {"POST /teststeps:503"}},
        {"POST /teststeps:503@1%", {"POST /teststeps:503@1%"}},
        {"\"POST /teststeps:503@1%\"", {"POST /teststeps:503@1%"}},
        {"[POST /teststeps:503, * /goals:1s]", {"POST /teststeps:503", "* /goals:1s"}},
        {"'GET  /a:503', GET/b:503 /c:2s", {"GET  /a:503", "GET/b:503", "/c:2s"}},
        {"GET /a:503 GET /b:503", {"GET /a:503", "GET /b:503"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char set[128];
        const char *const sets[] = {"sandbox.enabled=true", set, NULL};
        struct loaded loaded;
        size_t n = 0;

        (void)snprintf(set, sizeof(set), "sandbox.faults=%s", rows[i].text);
        loaded = load_all(NULL, sets);
        assert_taken(&loaded);
        for (; n < ITEMS_MAX && rows[i].faults[n] != NULL; n++) {
            assert_true(n < loaded.config->sandbox.n_faults);
            assert_true(str_is(loaded.config->sandbox.faults[n], rows[i].faults[n]));
        }
        assert_int_equal(loaded.config->sandbox.n_faults, n);
        done(&loaded);
    }
}

int test_lists(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_quotes_is_one_item),
        cmocka_unit_test(json_is_read_as_json),
        cmocka_unit_test(a_list_that_reads_two_ways_is_refused),
        cmocka_unit_test(faults_are_texts_with_a_blank),
    };

    scratch_lock();
    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
