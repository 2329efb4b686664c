function __virtuoso_proxy_files
    set -l typed (string replace -r '^--[a-z-]+=' '' -- (commandline -ct))
    for file in $typed*
        if test -d $file
            echo $file/
        else if contains -- (string match -r '[.][^./]*$' -- $file) $argv
            echo $file
        end
    end
end

function __virtuoso_proxy_behind
    set -l words (commandline -opc)
    test "$words[2]" = command; and test "$words[-1]" = "$argv[1]"
end

function __virtuoso_proxy_line_is
    set -l words (commandline -opc)
    test (count $words) -ge 2; or return 1
    test $words[2] = command; or return 1
    set -l line
    set -l skip no
    for word in $words[3..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word@{valued}
            set skip yes
        else if not string match -q -- '-*' $word
            set -a line $word
        end
    end
    test $skip = no; or return 1
    test "$line" = "$argv[1]"; or string match -q -- "$argv[2]" "$line"
end

complete -c virtuoso-proxy -f
@{subcommands}
complete -c virtuoso-proxy -n __fish_use_subcommand -a help -d 'Print help.'
complete -c virtuoso-proxy -n '__fish_seen_subcommand_from help' -a '@{names}'
complete -c virtuoso-proxy -n '__fish_seen_subcommand_from man' -a testfile
complete -c virtuoso-proxy -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'
@{values}
@{catalogue}
