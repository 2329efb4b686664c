/* The runs of an owner, page by page. */
#include "run_internal.h"

struct page {
    const struct digest *owner;
    size_t offset, limit;
    struct run **out;
    size_t n, total;
};

static void take_page(struct page *page, struct list *list)
{
    struct run *run;

    LIST_EACH (run, list, link) {
        if (page->owner != NULL && !digest_equal(&run->owner, page->owner)) {
            continue;
        }
        if (page->total++ >= page->offset && page->n < page->limit) {
            page->out[page->n++] = run;
        }
    }
}

size_t run_list(struct run_store *store, const struct digest *owner, size_t offset, size_t limit,
                struct run **out, size_t *out_total)
{
    struct page page = {.owner = owner, .offset = offset, .limit = limit, .out = out};

    take_page(&page, &store->active);
    take_page(&page, &store->ended);
    *out_total = page.total;
    return page.n;
}
