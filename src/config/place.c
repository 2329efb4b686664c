/* What the environment says of where the program runs. It changes defaults only: the file, other variables and --set
 * come later. What such a place does itself is not asked here (PORT, NOTIFY_SOCKET and LISTEN_FDS, Lambda's Runtime API). */
#include "base/check.h"
#include "config_internal.h"

enum { DEFAULTS_MAX = 4 };

static const struct place {
    const char *variable; /* that is set there, and not empty */
    const char *name;

    struct {
        const char *key, *value;
    } defaults[DEFAULTS_MAX];
} places[] = {
    /* Its log knows the names of gcp; no request comes after SIGTERM, and ten seconds later SIGKILL. */
    {"K_SERVICE",
     "Cloud Run",
     {{"log.format", "gcp"}, {"drain.notice_ms", "0"}, {"drain.limit_ms", "8000"}}},
    {"AWS_LAMBDA_RUNTIME_API", "AWS Lambda", {{NULL, NULL}}},
    {"KUBERNETES_SERVICE_HOST", "Kubernetes", {{NULL, NULL}}},
    {"NOTIFY_SOCKET", "systemd", {{NULL, NULL}}},
};

static void set_defaults(struct loader *loader, const struct place *place)
{
    loader->place = PLACE_DEFAULT;
    for (size_t i = 0; i < DEFAULTS_MAX && place->defaults[i].key != NULL; i++) {
        bool ok = option_set(loader, option_find(str_from(place->defaults[i].key)),
                             str_from(place->defaults[i].value));

        CHECK(ok);
    }
    loader->place = NULL;
}

void load_place(struct loader *loader)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (environment_get(loader, str_from(places[i].variable)).len > 0) {
            loader->box->config.place = places[i].name;
            set_defaults(loader, &places[i]);
            return;
        }
    }
}
