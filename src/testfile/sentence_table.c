/* The grammar of sentences, as rows, for reading and writing. Add a way to say something by adding a
 * row. a|b: one of the words; [a|b]: it may be missing, as may [{slot}]. The first row that fits a
 * sentence reads it. The row with SAYS writes its command with these options: with the first word of
 * a|b, and without what may be missing, but with [a!].
 *
 * Slots: {element} {value} {text} {url} {name} {script} text in quotes or plain words up to the next
 * word of the pattern; {quoted} in quotes only; {n} a number or ordinal, {time} a number with a
 * unit, {xy} two numbers, {size}, {var} $name, {key}, {regex}, {part} text that becomes a regular
 * expression, {position} and {type} one of their words behind quotes, {typed} a type before quotes,
 * {noun} and {kind} what the element is called behind and before quotes ("Email" field), {rest} all of a
 * comment.
 * In `args` {last} is the element clicked last, and a word without braces is itself. */
#include "sentence.h"

#define VERIFY  "assert|verify|check|ensure|confirm|validate|expect"
#define ELEMENT "[{kind}] {element} [{noun}]"
#define SHOWN   "visible|displayed|shown|present|available|there"
#define DRAG                                                                                       \
    "step-interact mouse move-to;step-interact mouse down;step-interact mouse move-to;step-interact mouse up"

enum { SAYS = true };

