/* Steps of a CI system: its files have `steps` and `name`, too, and some of its words are ours. */
#include "testfile_internal.h"

enum { CI_STEPS_MAX = 1000 };

/* What a step of a CI system does; `script`, `run` and `command` are words of ours too. */
static const char ci_verbs[] =
    "script bash pwsh powershell task checkout template publish download "
    "run uses command commands image trigger label block input group";
/* Steps of one that are a word alone. */
static const char ci_words[] = "wait checkout";
/* Keys that stand beside those in CI files, and never in a step of a test file. */
static const char ci_companions[] =
    "displayName env inputs condition workingDirectory working-directory continueOnError "
    "continue-on-error timeoutInMinutes timeout-minutes with uses image commands task checkout "
    "shell agents";

/* What a script for a shell begins with; ours are JavaScript. */
static const char shell_words[] =
    "npm make python docker pip apt yarn cargo python3 docker-compose pip3 apt-get npx pnpm "
    "node cmake go mvn gradle ./mvnw ./gradlew poetry ruby bundle rake gem php composer "
    "dotnet kubectl helm terraform aws gcloud az git curl wget echo cd ls cp mv rm mkdir "
    "cat chmod export set source sudo apk bash sh pytest jest tox ctest";

struct ci_tally {
    size_t n_steps;
    size_t n_ci;
    size_t n_companions;
    size_t n_shell; /* scripts for a shell */
};

static bool is_shell(const struct node *script)
{
    struct str first;
    struct str rest;

    (void)str_cut(str_trim(script->text), ' ', &first, &rest);
    return str_has_word(shell_words, first);
}

/* `${{ if ... }}:` holds more steps; beside a command `key` is its name. */
static bool is_ci_word(const struct node *step, const struct node *member)
{
    return str_has_word(ci_verbs, member->key) || str_starts(member->key, STR("${{")) ||
           (str_is(member->key, "wait") && member->is_null) ||
           (str_is(member->key, "key") && member != step->first);
}

static void tally_step(const struct compile *c, const struct node *step, struct ci_tally *tally)
{
    bool is_ci = step->type == NODE_SCALAR && str_has_word(ci_words, step->text);
    bool is_ours = step->type != NODE_MAP && !is_ci;

    for (const struct node *member = step->first; member != NULL && !is_ours;
         member = member->next) {
        is_ci = is_ci || is_ci_word(step, member);
        tally->n_companions += str_has_word(ci_companions, member->key) ? 1 : 0;
        tally->n_shell += is_ci_word(step, member) && is_shell(member) ? 1 : 0;
        is_ours =
            (verb_known(verb_find(c->dictionary, member->key)) && !is_ci_word(step, member)) ||
            str_has_word("type stepType action", member->key) ||
            str_starts(member->text, STR("step-")); /* `command: step-interact` */
    }
    tally->n_steps++;
    tally->n_ci += is_ci && !is_ours ? 1 : 0;
}

/* The first step that no CI system carries out tells; as many as a pipeline may have are looked at. */
static bool are_ci_steps(const struct compile *c, const struct node *list, struct ci_tally *tally)
{
    const struct node *step = list != NULL && list->type == NODE_LIST ? list->first : NULL;

    while (step != NULL && tally->n_steps < CI_STEPS_MAX && tally->n_ci == tally->n_steps) {
        tally_step(c, step, tally);
        step = step->next;
    }
    return tally->n_steps > 0 && tally->n_ci == tally->n_steps;
}

/* `steps: {build: {image: node, commands: [npm ci]}}`: names, where ours have verbs. */
static bool are_named_ci_steps(const struct compile *c, const struct node *steps)
{
    const struct node *step = steps != NULL && steps->type == NODE_MAP ? steps->first : NULL;
    bool all = step != NULL;

    for (; step != NULL && all; step = step->next) {
        all = step->type == NODE_MAP && !verb_known(verb_find(c->dictionary, step->key)) &&
              verb_nearest(c->dictionary, step->key).len == 0;
    }
    return all;
}

/* Every step is one that a CI system carries out, and something else says so too: a key above the
 * steps, a word beside a step, or that the file has no name. */
bool is_ci_file(const struct compile *c, const struct node *document, bool has_mark)
{
    struct ci_tally tally = {0};

    if (are_named_ci_steps(c, node_get(document, "steps"))) {
        return true;
    }
    if (!are_ci_steps(c, node_get(document, "steps"), &tally)) {
        return false;
    }
    return has_mark || tally.n_companions > 0 || tally.n_shell > 0 ||
           first_of(document, "name test journey journey_name goal journeyName description "
                              "variables base nav starting_url") == NULL;
}
