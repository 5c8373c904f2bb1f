# SPDX-License-Identifier: Apache-2.0
# Completion for bash: options as --help lists them, marsctl's commands, and what its commands want from the cluster.

_mars()
{
        local cur prev words cword split
        _init_completion -s || return

        case $prev in
        --key-file | --token-file | --socket | --certificate | --certificate-key)
                _filedir
                return
                ;;
        --config-dir | --spill-dirs | --state-dir)
                _filedir -d
                return
                ;;
        esac
        $split && return
        COMPREPLY=($(compgen -W '$(_parse_help "$1")' -- "$cur"))
        [[ ${COMPREPLY-} == *= ]] && compopt -o nospace
}

# The column "name" of what marsctl lists, or nothing where there is no scheduler.
_marsctl_names()
{
        marsctl --json "$1" 2>/dev/null | sed -n "s/.*\"$2\": \"\{0,1\}\([^\",}]*\)\"\{0,1\}.*/\1/p"
}

_marsctl()
{
        local cur prev words cword split
        _init_completion -s || return

        case $prev in
        drain | undrain | retire)
                COMPREPLY=($(compgen -W '$(_marsctl_names workers name)' -- "$cur"))
                return
                ;;
        tasks | why | cancel)
                COMPREPLY=($(compgen -W '$(_marsctl_names tasks request)' -- "$cur"))
                return
                ;;
        keygen)
                _filedir
                return
                ;;
        esac
        $split && return
        if [[ $cur == -* ]]; then
                COMPREPLY=($(compgen -W '$(_parse_help "$1")' -- "$cur"))
                [[ ${COMPREPLY-} == *= ]] && compopt -o nospace
        else
                COMPREPLY=($(compgen -W '$(marsctl --help | sed -n "/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p")' -- "$cur"))
        fi
}

complete -F _mars mars-scheduler mars-worker mars-web
complete -F _marsctl marsctl
