/* server.listeners and auth.certificates: what is taken, printed so that it loads again, and refused. */
#include "fixture.h"

#define TLS_DIR VP_SOURCE_DIR "/tests/harness/tls"
#define TLS     "tls_certificate_file: " TLS_DIR "/cert.pem, tls_key_file: " TLS_DIR "/key.pem"
#define CLIENTS "client_ca_file: " TLS_DIR "/cert.pem"
#define KEYS    "auth: {keys: [first-key-1]}\n"

static const char all_of_it[] =
    "server:\n"
    "  listen: \"unix:/run/vp.sock\"\n"
    "  socket_mode: \"0660\"\n"
    "  trusted_proxies: [10.0.0.0/8]\n"
    "  listeners:\n"
    "    - {name: partners, listen: \"0.0.0.0:8443\", " TLS ", " CLIENTS
    ", client_certificates: required}\n"
    "    - {listen: \"[::1]:8000\", proxy_protocol: true}\n"
    "    - {listen: \"unix:/run/other.sock\", mode: \"0666\", proxy_protocol: true, proxy_from: "
    "[192.0.2.7]}\n"
    "auth:\n"
    "  mode: [keys, mtls]\n"
    "  keys: [first-key-1]\n"
    "  certificates:\n"
    "    - {name: ci, uri: \"spiffe://example.com/ci\", permissions: [read], rate: 5}\n"
    "    - {cn: reader}\n";

static void assert_all(const struct loaded *loaded)
{
    const struct config_listener *all = loaded->config->server.all;
    const struct config_key *certificates = loaded->config->auth.certificates;

    assert_taken(loaded);
    assert_int_equal(loaded->config->server.n_all, 4);
    assert_int_equal(all[0].mode, 0660);
    assert_true(str_is(all[0].name, "unix:/run/vp.sock"));
    assert_true(str_is(all[1].name, "partners"));
    assert_true(all[1].client_required);
    assert_true(str_is(all[2].name, "[::1]:8000"));
    assert_true(all[2].proxy_protocol);
    assert_true(str_is(all[2].proxy_from[0], "10.0.0.0/8"));
    assert_int_equal(all[3].mode, 0666);
    assert_true(str_is(all[3].proxy_from[0], "192.0.2.7"));
    assert_int_equal(loaded->config->auth.modes, AUTH_KEYS | AUTH_MTLS);
    assert_int_equal(loaded->config->auth.n_certificates, 2);
    assert_true(str_is(certificates[0].subject, "spiffe://example.com/ci"));
    assert_int_equal(certificates[0].subject_kind, TLS_NAME_URI);
    assert_int_equal(certificates[0].permissions, PERMISSION_READ);
    assert_int_equal(certificates[0].rate.per_second, 5);
    assert_true(str_is(certificates[1].name, "reader"));
}

static void listeners_are_read_and_printed(void **state)
{
    struct loaded loaded = load_text(all_of_it);
    struct loaded again;
    struct buf printed;

    (void)state;
    assert_all(&loaded);
    buf_init(&printed, TEXT_MAX);
    config_print(loaded.config, &printed);
    again = load_text(buf_cstr(&printed));
    assert_all(&again);
    assert_true(config_same_places(loaded.config, again.config));
    buf_done(&printed);
    done(&again);
    done(&loaded);
}

