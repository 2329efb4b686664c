#include "data/artifact.h"
#include "base/json_form.h"

enum { LINK_MAX = 2048 };

static const struct {
    const char *name, *file, *type;
} artifacts[ARTIFACT_N] = {
    [ARTIFACT_JSON] = {"json", "report.json", "application/json"},
    [ARTIFACT_JUNIT] = {"junit", "junit.xml", "application/xml"},
    [ARTIFACT_HTML] = {"html", "report.html", "text/html; charset=utf-8"},
};

const char *artifact_file(enum artifact artifact)
{
    return artifacts[artifact].file;
}

const char *artifact_type(enum artifact artifact)
{
    return artifacts[artifact].type;
}

void artifact_links_write(struct json_writer *w, struct str base, struct str run_id)
{
    if (base.len == 0) {
        return;
    }
    jw_shape(w, "artifacts:{");
    for (size_t i = 0; i < ARTIFACT_N; i++) {
        struct buf link;

        buf_init(&link, LINK_MAX);
        buf_printf(&link, "%.*s/%.*s/%s", STR_ARG(base), STR_ARG(run_id), artifacts[i].file);
        jw_kv_str(w, artifacts[i].name, buf_view(&link));
        buf_done(&link);
    }
    jw_end(w);
}
