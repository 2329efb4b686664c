/* Sentences of natural language and the commands they mean. The first row that fits is taken, so
 * longer forms stand before shorter ones. Add a form by adding a row.
 *   pattern  words separated by spaces, as they may be written: `a|b` one of them, `[a]` may be
 *            missing (each such group holds one word or words joined with _), {name:kind} a value
 *   command  the command's words; several separated by ; make several steps; NULL: refused, `args`
 *            says why
 *   args     names of values, one for each argument (; as above)
 *   options  NAME<VALUE-NAME or NAME<=word
 * Kinds: text, target (what an element is found by), var ($name), number, ms (N with a unit), sec
 * (N, seconds), xy, size, ordinal (from 1 in sentences, from 0 in commands), regex, rest (all that
 * is left, as it stands). */
#include "sentence_internal.h"

/* clang-format off */
const struct sentence_row sentence_rows[] = {
    {"// {text:rest}", "step-misc comment", "text", ""},

    {"navigate|go|open|browse|goto [to] {url:text} in [a] new tab", "step-navigate to", "url", "new_tab<=true"},
    {"navigate|go|open|browse|goto [to] {url:text}", "step-navigate to", "url", ""},

    {"mouse double|doubleclick|double-click [click] [on] {element:target}", "step-interact double-click", "element", ""},
    {"double|doubleclick|double-click [click] [on] {element:target}", "step-interact double-click", "element", ""},
    {"mouse right|rightclick|right-click [click] [on] {element:target}", "step-interact right-click", "element", ""},
    {"right|rightclick|right-click [click] [on] {element:target}", "step-interact right-click", "element", ""},
    {"mouse over|hover [over] [on] {element:target}", "step-interact hover", "element", ""},
    {"hover [over] [on] {element:target}", "step-interact hover", "element", ""},
    {"mouse drag {from:target} to {to:target}", "step-interact mouse move-to;step-interact mouse down;step-interact mouse move-to;step-interact mouse up", "from;from;to;to", ""},
    {"drag {from:target} to {to:target}", "step-interact mouse move-to;step-interact mouse down;step-interact mouse move-to;step-interact mouse up", "from;from;to;to", ""},
    {"mouse move to {xy:xy}", "step-interact mouse move", "xy", ""},
    {"mouse move by {xy:xy}", "step-interact mouse move-by", "xy", ""},
    {"mouse move [to] {element:target}", "step-interact mouse move-to", "element", ""},
    {"mouse down [on] {element:target}", "step-interact mouse down", "element", ""},
    {"mouse down", "step-interact mouse down", "", ""},
    {"mouse up [on] {element:target}", "step-interact mouse up", "element", ""},
    {"mouse up", "step-interact mouse up", "", ""},
    {"mouse enter {element:target}", "step-interact mouse enter", "element", ""},
    {"mouse click [on] {element:target}", "step-interact click", "element", ""},
    {"click|tap [on] {element:target}", "step-interact click", "element", ""},

    {"write|type|enter {text:text} in|into [the] [field] {element:target}", "step-interact write", "element text", ""},
    {"press|hit [key] {key:text} in|on {element:target}", "step-interact key", "key", "target<element"},
    {"press|hit [key] {key:text}", "step-interact key", "key", ""},

    {"select|pick|choose last option from|in {element:target}", "step-interact select last", "element", ""},
    {"select|pick|choose option last|-1 from|in {element:target}", "step-interact select last", "element", ""},
    {"select|pick|choose option {index:ordinal} from|in {element:target}", "step-interact select index", "element index", ""},
    {"select|pick|choose {index:ordinal} option from|in {element:target}", "step-interact select index", "element index", ""},
    {"select|pick|choose [option] {value:text} from|in {element:target}", "step-interact select option", "element value", ""},

    {"wait [for] {ms:ms}", "step-wait time", "ms", ""},
    {"wait {timeout:sec} second|seconds for [element] {element:target}", "step-wait element", "element", "timeout<timeout"},
    {"wait {timeout:number} ms|milliseconds for [element] {element:target}", "step-wait element", "element", "timeout<timeout"},
    {"wait [for] [element] {element:target}", "step-wait element", "element", ""},

    {"store value {value:text} in|as {variable:var}", "step-data store literal", "value variable", ""},
    {"store [element] text [of] {element:target} in|as {variable:var}", "step-data store element-text", "element variable", ""},
    {"store [element] [value] [of] {element:target} in|as {variable:var}", "step-data store element-value", "element variable", ""},

    {"switch [to] parent iframe|frame", "step-window switch parent-frame", "", ""},
    {"switch iframe|frame to parent", "step-window switch parent-frame", "", ""},
    {"switch [to] next tab", "step-window switch tab next", "", ""},
    {"switch [to] previous|prev tab", "step-window switch tab prev", "", ""},
    {"switch tab to next", "step-window switch tab next", "", ""},
    {"switch tab to previous|prev", "step-window switch tab prev", "", ""},
    {"switch [to] tab {index:number}", "step-window switch tab index", "index", ""},
    {"switch [to] iframe|frame [to] {element:target}", "step-window switch iframe", "element", ""},

    {"scroll [to] [page] top", "step-navigate scroll-top", "", ""},
    {"scroll [to] [the] top of [the] page", "step-navigate scroll-top", "", ""},
    {"scroll [to] [page] bottom", "step-navigate scroll-bottom", "", ""},
    {"scroll [to] [the] bottom of [the] page", "step-navigate scroll-bottom", "", ""},
    {"scroll up", "step-navigate scroll-up", "", ""},
    {"scroll down", "step-navigate scroll-down", "", ""},
    {"scroll by {xy:xy}", "step-navigate scroll-by", "xy", ""},
    {"scroll to {xy:xy}", "step-navigate scroll-position", "xy", ""},
    {"scroll [to] {element:target}", "step-navigate scroll-element", "element", ""},

    {"upload {url:text} to|in|into {element:target}", "step-file upload", "element url", ""},
    {"window resize [to] {size:size}", "step-window resize", "size", ""},
    {"resize window [to] {size:size}", "step-window resize", "size", ""},
    {"window maximize|maximise", "step-window maximize", "", ""},
    {"maximize|maximise [the] window", "step-window maximize", "", ""},

    {"cookie create {name:text} as {value:text}", "step-data cookie create", "name value", ""},
    {"cookie remove|delete {name:text}", "step-data cookie delete", "name", ""},
    {"cookie wipe|clear all", "step-data cookie clear-all", "", ""},

    {"dismiss|accept [the] alert", "step-dialog dismiss-alert", "", ""},
    {"accept [the] confirm", "step-dialog dismiss-confirm", "", "accept<=true"},
    {"dismiss [the] confirm", "step-dialog dismiss-confirm", "", ""},
    {"dismiss [the] prompt respond|with {text:text}", "step-dialog dismiss-prompt-with-text", "text", ""},
    {"accept [the] prompt", "step-dialog dismiss-prompt", "", "accept<=true"},
    {"dismiss [the] prompt", "step-dialog dismiss-prompt", "", ""},

    {"execute {script:text} returning {variable:var}", NULL, "extensions cannot be called by a command; execute takes JavaScript", ""},
    {"execute|run [script] {script:text}", "step-misc execute", "script", ""},
    {"api call {id:number}", "step-misc api-call", "id", ""},
    {"api call {id:rest}", NULL, "an API test is called by its number: api call 31", ""},

    {"look for [element] {element:target} on page", "step-assert exists", "element", ""},
    {"look for [element] {element:target}", "step-assert exists", "element", ""},
    {"assert [that] [element] {element:target} does not exist on page", "step-assert not-exists", "element", ""},
    {"assert [that] [element] {element:target} does not exist", "step-assert not-exists", "element", ""},
    {"assert [that] [element] {element:target} exists on page", "step-assert exists", "element", ""},
    {"assert [that] [element] {element:target} exists", "step-assert exists", "element", ""},
    {"assert [that] {variable:var} equals {value:text}", "step-assert variable", "variable value", ""},
    {"assert [that] {variable:var} is greater than or equal to {value:text}", "step-assert variable", "variable value", "op<=GREATER_THAN_OR_EQUALS"},
    {"assert [that] {variable:var} is less than or equal to {value:text}", "step-assert variable", "variable value", "op<=LESS_THAN_OR_EQUALS"},
    {"assert [that] {variable:var} is greater than {value:text}", "step-assert variable", "variable value", "op<=GREATER_THAN"},
    {"assert [that] {variable:var} is less than {value:text}", "step-assert variable", "variable value", "op<=LESS_THAN"},
    {"assert [that] [element] {element:target} is not equal to {value:text}", "step-assert not-equals", "element value", ""},
    {"assert [that] [element] {element:target} is greater than or equal to {value:text}", "step-assert gte", "element value", ""},
    {"assert [that] [element] {element:target} is less than or equal to {value:text}", "step-assert lte", "element value", ""},
    {"assert [that] [element] {element:target} is greater than {value:text}", "step-assert gt", "element value", ""},
    {"assert [that] [element] {element:target} is less than {value:text}", "step-assert lt", "element value", ""},
    {"assert [that] [element] {element:target} is equal to {value:text}", "step-assert equals", "element value", ""},
    {"assert [that] [element] {element:target} equals {value:text}", "step-assert equals", "element value", ""},
    {"assert [that] [element] {element:target} matches {value:regex}", "step-assert matches", "element value", ""},
    {"assert [that] [element] {element:target} is checked", "step-assert checked", "element", ""},
    {"assert [that] {value:text} is selected in {element:target}", "step-assert selected", "element value", ""},
    {"assert {expression:rest}", NULL, "this form of assert is not known", ""},
};
/* clang-format on */

const size_t n_sentence_rows = sizeof(sentence_rows) / sizeof(sentence_rows[0]);