static const struct {
    const char *text;
    const char *says;
} refused[] = {
    {KEYS "server: {listen: none}", "server.listen: is none, and server.listeners has no other"},
    {KEYS "server: {listeners: [{name: a}]}", "an entry needs listen"},
    {KEYS "server: {listeners: [a]}", "each entry is a map"},
    {KEYS "server: {listeners: a}", "must be a list"},
    {KEYS "server: {listeners: [{listen: \"x:1\"}]}", "server.listeners: listen: "},
    {KEYS "server: {listeners: [{listn: \":1\"}]}", "did you mean \"listen\"?"},
    {KEYS "server: {listeners: [{listen: \":1\", mode: \"0600\"}]}", "mode is for Unix sockets"},
    {KEYS "server: {listeners: [{listen: \"unix:/a\", mode: 9}]}", "is not a mode of a file"},
    {KEYS "server: {socket_mode: x}", "server.socket_mode: \"x\" is not a mode"},
    {KEYS "server: {listeners: [{listen: \":1\", tls_key_file: " TLS_DIR "/key.pem}]}",
     "come together"},
    {KEYS "server: {listeners: [{listen: \":1\", " CLIENTS "}]}", "set tls_certificate_file"},
    {KEYS "server: {client_ca_file: " TLS_DIR "/cert.pem}", "client certificates come with TLS"},
    {KEYS "server: {" TLS ", client_certificates: required}", "required needs client_ca_file"},
    {KEYS "server: {listeners: [{listen: \":1\", " TLS ", client_ca_file: " TLS_DIR "/key.pem}]}",
     "cannot read certificates from"},
    {KEYS "server: {client_crl_file: " TLS_DIR "/cert.pem}",
     "server.client_crl_file: needs client_ca_file"},
    {KEYS "server: {listeners: [{listen: \":1\", client_crl_file: " TLS_DIR "/cert.pem}]}",
     "server.listeners: client_crl_file: needs client_ca_file"},
    {KEYS "server: {listeners: [{listen: \":1\", " TLS ", " CLIENTS ", client_crl_file: " TLS_DIR
          "/key.pem}]}",
     "cannot read revoked certificates (CRL) from"},
    {KEYS "server: {" TLS ", tls_certificates: [" TLS_DIR "/key.pem]}",
     "server.tls_certificates: cannot read the certificate"},
    {KEYS "server: {" TLS ", client_ca_file: " TLS_DIR "/key.pem}",
     "server.client_ca_file: cannot read certificates from"},
    {KEYS "server: {" TLS ", " CLIENTS ", client_crl_file: " TLS_DIR "/key.pem}",
     "server.client_crl_file: cannot read revoked certificates (CRL) from"},
    {KEYS "server: {proxy_protocol: true}", "name the balancers that may send its header"},
    {KEYS "server: {listeners: [{listen: \":1\", proxy_protocol: perhaps}]}",
     "is not one of false, true"},
    {KEYS "server: {listeners: [{listen: \":1\", proxy_from: [x]}]}", "is not an address or range"},
    {"auth: {mode: mtls}\n", "mtls needs a listener that asks for client certificates"},
    {"auth: {mode: mtls}\nserver: {" TLS ", " CLIENTS "}\n", "auth.certificates: is empty"},
    {"auth: {mode: none}\nupstream: {token: tok-1111}\n"
     "server: {listeners: [{listen: \"0.0.0.0:1\"}]}\n",
     "an address of server.listeners is 0.0.0.0:1"},
    {"auth: {keys: [first-key-1], certificates: [{cn: a, uri: b}]}", "exactly one of cn, dns and"},
    {"auth: {keys: [first-key-1], certificates: [{cn: a}, {cn: a}]}", "has the same cn"},
    {"auth: {keys: [first-key-1], certificates: [{cn: a, key: b}]}", "unknown member \"key\""},
    {"auth: {keys: [{key: \"first-key-1,second-key-2\"}]}",
     "auth.keys: a key cannot be used: it is a list"},
    {"auth: {keys: [{key: first-key-1, cn: a}]}", "auth.keys: unknown member \"cn\""},
    {"auth: {keys: [first-key-1], certificates: [a]}", "each entry is a map"},
    {"auth: {keys: [first-key-1], certificates: [{cn: a, tenant: b}]}",
     "auth.certificates: the tenant \"b\""},
};

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct loaded loaded = load_text(refused[i].text);

        assert_says(&loaded, refused[i].says);
        done(&loaded);
    }
}

static void no_two_listen_at_one_address(void **state)
{
    static const struct {
        const char *text;
        const char *says; /* NULL: taken */
    } rows[] = {
        {KEYS "admin: {listen: \"127.0.0.1:8000\"}",
         "admin.listen: at 127.0.0.1:8000 another one listens (server.listen: 127.0.0.1:8000)"},
        {KEYS "sandbox: {enabled: true, listen: \"localhost:8000\"}",
         "sandbox.listen: at localhost:8000 another one listens (server.listen: "},
        {KEYS "sandbox: {listen: \"localhost:8000\"}", NULL},
        {KEYS "server: {listeners: [{listen: \":1\"}, {listen: \"127.0.0.1:1\"}]}",
         "server.listeners: at 127.0.0.1:1 another one listens (server.listeners: :1)"},
        {KEYS "server: {listeners: [{listen: \"[::]:8000\"}]}", "(server.listen: 127.0.0.1:8000)"},
        {KEYS "server: {listeners: [{listen: \"[::1]:8000\"}, {listen: \"127.0.0.2:8000\"}]}",
         NULL},
        {KEYS "server: {listeners: [{listen: \":1\"}, {listen: \"[::1]:1\"}]}", NULL},
        {KEYS "server: {listeners: [{listen: \":0\"}, {listen: \":0\"}]}", NULL},
        {KEYS "server: {listen: \"unix:/run/a\"}\nadmin: {listen: \"unix:/run/a\"}",
         "admin.listen: at unix:/run/a another one listens (server.listen: unix:/run/a)"},
        {KEYS "server: {listen: none, listeners: [{listen: \"unix:" SCRATCH "\"}]}",
         "server.listeners: cannot make the socket " SCRATCH ": what is there is no socket"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct loaded loaded = load_text(rows[i].text);

        if (rows[i].says == NULL) {
            assert_taken(&loaded);
        } else {
            assert_says(&loaded, rows[i].says);
        }
        done(&loaded);
    }
}

int test_listeners(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_are_read_and_printed),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(no_two_listen_at_one_address),
    };

    return cmocka_run_group_tests_name("config/listeners", tests, NULL, NULL);
}
