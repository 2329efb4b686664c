/* Steps of a CI system: its files have `steps` and `name`, too, and some of its words are ours. And steps of a browser,
 * which none of these files has. */
#include <string.h>

#include "testfile_internal.h"

enum { CI_STEPS_MAX = 1000 };

/* What a step of a CI system does; `script`, `run` and `command` are words of ours too. */
static const char ci_verbs[] =
    "script bash pwsh powershell task checkout template publish download "
    "run uses command commands image trigger label block input group";
/* Steps of a CI system that are one word. */
static const char ci_words[] = "wait checkout";
/* Keys that stand beside these verbs in CI files, and never in a step of a test file. */
static const char ci_companions[] =
    "displayName env inputs condition workingDirectory working-directory continueOnError "
    "continue-on-error timeoutInMinutes timeout-minutes with uses image commands task checkout "
    "shell agents bash pwsh powershell publish download";

/* Words that a script for a shell begins with; scripts of test files are JavaScript. */
static const char shell_words[] =
    "npm make python docker pip apt yarn cargo python3 docker-compose pip3 apt-get npx pnpm "
    "node cmake go mvn gradle ./mvnw ./gradlew poetry ruby bundle rake gem php composer "
    "dotnet kubectl helm terraform aws gcloud az git curl wget echo cd ls cp mv rm mkdir "
    "cat chmod export set source sudo apk bash sh pytest jest tox ctest";

/* Those of the shell words that no sentence begins with: "set", "make" and "go" are plain English. */
static const char program_words[] =
    "npm python docker pip apt yarn cargo python3 docker-compose pip3 apt-get npx pnpm cmake mvn "
    "gradle poetry bundle composer dotnet kubectl helm terraform aws gcloud git curl wget echo "
    "mkdir chmod sudo apk pytest";
/* Keys that hold a script, for a shell or in JavaScript. */
static const char script_keys[] = "script bash pwsh powershell";
/* Words that JavaScript begins with; shared_words: scripts for a shell begin with these, too. */
static const char script_words[] =
    "return var let const async await throw new typeof void delete do try switch break continue "
    "class debugger function this window document console null true false import yield";
static const char shared_words[] = "if for while case";

struct ci_tally {
    size_t n_steps;
    size_t n_ci;
    size_t n_companions;
    size_t n_shell; /* scripts for a shell */
};

/* ./build.sh ../x /usr/bin/x ~/x scripts/x.ps1 */
static bool is_path(struct str word)
{
    static const char *const begins[] = {"./", "../", ".\\", "..\\", "~/"};
    static const char *const ends[] = {".sh", ".bash", ".ps1", ".cmd", ".bat", ".exe", ".py"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        if (str_ends_nocase(word, str_from(ends[i])) && str_is_only(word, "a-zA-Z0-9_./\\-")) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        if (str_starts(word, str_from(begins[i]))) {
            return true;
        }
    }
    return word.len > 1 && word.ptr[0] == '/' && str_is_only(word, "a-zA-Z0-9_./-") &&
           char_is_alnum(word.ptr[1]);
}

/* NODE_ENV=test */
static bool is_setting(struct str word)
{
    struct str name;
    struct str value;

    return str_cut(word, '=', &name, &value) && str_is_only(name, "A-Z0-9_") &&
           str_find_char(value, '(') < 0 && str_find_char(value, ';') < 0;
}

/* $(Build.Id) is a shell's or a pipeline's, $('a') is JavaScript; $name is a variable of a test. */
static bool is_marked(struct str text)
{
    return (str_starts(text, STR("$(")) && text.len > 2 && char_is_alnum(text.ptr[2])) ||
           str_starts_nocase(text, STR("$env:")) || str_starts(text, STR("#")) ||
           str_starts(text, STR("@echo")) || str_starts(text, STR("& "));
}

