/* Pages for people: one frame, one style (GET /docs/page.css; on the admin
 * listener /ui/page.css), no script but those of /ui. They work behind a proxy
 * that takes a path prefix off, in the dark, and on a telephone.
 *   page_begin ─► text is written ─► page_end (ends the task) */
#ifndef API_PAGE_H
#define API_PAGE_H

#include "api/gate/task.h"

extern const char page_style[]; /* page_style.c */
extern const char page_icon[];  /* SVG */

/* Would the caller rather have a page than JSON? Sets Vary: Accept, since it decides. */
bool page_is_wanted(struct task *task);
/* What a page of ours may load: nothing of other hosts, no inline script. */
void page_set_policy(struct task *task);
/* The frame up to the first heading, which is `title`. */
void page_begin(struct task *task, struct buf *out, const char *title);
/* <a href="...">text</a> to a path of ours. */
void page_anchor(struct task *task, struct buf *out, const char *path, const char *text);
enum stage_verdict page_end(struct task *task, struct buf *out);

#endif