/* clang-format off */
const struct sentence_row sentence_rows[] = {
    {"navigate|go|open|browse|visit [to!] {url} in [a] new tab", "step-navigate to", "{url}", "new_tab=true", SAYS},
    {"navigate|go|open|browse|visit [to!] [page|url] {url}", "step-navigate to", "{url}", "", SAYS},
    {"am|is on|at [page] {url}", "step-navigate to", "{url}", ""},

    {"click [on!] {element} {position} {type}", "step-interact click", "{element}", "position_on_element={position} element_type={type}", SAYS},
    {"click [on!] {element} {position}", "step-interact click", "{element}", "position_on_element={position}", SAYS},
    {"click [on!] {element} {type}", "step-interact click", "{element}", "element_type={type}", SAYS},
    {"click [on] {typed} {element}", "step-interact click", "{element}", "element_type={typed}"},
    {"click|tap [on!] " ELEMENT, "step-interact click", "{element}", "", SAYS},
    {"tick|untick|uncheck " ELEMENT, "step-interact click", "{element}", ""},
    {"check|uncheck {quoted} checkbox", "step-interact click", "{quoted}", ""},
    {"check|uncheck checkbox {element}", "step-interact click", "{element}", ""},
    {"[mouse!] double click [on!] {element} {position}", "step-interact double-click", "{element}", "position_on_element={position}", SAYS},
    {"[mouse!] double click [on!] " ELEMENT, "step-interact double-click", "{element}", "", SAYS},
    {"[mouse] double-click [on] " ELEMENT, "step-interact double-click", "{element}", ""},
    {"[mouse!] right click [on!] {element} {position}", "step-interact right-click", "{element}", "position_on_element={position}", SAYS},
    {"[mouse!] right click [on!] " ELEMENT, "step-interact right-click", "{element}", "", SAYS},
    {"[mouse] right-click [on] " ELEMENT, "step-interact right-click", "{element}", ""},
    {"mouse click [on] {element}", "step-interact click", "{element}", ""},
    {"mouse over|hover [on] {element} {position}", "step-interact hover", "{element}", "position_on_element={position}", SAYS},
    {"mouse over|hover [on] {element}", "step-interact hover", "{element}", "", SAYS},
    {"hover [on|over] " ELEMENT, "step-interact hover", "{element}", ""},
    {"mouse move by {xy}", "step-interact mouse move-by", "{xy}", "", SAYS},
    {"mouse move to {xy}", "step-interact mouse move", "{xy}", "", SAYS},
    {"mouse move to {element}", "step-interact mouse move-to", "{element}", "", SAYS},
    {"mouse down on {element}", "step-interact mouse down", "{element}", ""},
    {"mouse down {element}", "step-interact mouse down", "{element}", "", SAYS},
    {"mouse down", "step-interact mouse down", "", ""},
    {"mouse up on {element}", "step-interact mouse up", "{element}", ""},
    {"mouse up {element}", "step-interact mouse up", "{element}", "", SAYS},
    {"mouse up", "step-interact mouse up", "", ""},
    {"mouse enter [on] {element}", "step-interact mouse enter", "{element}", "", SAYS},
    {"[mouse] drag {element} to {value}", DRAG, "{element};{element};{value};{value}", ""},
    {"drag {element} and drop [it] on|onto|into|to {value}", DRAG, "{element};{element};{value};{value}", ""},

    {"write|type|enter {text} in|into [the] field {element}", "step-interact write", "{element} {text}", "", SAYS},
    {"write|type|enter|input {text} in|into|to " ELEMENT, "step-interact write", "{element} {text}", ""},
    {"fill [in|out] " ELEMENT " with {text}", "step-interact write", "{element} {text}", ""},
    {"set {var} to {value}", "step-data store literal", "{value} {var}", ""},
    {"set " ELEMENT " to {text}", "step-interact write", "{element} {text}", ""},
    {"write|type|enter {text}", "step-interact write", "{last} {text}", ""},
    {"append {text} in|into|to [the] [field!] {element}", "step-interact write", "{element} {text}", "append=true", SAYS},
    {"press|hit|push {quoted} {type}", "step-interact click", "{quoted}", "element_type={type}"},
    {"press|hit|push {typed} {quoted}", "step-interact click", "{quoted}", "element_type={typed}"},
    {"press {key} in|on {element}", "step-interact key", "{key}", "target={element}", SAYS},
    {"press|hit [the] [key] {key} [key]", "step-interact key", "{key}", "", SAYS},

    {"pick|select last option from|in {element}", "step-interact select last", "{element}", "", SAYS},
    {"select|pick option -1 from|in {element}", "step-interact select last", "{element}", ""},
    {"pick|select option {n} from|in {element}", "step-interact select index", "{element} {n}", "", SAYS},
    {"select|pick {n} option from|in {element}", "step-interact select index", "{element} {n}", ""},
    {"pick|select|choose [option] {value} [option] from|in " ELEMENT, "step-interact select option", "{element} {value}", "", SAYS},

    {"wait [for] {time}", "step-wait time", "{time}", "", SAYS},
    {"wait {time} for [element] {element}", "step-wait element", "{element}", "timeout={time}", SAYS},
    {"wait [up] to {time} for [element] {element}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for|until [element] " ELEMENT " appears|loads for|within {time}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for|until [element] " ELEMENT " is " SHOWN "|loaded for|within {time}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for [element] " ELEMENT " to appear|load|exist for|within {time}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for [element] " ELEMENT " for|within|max {time}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for [element] " ELEMENT " [for] up to {time}", "step-wait element", "{element}", "timeout={time}"},
    {"wait for|until [element] " ELEMENT " appears|loads", "step-wait element", "{element}", ""},
    {"wait for|until [element] " ELEMENT " is " SHOWN "|loaded", "step-wait element", "{element}", ""},
    {"wait for [element] " ELEMENT " to be " SHOWN "|loaded", "step-wait element", "{element}", ""},
    {"wait for [element] " ELEMENT " to appear|load|exist", "step-wait element", "{element}", ""},
    {"pause|sleep [for] {time}", "step-wait time", "{time}", ""},
    {"wait for [element] " ELEMENT, "step-wait element", "{element}", "", SAYS},
    {"wait {quoted}", "step-wait element", "{quoted}", ""},

    {"store value {value} in|as|into {var}", "step-data store literal", "{value} {var}", "", SAYS},
    {"store [element!] text of {element} in|as|into {var}", "step-data store element-text", "{element} {var}", "", SAYS},
    {"store|save [the] [element] text [of] {element} in|as|into {name}", "step-data store element-text", "{element} {name}", ""},
    {"store attribute {name} of {element} in|as|into {var}", "step-data store attribute", "{element} {name} {var}", "", SAYS},
    {"store element {element} in|as|into {var}", "step-data store element-value", "{element} {var}", "", SAYS},

    {"switch [to!] parent iframe|frame", "step-window switch parent-frame", "", "", SAYS},
    {"switch [to!] [the] next tab", "step-window switch tab next", "", "", SAYS},
    {"switch [to!] [the] previous|prev tab", "step-window switch tab prev", "", "", SAYS},
    {"switch to iframe|frame {element}", "step-window switch iframe", "{element}", ""},
    {"switch iframe|frame [to!] {element}", "step-window switch iframe", "{element}", "", SAYS},

    {"scroll [up] to [the] [page!] top [of] [the] [page]", "step-navigate scroll-top", "", "", SAYS},
    {"scroll [down] to [the] [page!] bottom [of] [the] [page]", "step-navigate scroll-bottom", "", "", SAYS},
    {"scroll to {xy}", "step-navigate scroll-position", "{xy}", "", SAYS},
    {"scroll by {xy}", "step-navigate scroll-by", "{xy}", "", SAYS},
    {"scroll up", "step-navigate scroll-up", "", "", SAYS},
    {"scroll down", "step-navigate scroll-down", "", "", SAYS},
    {"scroll [up|down] to [element] " ELEMENT, "step-navigate scroll-element", "{element}", "", SAYS},

    {"upload [file] {url} to|in|into|from " ELEMENT, "step-file upload", "{element} {url}", "", SAYS},
    {"window resize to {size}", "step-window resize", "{size}", "", SAYS},
    {"resize [the] [browser] window to {size}", "step-window resize", "{size}", ""},
    {"window maximize", "step-window maximize", "", ""},
    {"maximize|maximise [the] [browser] window", "step-window maximize", "", "", SAYS},

    {"cookie create {name} as {value}", "step-data cookie create", "{name} {value}", "", SAYS},
    {"cookie remove|delete {name}", "step-data cookie delete", "{name}", "", SAYS},
    {"cookie wipe|clear all", "step-data cookie clear-all", "", "", SAYS},
    {"dismiss|accept|close [the] alert", "step-dialog dismiss-alert", "", "", SAYS},
    {"accept [the] confirm|confirmation [dialog]", "step-dialog dismiss-confirm", "", "accept=true", SAYS},
    {"cancel [the] confirm|confirmation [dialog]", "step-dialog dismiss-confirm", "", "reject=true", SAYS},
    {"dismiss confirm", "step-dialog dismiss-confirm", "", "", SAYS},
    {"accept prompt respond|with {text}", "step-dialog dismiss-prompt-with-text", "{text}", "accept=true", SAYS},
    {"cancel prompt respond|with {text}", "step-dialog dismiss-prompt-with-text", "{text}", "reject=true", SAYS},
    {"dismiss prompt respond|with {text}", "step-dialog dismiss-prompt-with-text", "{text}", "", SAYS},
    {"accept prompt", "step-dialog dismiss-prompt", "", "accept=true", SAYS},
    {"cancel prompt", "step-dialog dismiss-prompt", "", "reject=true", SAYS},
    {"dismiss prompt", "step-dialog dismiss-prompt", "", "", SAYS},
    {"execute|run script|javascript|js {script}", "step-misc execute", "{script}", ""},
    {"execute {script}", "step-misc execute", "{script}", "", SAYS},
    {"take|capture|make|grab [a] [page] screenshot", "step-misc comment", "Screenshot", ""},
    {"take|capture|make|grab [a] [page] screenshot of|named|as|for [the] {name}", "step-misc comment", "{name}", ""},
    {"api call {n0}", "step-misc api-call", "{n0}", ""},

    {"[the] page should contain|include|show|display|have [the] [text] {quoted}", "step-assert exists", "{quoted}", ""},
    {"[the] page should not contain|include|show|display|have [the] [text] {quoted}", "step-assert not-exists", "{quoted}", ""},
    {"see|find {element} in|on [the] page", "step-assert exists", "{element}", ""},
    {"see [that] " ELEMENT " is " SHOWN, "step-assert exists", "{element}", ""},
    {"see [text] " ELEMENT, "step-assert exists", "{element}", ""},
    {"not see [text] " ELEMENT, "step-assert not-exists", "{element}", ""},
    {"do|does not see [text] " ELEMENT, "step-assert not-exists", "{element}", ""},
    {"don't|doesn't|cannot|can't|shouldn't see [text] " ELEMENT, "step-assert not-exists", "{element}", ""},
    {"{quoted} [{noun}] is|should not [be] exist|appear|" SHOWN, "step-assert not-exists", "{quoted}", ""},
    {"{quoted} [{noun}] does not exist|appear", "step-assert not-exists", "{quoted}", ""},
    {"{quoted} [{noun}] is|should [be] " SHOWN, "step-assert exists", "{quoted}", ""},
    {"{quoted} [{noun}] should exist|appear", "step-assert exists", "{quoted}", ""},
    {"{quoted} [{noun}] exists|appears", "step-assert exists", "{quoted}", ""},
    {"look for [element!] {element} on [the] page", "step-assert exists", "{element}", "", SAYS},
    {"look for [element] {element}", "step-assert exists", "{element}", ""},
    {VERIFY " [that] {var} is less than or equal to {value}", "step-assert variable", "{var} {value}", "op=LESS_THAN_OR_EQUALS"},
    {VERIFY " [that] {var} is greater than or equal to {value}", "step-assert variable", "{var} {value}", "op=GREATER_THAN_OR_EQUALS"},
    {VERIFY " [that] {var} is less than {value}", "step-assert variable", "{var} {value}", "op=LESS_THAN"},
    {VERIFY " [that] {var} is greater than {value}", "step-assert variable", "{var} {value}", "op=GREATER_THAN"},
    {VERIFY " [that] {var} equals {value}", "step-assert variable", "{var} {value}", "", SAYS},
    {VERIFY " [that] [the] [current] page contains|includes|shows|displays|has [the] [text] {quoted}", "step-assert exists", "{quoted}", ""},
    {VERIFY " [that] [the] [current] page should contain|include|show|display|have [the] [text] {quoted}", "step-assert exists", "{quoted}", ""},
    {VERIFY " [that] [the] [current] page does not contain|include|show|display|have [the] [text] {quoted}", "step-assert not-exists", "{quoted}", ""},
    {VERIFY " [that] [the] [current] page should not contain|include|show|display|have [the] [text] {quoted}", "step-assert not-exists", "{quoted}", ""},
    {VERIFY " [that!] {value} is selected in " ELEMENT, "step-assert selected", "{element} {value}", "", SAYS},
    {VERIFY " [that] [element] " ELEMENT " is|are not " SHOWN " [on] [the] [page]", "step-assert not-exists", "{element}", ""},
    {VERIFY " [that] [element] " ELEMENT " is hidden|absent|gone", "step-assert not-exists", "{element}", ""},
    {VERIFY " [that] [element] " ELEMENT " is|are " SHOWN " [on] [the] [page]", "step-assert exists", "{element}", ""},
    {VERIFY " [that] [element] " ELEMENT " should be " SHOWN, "step-assert exists", "{element}", ""},
    {VERIFY " [that] [element] " ELEMENT " appears", "step-assert exists", "{element}", ""},
    {VERIFY " [that!] [element!] " ELEMENT " does not exist|appear [on!] [the] [page!]", "step-assert not-exists", "{element}", "", SAYS},
    {VERIFY " [that] [element] " ELEMENT " exists [on] [the] [page]", "step-assert exists", "{element}", ""},
    {VERIFY " [that!] [element!] " ELEMENT " is not equal to {value}", "step-assert not-equals", "{element} {value}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " is less than or equal to {value}", "step-assert lte", "{element} {value}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " is greater than or equal to {value}", "step-assert gte", "{element} {value}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " is less than {value}", "step-assert lt", "{element} {value}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " is greater than {value}", "step-assert gt", "{element} {value}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " is checked|ticked", "step-assert checked", "{element}", "", SAYS},
    {VERIFY " [that!] [element!] " ELEMENT " equals {value}", "step-assert equals", "{element} {value}", "", SAYS},
    {VERIFY " [that] [element] " ELEMENT " is equal to {value}", "step-assert equals", "{element} {value}", ""},
    {VERIFY " [that!] [element!] " ELEMENT " matches {regex}", "step-assert matches", "{element} {regex}", "", SAYS},
    {VERIFY " [that] [element] " ELEMENT " contains|includes [text] {part}", "step-assert matches", "{element} {part}", ""},
    {VERIFY " [that] [element] " ELEMENT " has text|value {value}", "step-assert equals", "{element} {value}", ""},
    {VERIFY " [that] [element] " ELEMENT " is not {quoted}", "step-assert not-equals", "{element} {quoted}", ""},
    {VERIFY " [that] [element] " ELEMENT " is {quoted}", "step-assert equals", "{element} {quoted}", ""},
    {"assert|verify|ensure|confirm|validate|expect [that] [element] " ELEMENT, "step-assert exists", "{element}", ""},

    {"// {rest}", "step-misc comment", "{rest}", "", SAYS}, /* read before sentences are: sentence_parse.c */
};
/* clang-format on */

const size_t n_sentence_rows = sizeof(sentence_rows) / sizeof(sentence_rows[0]);
