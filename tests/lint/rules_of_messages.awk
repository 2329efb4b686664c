# Reads "FILE:LINE: TEXT" and refuses what no reader has to judge. Words are British, with -ize (as in the platform's
# own organization), so that one thing has one spelling.
# ... | awk -f rules_of_messages.awk

function say(why) {
    n_bad++
    printf "%s %s: %s\n", place, why, text
}

BEGIN {
    n = split("color colors behavior canceled canceling center license favor favorite gray labeled honor catalog " \
              "organisation recognise normalise initialise serialise summarise", list, " ")
    for (i = 1; i <= n; i++) {
        foreign[list[i]] = 1
    }
    # phrase|what to write instead
    n_phrases = split("belongs? into|goes into;exclude each other|give one of them, not both;(is|are) no (\"|[A-Z]|url|id|number" \
        "|token|test file|variable|action|fault|whole)|is not a ...;none of its names|unknown name;mend (it|them|all|the)|fix;" \
        "nothing of it|say what was not sent;left to make room|was evicted;stands? before the platform|a gateway;" \
        "please (try|check|give|use)|say what to do;illegal|say what is wrong;invalid (value|input|argument|option)|say what is wrong;could not start of|count: what;not begun of" \
        "|not started;[0-9]s a try|per try;look whether|check whether", phrases, ";")
}

{
    match($0, /^[^:]*:[0-9]+:/)
    place = substr($0, 1, RLENGTH)
    text = substr($0, RLENGTH + 2)
    lower = tolower(text)

    n = split(lower, words, /[^a-z0-9'%_-]+/)
    for (i = 1; i <= n; i++) {
        if (words[i] in foreign) {
            say("\"" words[i] "\" has another spelling here")
        }
        if (i > 1 && words[i] == words[i - 1] && words[i] ~ /^[a-z][a-z]/ && index(text, words[i] " " words[i]) > 0) {
            say("\"" words[i] "\" stands twice")
        }
    }
    if (lower ~ /(^|[^0-9.,])1 (tests|steps|files|errors|warnings|requests|calls|names|entries|runs|goals)([^a-z]|$)/) {
        say("one thing in the plural")
    }
    if (text ~ /[a-z"] [,;:?]( |$)/ || text ~ /[a-z](\.\.|;;|,,)( |$)/) {
        say("punctuation")
    }
    if (text ~ /[a-z]  +[a-z]/) {
        say("two blanks")
    }
    for (i = 1; i <= n_phrases; i++) {
        bar = match(phrases[i], /\|[^|]*$/)
        if (match(lower, "(^|[^a-z])" substr(phrases[i], 1, bar - 1) "([^a-z]|$)")) {
            say("write \"" substr(phrases[i], bar + 1) "\"")
        }
    }
}

END { exit n_bad > 0 }
