/* A manifest: a file that lists goals and the test files of their journeys. */
#include "testfile_internal.h"

bool is_manifest(const struct node *document)
{
    const struct node *goals = node_get(document, "goals");

    return goals != NULL && goals->type == NODE_LIST && first_of(document, "steps do") == NULL;
}

static void manifest_add(struct compile *c, struct str goal, const struct node *journey)
{
    const struct node *file = first_of(journey, "test_file file");
    struct testfile *out = c->out;

    check_members(c, journey, "a journey", "name test_file file description tags id");
    if (file == NULL || file->type != NODE_SCALAR || file->text.len == 0) {
        (void)problem_refuse(c, place_of(journey), NULL, "{name: Login, test_file: login.yaml}",
                             "this journey has no test_file");
        return;
    }
    out->manifest = arena_room(c->arena, out->manifest, out->n_manifest, sizeof(*out->manifest));
    out->manifest[out->n_manifest++] = (struct testfile_manifest_entry){
        .goal = goal,
        .journey = header_text(c, node_get(journey, "name"), "name"),
        .path = file->text,
        .line = file->line,
        .column = file->column,
    };
}

void read_manifest(struct compile *c, const struct node *document)
{
    const struct node *goals = node_get(document, "goals");

    c->out->format = TESTFILE_FORMAT_SUITE;
    c->fatal = true;
    NODE_FOREACH (goal, goals) {
        const struct node *journeys = node_get(goal, "journeys");
        struct str name = header_text(c, node_get(goal, "name"), "name");

        check_members(c, goal, "a goal", "name journeys description tags id");

        if (journeys == NULL || journeys->type != NODE_LIST) {
            (void)problem_add(c, TESTFILE_ERROR, place_of(goal), "this goal has no journeys");
            continue;
        }
        for (const struct node *journey = journeys->first; journey != NULL;
             journey = journey->next) {
            manifest_add(c, name, journey);
        }
    }
}
