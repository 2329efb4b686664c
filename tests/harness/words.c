#include "words.h"

#include <stdlib.h>

#include "base/check.h"

static struct catalog *catalog;
static struct dictionary *dictionary;

static void let_go(void)
{
    dictionary_free(dictionary);
    catalog_free(catalog);
}

const struct catalog *the_catalog(void)
{
    if (catalog == NULL) {
        CHECK(catalog_new(&catalog, NULL) == ERR_OK);
        dictionary = dictionary_new(catalog);
        CHECK(atexit(let_go) == 0);
    }
    return catalog;
}

struct dictionary *the_dictionary(void)
{
    (void)the_catalog();
    return dictionary;
}
