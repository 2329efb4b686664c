/* The reports of a test run that are kept outside of this process (artifacts.url): their names, and links to them. */
#ifndef DATA_ARTIFACT_H
#define DATA_ARTIFACT_H

#include "base/json_writer.h"
#include "base/str.h"

enum artifact { ARTIFACT_JSON, ARTIFACT_JUNIT, ARTIFACT_HTML, ARTIFACT_N };

const char *artifact_file(enum artifact artifact); /* "report.json", in the folder of the run */
const char *artifact_type(enum artifact artifact); /* the Content-Type */
/* The member "artifacts": {"json": LINK, "junit": LINK, "html": LINK}; `base` has no slash at its end. Empty: none. */
void artifact_links_write(struct json_writer *w, struct str base, struct str run_id);

#endif
