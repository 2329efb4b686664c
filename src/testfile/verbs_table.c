/* Verbs: each row is one way to write a step and the command it means. The first row of a verb
 * whose `when` holds is taken; a row without `when` takes the rest. Add a verb, an alias or a form
 * by adding a row; dictionary_rows.c reads the rows. Names of verbs and words are compared folded:
 * lower case, without - and _.
 *
 * A list is field names separated by |; the first one that is present counts:
 *   .             the plain value of the verb (`click: X`)
 *   a.b           a member of a field that is a map
 *   @key @value   the one pair of `{"ELEMENT": "TEXT"}`
 *   @             the whole step: width and height, or x and y, as fields of their own
 *   =WORD         a fixed text
 * EL, SEL and the other macros below are such lists.
 *
 *   when      conditions separated by spaces:
 *               list        one of the fields is present
 *               !list       none of the fields is present
 *               list=a|b    the value is one of these words
 *               ~list=a     the field belongs to the row, but may be missing
 *               ?pair       the map is one pair
 *               ?time       the value is a time
 *   command   the command; several, separated by ; make several steps (args are separated likewise)
 *   args      one item for each argument: [?][kind:]list; with ? the argument may be missing;
 *             the kinds are in dictionary_rows.c
 *   options   items NAME<[kind:]list
 *   example   for errors and the guide
 *   written   how the row writes its command, with no other options than its own; without it the row
 *             only reads. VERB:, then NAME=WORD, or the name of the field for the next argument. A .
 *             behind that name: a single argument without options stands alone behind the verb */
#include "testfile_internal.h"

#define EL      ".|selector|target|element|locator|css|xpath|id|text|label|placeholder|hint|value"
#define SEL     "selector|target|element|locator|into|in|field|css|xpath|id|label|placeholder|hint"
#define FROM    "selector|from|target|element|locator|in|css|xpath|id|label|placeholder|hint"
#define VAR     "var:variable|as|in|name|to|variableName"
#define T       "type|assertion|operator|comparison|is|state"
#define V       "value|expected|expectedValue|expectedText|pattern|text"
#define HIDDEN  "hidden|invisible|not_visible|notVisible|not-visible"
#define SWITCH  "~action|operation=switch|switchtab|switchframe|switchiframe|tab"
#define A_TAB   "~target|type|operation=tab"
#define NO_VAR  "!variable|as|in|name|to|variableName"
#define CLICKED "position_on_element<position element_type<element_type|elementType"