/* "Invoke-Build -Fast", "dir", "if [ -f x ]": words, where JavaScript has operators. */
static bool is_command_of_words(struct str word, struct str rest)
{
    rest = str_trim(rest);
    if (str_has_word(shared_words, word)) {
        return rest.len > 0 && rest.ptr[0] != '(';
    }
    return word.len > 0 && !str_has_word(script_words, word) && char_is_alnum(word.ptr[0]) &&
           str_is_only(word, "a-zA-Z0-9_-") &&
           (rest.len == 0 || str_span(str_sub(rest, 0, 1), "a-zA-Z0-9_./$\"'~%@\\-") == 1);
}

/* The first word, and what follows it in its line. */
static struct str first_word(struct str text, struct str *out_rest)
{
    struct str line;
    struct str word;
    struct str below;

    (void)str_cut(str_trim(text), '\n', &line, &below);
    (void)str_cut(str_trim(line), ' ', &word, out_rest);
    return word;
}

static bool is_shell(const struct node *member)
{
    struct str rest;
    struct str word = first_word(member->text, &rest);

    if (member->type != NODE_SCALAR) {
        return false;
    }
    return str_has_word(shell_words, word) || is_path(word) || is_setting(word) ||
           (str_has_word(script_keys, member->key) &&
            (is_marked(str_trim(member->text)) || is_command_of_words(word, rest)));
}

/* "npm ci", "./build.sh", "make test" */
static bool is_shell_step(const struct compile *c, const struct node *step)
{
    struct str rest;
    struct str word = first_word(step->text, &rest);
    bool is_make = str_is(word, "make") && str_is_only(str_trim(rest), "a-z0-9_-");

    return step->type == NODE_SCALAR &&
           (str_has_word(program_words, word) || is_path(word) || is_make) &&
           !text_is_ours(c, step->text);
}

/* `${{ if ... }}:` holds more steps. `key` behind another member names the step of a CI system; as the
 * first member it is a verb of ours. */
static bool is_ci_word(const struct node *step, const struct node *member)
{
    return str_has_word(ci_verbs, member->key) || str_starts(member->key, STR("${{")) ||
           (str_is(member->key, "wait") && member->is_null) ||
           (str_is(member->key, "key") && member != step->first);
}

/* `command: click` and `command: step-interact` are ours. */
static bool names_our_command(const struct compile *c, const struct node *member)
{
    if (str_starts(member->text, STR("step-"))) {
        return true;
    }
    return str_is(member->key, "command") && member->type == NODE_SCALAR &&
           (verb_known(verb_find(c->dictionary, member->text)) ||
            verb_own(c->dictionary, STR_EMPTY, member->text) != NULL);
}

static void tally_step(const struct compile *c, const struct node *step, struct ci_tally *tally)
{
    bool is_text = step->type == NODE_SCALAR && is_shell_step(c, step);
    bool is_ci = is_text || (step->type == NODE_SCALAR && str_has_word(ci_words, step->text));
    bool is_ours = step->type != NODE_MAP && !is_ci;

    tally->n_shell += is_text ? 1 : 0;
    for (const struct node *member = step->first; member != NULL && !is_ours;
         member = member->next) {
        is_ci = is_ci || is_ci_word(step, member);
        tally->n_companions += str_has_word(ci_companions, member->key) ? 1 : 0;
        tally->n_shell += is_ci_word(step, member) && is_shell(member) ? 1 : 0;
        is_ours =
            (verb_known(verb_find(c->dictionary, member->key)) && !is_ci_word(step, member)) ||
            str_has_word("type stepType action", member->key) || names_our_command(c, member);
    }
    tally->n_steps++;
    tally->n_ci += is_ci && !is_ours ? 1 : 0;
}

/* True if all steps are ones of a CI system. The search ends at the first that is none, and after
 * CI_STEPS_MAX steps: no pipeline has more. */
