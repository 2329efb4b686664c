_virtuoso_proxy_catalogue() {
    case $1 in
@{catalogue}
    esac
}

_virtuoso_proxy_value() {
    words='' files=''
    case "$1 $2" in
@{values}
        *) return 1 ;;
    esac
}

_virtuoso_proxy() {
    local cur=${COMP_WORDS[COMP_CWORD]} sub=${COMP_WORDS[1]-} words='' files='' word line=''
    local before='' kind skip=''
    COMPREPLY=()
    if [ "$COMP_CWORD" -le 1 ]; then
        words="@{names}help --help --version"
    else
        before=${COMP_WORDS[COMP_CWORD - 1]}
        # bash makes words of its own of KEY=VALUE
        if [ "$cur" = = ]; then
            cur=''
        elif [ "$before" = = ]; then
            before=${COMP_WORDS[COMP_CWORD - 2]}
        fi
        for word in "${COMP_WORDS[@]:2:$((COMP_CWORD - 2))}"; do
            if [ -n "$skip" ]; then
                skip=''
                continue
            fi
            case $word in
                -*) ! _virtuoso_proxy_value command "$word" || skip=1 ;;
                *) line="$line${line:+ }$word" ;;
            esac
        done
        # KEY=VALUE as one word, as zsh has it
        kind=${cur%%=*}
        if [ "$kind" != "$cur" ] && _virtuoso_proxy_value "$sub" "$kind"; then
            words="$kind=${words// / $kind=}"
        elif ! _virtuoso_proxy_value "$sub" "$before"; then
            case $sub in
@{subcommands}
            esac
            if [ "$sub" = command ]; then
                words="$words $(_virtuoso_proxy_catalogue "$line")"
            fi
        fi
    fi
    local IFS=$'\n'
    # shellcheck disable=SC2207 # a name a line
    COMPREPLY=($(compgen -W "${words// /$IFS}" -- "$cur"))
    case $words in *=) compopt -o nospace 2>/dev/null || true ;; esac
    if [ -n "$files" ] && [ "${cur#-}" = "$cur" ]; then
        while IFS= read -r kind; do
            # shellcheck disable=SC2207
            COMPREPLY=("${COMPREPLY[@]}" $(compgen -f -X "!$kind" -- "$cur"))
        done <<<"${files// /$IFS}"
        # shellcheck disable=SC2207
        COMPREPLY=("${COMPREPLY[@]}" $(compgen -d -- "$cur"))
    fi
}
complete -o filenames -F _virtuoso_proxy virtuoso-proxy