/* clang-format off */
const struct verb_row verb_rows[] = {
    {"navigate goto open nav visit browse", "", "step-navigate to", "url:.|url|to|target|value|href", "new_tab<new_tab|newTab", "navigate: https://example.com", "navigate: url."},

    {"scroll scrollto", ".|to|direction|action|target=top|totop|pagetop", "step-navigate scroll-top", "", "", "scroll: top", "scroll: to=top"},
    {"scroll scrollto", ".|to|direction|action|target=bottom|tobottom|pagebottom", "step-navigate scroll-bottom", "", "", "scroll: bottom", "scroll: to=bottom"},
    {"scroll scrollto", ".|to|direction|action=up pixels|amount", "step-navigate scroll-by", "up:pixels|amount", "", "scroll: {direction: up, pixels: 300}"},
    {"scroll scrollto", ".|to|direction|action=down pixels|amount", "step-navigate scroll-by", "down:pixels|amount", "", "scroll: {direction: down, pixels: 300}"},
    {"scroll scrollto", ".|to|direction|action=up", "step-navigate scroll-up", "", "", "scroll: {direction: up}", "scroll: direction=up"},
    {"scroll scrollto", ".|to|direction|action=down", "step-navigate scroll-down", "", "", "scroll: {direction: down}", "scroll: direction=down"},
    {"scroll scrollto", "position", "step-navigate scroll-position", "xy:position", "", "scroll: {position: \"100,200\"}", "scroll: position"},
    {"scroll scrollto", "x y", "step-navigate scroll-position", "xy:@", "", "scroll: {x: 100, y: 200}"},
    {"scroll scrollto", "by|offset", "step-navigate scroll-by", "xy:by|offset", "", "scroll: {by: \"0,300\"}", "scroll: by"},
    {"scroll scrollto", "!" EL "|to direction", NULL, "direction takes up or down (or top, bottom)", "", "scroll: {direction: down}"},
    {"scroll scrollto", "action=toelement|element|intoview", "step-navigate scroll-element", EL "|to", "", "scroll: \"Order summary\""},
    {"scroll scrollto", "", "step-navigate scroll-element", EL "|to", "", "scroll: \"Order summary\"", "scroll: element"},

    {"see shouldsee", "", "step-assert exists", EL, "", "see: \"Welcome\""},
    {"notsee dontsee shouldnotsee", "", "step-assert not-exists", EL, "", "dont_see: \"Error\""},
    {"click c tap tick untick uncheck", "", "step-interact click", EL, CLICKED " variable<var:variable", "click: \"Sign in\"", "click: selector."},
    {"doubleclick dblclick dc", "", "step-interact double-click", EL, CLICKED, "double-click: \"Row 1\"", "double-click: selector."},
    {"rightclick contextclick rc", "", "step-interact right-click", EL, CLICKED, "right-click: \"Row 1\"", "right-click: selector."},
    {"hover h mouseover", "", "step-interact hover", EL, "position_on_element<position duration<duration", "hover: \"Menu\"", "hover: selector."},

    {"write type fill t", "?pair", "step-interact write", "@key @value", "", "write: {\"Email\": \"ada@example.com\"}"},
    {"write type fill t", SEL " variable !text|value|content|.", "step-interact write", SEL " =", "variable<var:variable append<append clear<clear delay<delay", "write: {selector: \"Email\", variable: mail}"},
    {"write type fill t", SEL, "step-interact write", SEL " text|value|content|.", "variable<var:variable append<append clear<clear delay<delay", "write: {selector: \"Email\", text: \"ada@example.com\"}", "write: selector text"},
    {"write type fill t", "", "step-interact write", "last: text|value|content|.", "append<append clear<clear delay<delay", "write: {selector: \"Email\", text: \"ada@example.com\"}"},

    {"key press presskey k", "", "step-interact key", "unquote:.|key|value|text", "target<target|selector|element|in modifiers<modifiers repeat<repeat", "key: Enter", "key: key."},

    {"mouse", "action|operation|.=moveto " SEL, "step-interact mouse move-to", SEL, "", "mouse: {action: move-to, selector: \"Menu\"}", "mouse: action=move-to selector"},
    {"mouse", "action|operation=moveby", "step-interact mouse move-by", "xy:position|offset|by|to", "", "mouse: {action: move-by, offset: \"50,100\"}", "mouse: action=move-by offset"},
    {"mouse", "action|operation=move|moveto " SEL, "step-interact mouse move-to", SEL, "", "mouse: {action: move-to, selector: \"Menu\"}"},
    {"mouse", "action|operation=move|moveto", "step-interact mouse move", "xy:position|to|offset", "", "mouse: {action: move, position: \"200,300\"}", "mouse: action=move position"},
    {"mouse", "action|operation|.=down", "step-interact mouse down", "?" SEL, "", "mouse: {action: down}", "mouse: action=down selector"},
    {"mouse", "action|operation|.=up", "step-interact mouse up", "?" SEL, "", "mouse: {action: up}", "mouse: action=up selector"},
    {"mouse", "action|operation|.=enter", "step-interact mouse enter", SEL, "", "mouse: {action: enter, selector: \"Menu\"}", "mouse: action=enter selector"},
    {"mouse", "action|operation=over|hover", "step-interact hover", SEL, "", "mouse: {action: over, selector: \"Menu\"}"},
    {"mouse", "", NULL, "it needs an action: move-to, move-by, move, down, up or enter", "", "mouse: {action: move-to, selector: \"Menu\"}"},

    {"drag draganddrop", "", "step-interact mouse move-to;step-interact mouse down;step-interact mouse move-to;step-interact mouse up",
     "from|source|selector|element;from|source|selector|element;to|target|destination;to|target|destination", "", "drag: {from: \"Card\", to: \"Done\"}"},

    {"select pick", "?pair", "step-interact select option", "@key @value", "", "select: {\"Country\": \"France\"}"},
    {"select pick", "index option|text|value", NULL, "give exactly one of option, index and last", "", "select: {selector: \"Country\", option: \"France\"}"},
    {"select pick", "last=true|yes option|text|value|index", NULL, "give exactly one of option, index and last", "", "select: {selector: \"Country\", option: \"France\"}"},
    {"select pick", "index", "step-interact select index", FROM " index", "", "select: {selector: \"Country\", index: 2}", "select: selector index"},
    {"select pick", "last=true|yes", "step-interact select last", FROM, "", "select: {selector: \"Country\", last: true}", "select: last=true selector"},
    {"select pick", "", "step-interact select option", FROM " option|text|value", "by<by", "select: {selector: \"Country\", option: \"France\"}", "select: selector option"},

    {"asserttext", "", "step-assert equals", SEL " " V "|.", "", "assert_text: {selector: \"h1\", expected: \"Welcome\"}"},
    {"assertvalue assert check verify expect", T "=gt|greaterthan variable !" SEL, "step-assert variable", "var:variable " V, "op<=GREATER_THAN", "assert: {type: gt, variable: total, value: 5}"},
    {"assertvalue assert check verify expect", T "=gte|greaterthanorequal|greaterthanorequals variable !" SEL, "step-assert variable", "var:variable " V, "op<=GREATER_THAN_OR_EQUALS", "assert: {type: gte, variable: total, value: 5}"},
    {"assertvalue assert check verify expect", T "=lt|lessthan variable !" SEL, "step-assert variable", "var:variable " V, "op<=LESS_THAN", "assert: {type: lt, variable: total, value: 5}"},
    {"assertvalue assert check verify expect", T "=lte|lessthanorequal|lessthanorequals variable !" SEL, "step-assert variable", "var:variable " V, "op<=LESS_THAN_OR_EQUALS", "assert: {type: lte, variable: total, value: 5}"},
    {"assertvalue assert check ch verify expect", T "=variable", "step-assert variable", "var:variable|name " V "|equals", "op<op", "assert: {variable: total, equals: \"5\"}", "assert: type=variable variable value"},
    {"assert check ch verify expect", "variable !" SEL, "step-assert variable", "var:variable " V "|equals", "op<op", "assert: {variable: total, equals: \"5\"}"},
    {"assert check ch verify expect", T "=notexists|notexist|absent|doesnotexist|hidden|invisible|notvisible|notpresent", "step-assert not-exists", EL "|not_exists", "", "assert: {type: not-exists, selector: \"Error\"}", "assert: type=not-exists selector"},
    {"assert check ch verify expect", T "=contains|textcontains", "step-assert matches", SEL " regex:" V, "", "assert: {type: contains, selector: \"h1\", value: \"Order\"}"},
    {"assert check ch verify expect", T "=text|value " V " " SEL, "step-assert equals", SEL " " V, "", "assert: {type: text, selector: \"h1\", value: \"Welcome\"}"},
    {"assert check ch verify expect", T "=text", "step-assert exists", EL, "", "assert: \"Welcome\""},
    {"assert assertvalue check ch verify expect", T "=equals|equal|eq|textequals|valueequals", "step-assert equals", SEL " " V, "", "assert: {type: equals, selector: \"h1\", value: \"Welcome\"}", "assert: type=equals selector value"},
    {"assert assertvalue check ch verify expect", T "=notequals|notequal|neq", "step-assert not-equals", SEL " " V, "", "assert: {type: not-equals, selector: \"h1\", value: \"Error\"}", "assert: type=not-equals selector value"},
    {"assert assertvalue check ch verify expect", T "=gt|greaterthan", "step-assert gt", SEL " " V, "", "assert: {type: gt, selector: \"Total\", value: 10}", "assert: type=gt selector value"},
    {"assert assertvalue check ch verify expect", T "=gte|greaterthanorequal|greaterthanorequals", "step-assert gte", SEL " " V, "", "assert: {type: gte, selector: \"Total\", value: 10}", "assert: type=gte selector value"},
    {"assert assertvalue check ch verify expect", T "=lt|lessthan", "step-assert lt", SEL " " V, "", "assert: {type: lt, selector: \"Total\", value: 10}", "assert: type=lt selector value"},
    {"assert assertvalue check ch verify expect", T "=lte|lessthanorequal|lessthanorequals", "step-assert lte", SEL " " V, "", "assert: {type: lte, selector: \"Total\", value: 10}", "assert: type=lte selector value"},
    {"assert assertvalue check ch verify expect", T "=matches|match|regex", "step-assert matches", SEL " pattern|" V, "", "assert: {type: matches, selector: \"Order\", pattern: \"^[0-9]+$\"}", "assert: type=matches selector pattern"},
    {"assert check ch verify expect", T "=checked", "step-assert checked", EL "|checked", "", "assert: {type: checked, selector: \"I agree\"}", "assert: type=checked selector"},
    {"assert check ch verify expect", T "=selected", "step-assert selected", SEL "|selected ?option:" V, "", "assert: {type: selected, selector: \"Country\", value: \"France\"}", "assert: type=selected selector value"},
    {"assert assertelement check ch verify expect", T "=exists|exist|visible|present exists=false|no", "step-assert not-exists", SEL, "", "assert: {not_exists: \"Error\"}"},
    {"assert assertelement check ch verify expect", T "=exists|exist|visible|present|element", "step-assert exists", EL "|exists", "", "assert: \"Welcome\""},
    {"assert assertvalue check ch verify expect", T, NULL, "the type is one of exists, not-exists, equals, not-equals, checked, selected, gt, gte, lt, lte, matches, variable, text, contains, value", "", "assert: {type: equals, selector: \"h1\", value: \"Welcome\"}"},
    {"assert assertelement check ch verify expect", "exists=false|no text|label|hint !" SEL, "step-assert not-exists", "text|label|hint", "", "assert: {not_exists: \"Error\"}"},
    {"assert assertelement check ch verify expect", "exists=true|yes text|label|hint !" SEL, "step-assert exists", "text|label|hint", "", "assert: {exists: \"Welcome\"}"},
    {"assert assertelement check ch verify expect", "exists=false|no", "step-assert not-exists", SEL, "", "assert: {not_exists: \"Error\"}"},
    {"assert assertelement check ch verify expect", "exists=true|yes", "step-assert exists", SEL, "", "assert: {exists: \"Welcome\"}"},
    {"assert check ch verify expect", "not_exists|notExists|not-exists=true|yes text !" SEL, "step-assert not-exists", "text", "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", HIDDEN "=true|yes", "step-assert not-exists", SEL "|text", "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", HIDDEN "=false|no", "step-assert exists", SEL "|text", "", "assert: {exists: \"Welcome\"}"},
    {"assert check ch verify expect", HIDDEN, "step-assert not-exists", HIDDEN, "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", "visible|present|displayed=true|yes", "step-assert exists", SEL "|text", "", "assert: {exists: \"Welcome\"}"},
    {"assert check ch verify expect", "visible|present|displayed=false|no", "step-assert not-exists", SEL "|text", "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", "not_exists|notExists|not-exists=true|yes", "step-assert not-exists", SEL, "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", "exists|visible|present|displayed", "step-assert exists", "named:exists|visible|present|displayed", "", "assert: {exists: \"Welcome\"}"},
    {"assert check ch verify expect", "not_exists|notExists|not-exists", "step-assert not-exists", "named:not_exists|notExists|not-exists", "", "assert: {not_exists: \"Error\"}"},
    {"assert check ch verify expect", "equals", "step-assert equals", SEL " equals", "", "assert: {element: \"h1\", equals: \"Welcome\"}"},
    {"assert check ch verify expect", "not_equals|notEquals|not-equals", "step-assert not-equals", SEL " not_equals|notEquals|not-equals", "", "assert: {element: \"h1\", not_equals: \"Error\"}"},
    {"assert check ch verify expect", "contains", "step-assert matches", SEL " regex:contains", "", "assert: {element: \"h1\", contains: \"Order\"}"},
    {"assert check ch verify expect", "matches|pattern", "step-assert matches", SEL " matches|pattern", "", "assert: {element: \"Order\", matches: \"^[0-9]+$\"}"},
    {"assert check ch verify expect", "gt|greater_than", "step-assert gt", SEL " gt|greater_than", "", "assert: {element: \"Total\", gt: 10}"},
    {"assert check ch verify expect", "gte|greater_than_or_equal", "step-assert gte", SEL " gte|greater_than_or_equal", "", "assert: {element: \"Total\", gte: 10}"},
    {"assert check ch verify expect", "lt|less_than", "step-assert lt", SEL " lt|less_than", "", "assert: {element: \"Total\", lt: 10}"},
    {"assert check ch verify expect", "lte|less_than_or_equal", "step-assert lte", SEL " lte|less_than_or_equal", "", "assert: {element: \"Total\", lte: 10}"},
    {"assert check ch verify expect", "checked=true|yes", "step-assert checked", SEL "|text", "", "assert: {checked: \"I agree\"}"},
    {"assert check ch verify expect", "checked=false|no " SEL "|text", NULL, "the platform cannot assert that something is not checked", "", "assert: {checked: \"I agree\"}"},
    {"assert check ch verify expect", "checked", "step-assert checked", "named:checked", "", "assert: {checked: \"I agree\"}"},
    {"assert check ch verify expect", "selected " SEL "|text", "step-assert selected", SEL "|text ?option:selected", "", "assert: {element: \"Country\", selected: \"France\"}"},
    {"assert assertvalue check ch verify expect", SEL " " V, "step-assert equals", SEL " " V, "", "assert: {selector: \"h1\", expected: \"Welcome\"}"},
    {"assert assertelement check ch verify expect lookforelement", "", "step-assert exists", EL, "", "assert: \"Welcome\"", "assert: selector."},
    {"assertvalue", "", "step-assert equals", SEL " " V, "", "stepType: assertValue, target: \"Total\", expectedValue: \"5\""},
    {"nch", "", "step-assert not-exists", EL, "", "nch: \"Error\""},
    {"eq", "?pair", "step-assert equals", "@key @value", "", "eq: {\"h1\": \"Welcome\"}"},
    {"eq", "", "step-assert equals", SEL " " V, "", "eq: {\"h1\": \"Welcome\"}"},
    {"neq", "?pair", "step-assert not-equals", "@key @value", "", "neq: {\"h1\": \"Error\"}"},
    {"neq", "", "step-assert not-equals", SEL " " V, "", "neq: {\"h1\": \"Error\"}"},
    {"gt", "?pair", "step-assert gt", "@key @value", "", "gt: {\"Total\": 10}"},
    {"gt", "", "step-assert gt", SEL " " V, "", "gt: {\"Total\": 10}"},
    {"gte", "?pair", "step-assert gte", "@key @value", "", "gte: {\"Total\": 10}"},
    {"gte", "", "step-assert gte", SEL " " V, "", "gte: {\"Total\": 10}"},
    {"lt", "?pair", "step-assert lt", "@key @value", "", "lt: {\"Total\": 10}"},
    {"lt", "", "step-assert lt", SEL " " V, "", "lt: {\"Total\": 10}"},
    {"lte", "?pair", "step-assert lte", "@key @value", "", "lte: {\"Total\": 10}"},
    {"lte", "", "step-assert lte", SEL " " V, "", "lte: {\"Total\": 10}"},

    {"wait waitfor", "~type=time seconds", "step-wait time", "sec:seconds", "", "wait: {seconds: 2}"},
    {"wait waitfor", "~type=time time|duration|ms|milliseconds", "step-wait time", "ms:time|duration|ms|milliseconds", "", "wait: {time: 2000}", "wait: time."},
    {"wait waitfor", "type=time", "step-wait time", "ms:value|target|timeout|.", "", "wait: {time: 2000}"},
    {"wait waitfor", "type=element", "step-wait element", "for|" EL, "timeout<ms:timeout", "wait: {element: \"Saved\", timeout: 5000}"},
    {"wait waitfor sleep pause", "?time", "step-wait time", "ms:.|value", "", "wait: 2s"},
    {"sleep pause", "", NULL, "it takes a time; to wait for an element write wait", "", "sleep: 2s"},
    {"wait waitfor", "", "step-wait element", "for|" EL, "timeout<ms:timeout", "wait: {element: \"Saved\", timeout: 5000}", "wait: element"},

    {"store", "?pair", "step-data store element-text", "@key var:@value", "", "store: {\"Order number\": order}"},
    {"store storeattribute", "~type|operation=attribute|elementattribute attribute selector|from|target|element|css|text|hint value " NO_VAR, "step-data store attribute", "selector|from|target|element|css|text|hint attribute var:value", "", "store: {selector: \"Help\", attribute: href, as: link}"},
    {"store storeattribute", "~type|operation=attribute|elementattribute attribute", "step-data store attribute", "selector|from|target|element|css|text|hint attribute " VAR, "", "store: {selector: \"Help\", attribute: href, as: link}", "store: type=attribute selector attribute as"},
    {"store", "type|operation=attribute", "step-data store attribute", "selector|from|target|element|css|text|hint attribute|value " VAR, "", "store: {selector: \"Help\", attribute: href, as: link}"},
    {"store", "~type|operation=value|text|literal|elementvalue value|literal !selector|from|target|element|css|hint", "step-data store literal", "value|literal " VAR, "", "store: {type: literal, value: 42, as: total}", "store: type=literal value as"},
    {"store", "type|operation=literal", "step-data store literal", "value|text|literal " VAR, "", "store: {type: literal, value: 42, as: total}"},
    {"store", "type|operation=text|elementtext|element selector|target|element|css|hint value !variable|as|in|name|to|variableName", "step-data store element-text", "selector|target|element|css|hint var:value", "", "store: {selector: \"Total\", as: total}"},
    {"store", "type|operation=value|elementvalue selector|target|element|css|hint value !variable|as|in|name|to|variableName", "step-data store element-value", "selector|target|element|css|hint var:value", "", "store: {type: value, selector: \"Total\", as: total}"},
    {"store", "type|operation=value|elementvalue", "step-data store element-value", "selector|from|target|element|css|text|hint " VAR, "", "store: {type: value, selector: \"Total\", as: total}", "store: type=value selector as"},
    {"store", "type|operation=text|elementtext|element", "step-data store element-text", "selector|from|target|element|css|text|hint " VAR, "", "store: {selector: \"Total\", as: total}", "store: type=text selector as"},
    {"store", "type|operation", NULL, "the type is one of text, element-text, value, element-value, attribute, literal", "", "store: {selector: \"Total\", as: total}"},
    {"store", "selector|target|element|css|hint value !variable|as|in|name|to|variableName", "step-data store element-text", "selector|target|element|css|hint var:value", "", "store: {selector: \"Total\", as: total}"},
    {"storeelementvalue storevalue", "selector|from|target|element|css|hint value " NO_VAR, "step-data store element-value", "selector|from|target|element|css|hint var:value", "", "stepType: storeElementValue, target: \"Total\", variable: total"},
    {"storeelementtext storetext", "selector|from|target|element|css|text|hint value " NO_VAR, "step-data store element-text", "selector|from|target|element|css|text|hint var:value", "", "store: {selector: \"Total\", as: total}"},
    {"storeelementvalue storevalue", "", "step-data store element-value", "selector|from|target|element|css|text|hint " VAR, "", "stepType: storeElementValue, target: \"Total\", variable: total"},
    {"store storeelementtext storetext", "", "step-data store element-text", "selector|from|target|element|css|text|hint " VAR, "", "store: {selector: \"Total\", as: total}"},

    {"cookie", "set.name", "step-data cookie create", "set.name set.value", "domain<set.domain path<set.path secure<set.secure http_only<set.httpOnly", "cookie: {set: {name: theme, value: dark}}"},
    {"cookie", "action|operation|type|.=create|set|add", "step-data cookie create", "name value", "domain<domain path<path secure<secure http_only<httpOnly|http_only", "cookie: {action: create, name: theme, value: dark}", "cookie: action=create name value"},
    {"cookie", "action|operation|type|.=delete|remove", "step-data cookie delete", "name", "", "cookie: {action: delete, name: theme}", "cookie: action=delete name"},
    {"cookie", "action|operation|type|.=clear|clearall|wipeall|deleteall", "step-data cookie clear-all", "", "", "cookie: clear", "cookie: action=clear"},
    {"cookie", "set !set.name", NULL, "set needs a name and a value", "", "cookie: {set: {name: theme, value: dark}}"},
    {"cookie", "delete|remove", "step-data cookie delete", "delete|remove", "", "cookie: {delete: theme}"},
    {"cookie", "", NULL, "it needs an action: create, delete or clear", "", "cookie: {action: create, name: theme, value: dark}"},
    {"clear", ".=cookies|cookie", "step-data cookie clear-all", "", "", "cookie: clear"},
    {"clear", "", NULL, "only cookies can be cleared", "", "cookie: clear"},

    {"dialog", "action|operation=dismissconfirm accept=true|yes", "step-dialog dismiss-confirm", "", "accept<=true", "dialog: {action: dismiss-confirm, accept: true}"},
    {"dialog", "action|operation=dismissconfirm accept=false|no", "step-dialog dismiss-confirm", "", "reject<=true", "dialog: {action: dismiss-confirm, reject: true}"},
    {"dialog", "action|operation=dismissconfirm reject=true|yes", "step-dialog dismiss-confirm", "", "reject<=true", "dialog: {action: dismiss-confirm, reject: true}"},
    {"dialog", "action|operation|.=dismissconfirm", "step-dialog dismiss-confirm", "", "", "dialog: {action: dismiss-confirm, accept: true}"},
    {"dialog", "action|operation=dismissprompt|dismisspromptwithtext text|value accept=true|yes", "step-dialog dismiss-prompt-with-text", "text|value", "accept<=true", "dialog: {action: dismiss-prompt, text: \"42\"}"},
    {"dialog", "action|operation=dismissprompt|dismisspromptwithtext text|value accept=false|no", "step-dialog dismiss-prompt-with-text", "text|value", "reject<=true", "dialog: {action: dismiss-prompt, text: \"42\"}"},
    {"dialog", "action|operation=dismissprompt|dismisspromptwithtext text|value reject=true|yes", "step-dialog dismiss-prompt-with-text", "text|value", "reject<=true", "dialog: {action: dismiss-prompt, text: \"42\"}"},
    {"dialog", "action|operation=dismissprompt|dismisspromptwithtext text|value", "step-dialog dismiss-prompt-with-text", "text|value", "", "dialog: {action: dismiss-prompt, text: \"42\"}"},
    {"dialog", "action|operation=dismissprompt accept=true|yes", "step-dialog dismiss-prompt", "", "accept<=true", "dialog: {action: dismiss-prompt, accept: true}"},
    {"dialog", "action|operation=dismissprompt accept=false|no", "step-dialog dismiss-prompt", "", "reject<=true", "dialog: {action: dismiss-prompt, reject: true}"},
    {"dialog", "action|operation=dismissprompt reject=true|yes", "step-dialog dismiss-prompt", "", "reject<=true", "dialog: {action: dismiss-prompt, reject: true}"},
    {"dialog", "action|operation|.=dismissprompt", "step-dialog dismiss-prompt", "", "", "dialog: {action: dismiss-prompt}"},
    {"dialog alert confirm prompt", "type=prompt|dismissprompt|promptwithtext text|value action|accept|.=dismiss|cancel|reject|false|no", "step-dialog dismiss-prompt-with-text", "text|value", "reject<=true", "dialog: {type: prompt, text: \"42\", action: cancel}", "dialog: type=prompt text action=cancel"},
    {"dialog prompt", "~type=prompt|dismissprompt|promptwithtext ~action|accept=accept|ok|true|yes text", "step-dialog dismiss-prompt-with-text", "text", "", "dialog: {type: prompt, text: \"42\"}", "dialog: type=prompt text"},
    {"dialog", "type=dismissprompt|dismisspromptwithtext|promptwithtext text|value", "step-dialog dismiss-prompt-with-text", "text|value", "", "dialog: {type: prompt, text: \"42\"}"},
    {"dialog prompt", "type=prompt|dismissprompt action|accept|.=accept|ok|confirm|true|yes", "step-dialog dismiss-prompt", "", "accept<=true", "dialog: {type: prompt, action: accept}", "dialog: type=prompt action=accept"},
    {"dialog prompt", "type=prompt|dismissprompt action|accept|.=dismiss|cancel|reject|false|no", "step-dialog dismiss-prompt", "", "reject<=true", "dialog: {type: prompt, action: cancel}", "dialog: type=prompt action=cancel"},
    {"dialog", "type=prompt|dismissprompt !action|accept|.", "step-dialog dismiss-prompt", "", "", "dialog: {type: prompt}", "dialog: type=prompt"},
    {"dialog confirm", "type=confirm|dismissconfirm action|accept|.=accept|ok|confirm|true|yes", "step-dialog dismiss-confirm", "", "accept<=true", "dialog: {type: confirm, action: accept}", "dialog: type=confirm action=accept"},
    {"dialog confirm", "type=confirm|dismissconfirm action|accept|.=dismiss|cancel|reject|false|no", "step-dialog dismiss-confirm", "", "reject<=true", "dialog: {type: confirm, action: cancel}", "dialog: type=confirm action=cancel"},
    {"dialog", "type=confirm|dismissconfirm !action|accept|.", "step-dialog dismiss-confirm", "", "", "dialog: {type: confirm}", "dialog: type=confirm"},
    {"dialog alert", "type=alert|dismissalert action|accept|.=accept|ok|dismiss|confirm|cancel|close|true|yes", "step-dialog dismiss-alert", "", "", "dialog: {type: alert, action: accept}"},
    {"dialog", "type=alert|dismissalert !action|accept|.", "step-dialog dismiss-alert", "", "", "dialog: {type: alert}", "dialog: type=alert"},
    {"dialog", "type", NULL, "the type is alert, confirm or prompt; the action is accept, dismiss, confirm or cancel", "", "dialog: {type: confirm, action: accept}"},
    {"dialog alert", ".|action|operation=dismissalert ~accept=true|yes|false|no", "step-dialog dismiss-alert", "", "", "alert: dismiss"},
    {"dialog", ".|action=confirm", "step-dialog dismiss-confirm", "", "accept<=true", "dialog: confirm"},
    {"dialog", ".|action=cancel|reject", "step-dialog dismiss-confirm", "", "reject<=true", "dialog: cancel"},
    {"confirm", ".|action|accept=accept|ok|confirm|true|yes", "step-dialog dismiss-confirm", "", "accept<=true", "confirm: accept"},
    {"confirm", ".|action|accept=dismiss|cancel|reject|false|no", "step-dialog dismiss-confirm", "", "reject<=true", "confirm: cancel"},
    {"prompt", ".|action|accept=dismiss|cancel|reject|false|no", "step-dialog dismiss-prompt", "", "reject<=true", "prompt: cancel"},
    {"prompt", ".|action|accept=accept|ok|confirm|true|yes", "step-dialog dismiss-prompt", "", "accept<=true", "prompt: accept"},
    {"prompt", ".", "step-dialog dismiss-prompt-with-text", ".", "", "prompt: \"42\""},
    {"dialog alert", ".|action=accept|dismiss|ok|close|confirm|cancel", "step-dialog dismiss-alert", "", "", "alert: accept"},
    {"dialog alert", "accept=true|yes|false|no", "step-dialog dismiss-alert", "", "", "alert: accept"},
    {"dialog alert confirm prompt", "", NULL, "give accept, dismiss, confirm or cancel", "", "alert: dismiss"},

    {"window", "action|.=resize size|value", "step-window resize", "size|value", "", "window: {action: resize, size: 1280x800}", "window: action=resize size"},
    {"window", "action|.=resize", "step-window resize", "size:@", "", "window: {action: resize, width: 1280, height: 800}"},
    {"window", "action|.=maximize|maximise", "step-window maximize", "", "", "window: maximize", "window: action=maximize"},
    {"window", SWITCH " iframe", "step-window switch iframe", "iframe", "", "window: {action: switch, iframe: \"Payment\"}", "window: action=switch iframe"},
    {"window", SWITCH " target|type|operation=tab direction=next", "step-window switch tab next", "", "", "window: {action: switch, target: tab, direction: next}"},
    {"window", SWITCH " target|type|operation=tab direction=previous|prev", "step-window switch tab prev", "", "", "window: {action: switch, target: tab, direction: previous}"},
    {"window", SWITCH " " A_TAB " to|target|direction|type|operation|value|tab|.=next|nexttab", "step-window switch tab next", "", "", "window: {action: switch, to: next}", "window: action=switch to=next"},
    {"window", SWITCH " " A_TAB " to|target|direction|type|operation|value|tab|.=previous|prev|previoustab|prevtab", "step-window switch tab prev", "", "", "window: {action: switch, to: previous}", "window: action=switch to=previous"},
    {"window", SWITCH " target|type|operation=frame|iframe index", "step-window switch frame-index", "index", "", "window: {action: switch, target: frame, index: 0}", "window: action=switch target=frame index"},
    {"window", SWITCH " target|to|type|operation=iframe|frame", "step-window switch iframe", "selector|element|css|name|value|hint", "", "window: {action: switch, target: iframe, selector: \"Payment\"}"},
    {"window", SWITCH " frame", "step-window switch frame-index", "frame", "", "window: {action: switch, frame: 0}"},
    {"window", SWITCH " parent=true|yes", "step-window switch parent-frame", "", "", "window: {action: switch, parent: true}", "window: action=switch parent=true"},
    {"window", SWITCH " to|target|type|operation|value|.=parent|parentframe|parentiframe", "step-window switch parent-frame", "", "", "window: {action: switch, parent: true}"},
    {"window", SWITCH " main=true|yes", "step-window switch main-content", "", "", "window: {action: switch, main: true}", "window: action=switch main=true"},
    {"window", SWITCH " to|target|type|operation|value|.=main|maincontent|default|defaultcontent", "step-window switch main-content", "", "", "window: {action: switch, main: true}"},
    {"window", "action=switchiframe|switchframe target|element|selector|css|name|value|hint", "step-window switch iframe", "target|element|selector|css|name|value|hint", "", "window: {action: switch, target: iframe, selector: \"Payment\"}"},
    {"window", SWITCH " ~target|type|to|operation=tab index", "step-window switch tab index", "index", "", "window: {action: switch, target: tab, index: 1}", "window: action=switch target=tab index"},
    {"window", "~action|operation=switch|switchtab|tab " A_TAB " to|value|tab", "step-window switch tab index", "tab:to|value|tab", "", "window: {action: switch, to: next}"},
    {"window", "action|.=nexttab|switchtabnext|switchnexttab", "step-window switch tab next", "", "", "window: {action: switch, to: next}"},
    {"window", "action|.=previoustab|prevtab|switchtabprev|switchtabprevious", "step-window switch tab prev", "", "", "window: {action: switch, to: previous}"},
    {"window", "action|.=switchparentframe|switchtoparentframe|parentframe", "step-window switch parent-frame", "", "", "window: {action: switch, parent: true}"},
    {"window", "action|.=switchmaincontent|switchtomaincontent|maincontent", "step-window switch main-content", "", "", "window: {action: switch, main: true}"},
    {"window", "", NULL, "it takes resize, maximize or switch", "", "window: {action: resize, size: 1280x800}"},
    {"maximize maximise maximizewindow", "", "step-window maximize", "", "", "window: maximize"},
    {"resize resizewindow", "size", "step-window resize", "size", "", "window: {action: resize, size: 1280x800}"},
    {"resize resizewindow", ".", "step-window resize", ".", "", "window: {action: resize, size: 1280x800}"},
    {"resize resizewindow", "", "step-window resize", "size:@", "", "window: {action: resize, width: 1280, height: 800}"},
    {"switchtab tab", ".|to|direction|value=next", "step-window switch tab next", "", "", "switch_tab: next"},
    {"switchtab tab", ".|to|direction|value=previous|prev", "step-window switch tab prev", "", "", "switch_tab: previous"},
    {"switchtab tab", "", "step-window switch tab index", "tab:.|to|index|value|direction", "", "switch_tab: 1"},
    {"switchtomaincontent switchmaincontent maincontent", "", "step-window switch main-content", "", "", "window: {action: switch, main: true}"},
    {"nexttab switchtonexttab", "", "step-window switch tab next", "", "", "switch_tab: next"},
    {"previoustab prevtab switchtoprevioustab", "", "step-window switch tab prev", "", "", "switch_tab: previous"},
    {"scrolltop scrolltotop", "", "step-navigate scroll-top", "", "", "scroll: top"},
    {"scrollbottom scrolltobottom", "", "step-navigate scroll-bottom", "", "", "scroll: bottom"},
    {"scrollup", "", "step-navigate scroll-up", "", "", "scroll: {direction: up}"},
    {"scrolldown", "", "step-navigate scroll-down", "", "", "scroll: {direction: down}"},
    {"scrollelement scrolltoelement scrollintoview", "", "step-navigate scroll-element", EL "|to", "", "scroll: \"Order summary\""},
    {"switchtoiframe switchiframe iframe", "", "step-window switch iframe", EL, "", "window: {action: switch, iframe: \"Payment\"}"},
    {"switchtoparentframe switchparentframe parentframe", "", "step-window switch parent-frame", "", "", "window: {action: switch, parent: true}"},

    {"upload file uploadfile", "", "step-file upload", "selector|to|into|target|element|css|label|hint fileurl:url|file|path|value", "", "upload: {selector: \"CV\", url: \"https://example.com/cv.pdf\"}", "upload: selector url"},
    {"execute executescript javascript js script", "", "step-misc execute", ".|script|code|value|text", "", "execute: \"return document.title\"", "execute: script."},
    {"comment note log echo", "", "step-misc comment", "split:.|text|value|comment", "", "comment: \"log in first\"", "comment: text."},
    {"screenshot takescreenshot", ".=true", "step-misc comment", "=Screenshot", "", "comment: \"log in first\""},
    {"screenshot takescreenshot", ".|name|text|value", "step-misc comment", "split:.|name|text|value", "", "comment: \"log in first\""},
    {"screenshot takescreenshot", "", "step-misc comment", "=Screenshot", "", "comment: \"log in first\""},
    {"api apicall", "", "step-misc api-call", ".|id|api_test_id|value", "input_values<inputs|input_values input_variables<variables|input_variables", "api: {id: 31, inputs: {user: ada}}", "api: id."},
    {"library", "~type=attach", "library attach", ".|attach|id|checkpoint libpos:position", "", "library: {attach: 7023, position: 2}", "library: attach position"},
};
/* clang-format on */

const size_t n_verb_rows = sizeof(verb_rows) / sizeof(verb_rows[0]);