static bool are_ci_steps(const struct compile *c, const struct node *list, struct ci_tally *tally)
{
    const struct node *step = list != NULL && list->type == NODE_LIST ? list->first : NULL;

    while (step != NULL && tally->n_steps < CI_STEPS_MAX && tally->n_ci == tally->n_steps) {
        tally_step(c, step, tally);
        step = step->next;
    }
    return tally->n_steps > 0 && tally->n_ci == tally->n_steps;
}

/* `first: {click: a}` is a step of ours with a name. `type` does not count: steps of other tools have it,
 * too. */
static bool holds_verb(const struct compile *c, const struct node *step)
{
    NODE_FOREACH (member, step) {
        if (verb_known(verb_find(c->dictionary, member->key)) && !is_ci_word(step, member) &&
            !str_is(member->key, "type")) {
            return true;
        }
    }
    return false;
}

/* `steps: {build: {image: node, commands: [npm ci]}}`: the steps have names, where ours have verbs. */
static bool are_named_ci_steps(const struct compile *c, const struct node *steps)
{
    const struct node *step = steps != NULL && steps->type == NODE_MAP ? steps->first : NULL;
    bool all = step != NULL;
    size_t n = 0;

    for (; step != NULL && all && n < CI_STEPS_MAX; step = step->next, n++) {
        all = step->type == NODE_MAP && !verb_known(verb_find(c->dictionary, step->key)) &&
              verb_nearest(c->dictionary, step->key).len == 0 && !holds_verb(c, step);
    }
    return all;
}

/* $(Date:yyyyMMdd), $[variables.x], ${{ x }}: what pipelines put into names. */
static bool is_named_by_ci(struct str name)
{
    return str_contains(name, STR("$(")) || str_contains(name, STR("$[")) ||
           str_contains(name, STR("${{"));
}

/* True if each step is one of a CI system and something else says so, too: a key above the steps, the name
 * of the file, a word beside a step, a script for a shell, or that the file has no key of a test. */
bool is_ci_file(const struct compile *c, const struct node *document, bool has_mark)
{
    struct ci_tally tally = {0};
    const struct node *name = node_get(document, "name");

    if (are_named_ci_steps(c, node_get(document, "steps"))) {
        return true;
    }
    if (!are_ci_steps(c, node_get(document, "steps"), &tally)) {
        return false;
    }
    return has_mark || (name != NULL && is_named_by_ci(name->text)) || tally.n_companions > 0 ||
           tally.n_shell > 0 ||
           first_of(document, "name test journey journey_name goal journeyName description "
                              "variables base nav starting_url") == NULL;
}

/* ---- steps of a browser ---- */

/* "click", "Click on A", "click: A", "step-interact click A" */
bool is_browser_action(struct str text)
{
    static const struct str words =
        STR_INIT("navigate goto visit click dblclick double_click doubleClick hover fill");
    size_t n = str_span(text, "a-zA-Z_");
    bool is_whole = n == text.len || strchr(" :\t", text.ptr[n]) != NULL;

    return str_starts(text, STR("step-")) ||
           (n > 0 && is_whole && str_among_nocase(str_sub(text, 0, n), words, ' '));
}

bool has_browser_step(const struct node *list, bool as_value, bool may_be_data)
{
    const struct node *step = list->type == NODE_LIST ? list->first : NULL;

    for (size_t n = 0; step != NULL && n < CI_STEPS_MAX; step = step->next, n++) {
        if (step->type == NODE_SCALAR && is_browser_action(step->text)) {
            return true;
        }
        for (const struct node *member = step->type == NODE_MAP ? step->first : NULL;
             member != NULL; member = member->next) {
            bool names_it = as_value && str_has_word("command action type stepType", member->key);
            bool is_data =
                may_be_data && str_among_nocase(member->key, STR("fill hover visit"), ' ');

            if (!is_data && is_browser_action(names_it ? member->text : member->key)) {
                return true;
            }
        }
    }
    return false;
}
