"""Completions for bash, zsh and fish, made from the command line: `python -m contrib.completion SHELL` writes one.

They are static: no program is started while somebody types.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping

from contrib.command_tree import Command, tree


def bash() -> str:
    """For /usr/share/bash-completion/completions/mailbot."""
    root = tree()
    cases = "\n".join(
        f"        {shlex.quote(' '.join(one.words))}) words={shlex.quote(_words(one))} ;;" for one in root.all()
    )
    groups = "|".join(shlex.quote(" ".join(one.words)) for one in root.all() if one.below and one.words) or "''"
    paths = "|".join(
        sorted({name for one in root.all() for option in one.options if option.is_path for name in option.names})
    )
    return f"""# bash completion for mailbot
_mailbot() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word words= skip= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        if [[ -n $skip ]]; then skip=; continue; fi
        case $word in
            -c|--config) skip=1 ;;
            -*) ;;
            *) case $path in
                "") path=$word ;;
                {groups}) path="$path $word" ;;
            esac ;;
        esac
    done
    case $prev in {paths}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
    case $path in
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o bashdefault -o default -F _mailbot mailbot
"""


def _words(command: Command) -> str:
    return " ".join((*(one.words[-1] for one in command.below), *(n for o in command.options for n in o.names)))


def zsh() -> str:
    """For /usr/share/zsh/vendor-completions/_mailbot."""
    root = tree()
    functions = "\n".join(_zsh_function(one) for one in root.all())
    return f'#compdef mailbot\n\n{functions}\n_mailbot "$@"\n'


def _zsh_function(command: Command) -> str:
    name = _zsh_name(command)
    options = " ".join(_zsh_option(one.names, one.text, one.takes_word, one.is_path) for one in command.options)
    if not command.below:
        return f"{name}() {{ _arguments {options} '*:file:_files' }}"
    known = " ".join(shlex.quote(f"{one.words[-1]}:{one.line}") for one in command.below)
    calls = " ".join(f"{one.words[-1]}) {_zsh_name(one)} ;;" for one in command.below)
    return f"""{name}() {{
    local line state
    _arguments -C {options} '1: :->command' '*::arg:->rest'
    case $state in
        command) local -a known=({known}); _describe command known ;;
        rest) case $line[1] in {calls} esac ;;
    esac
}}"""


def _zsh_name(command: Command) -> str:
    return "_".join(("_mailbot", *command.words)).replace("-", "_")


def _zsh_option(names: tuple[str, ...], text: str, takes_word: bool, is_path: bool) -> str:
    told = text.replace("[", "(").replace("]", ")").replace(":", ",")
    value = (":file:_files" if is_path else ": :") if takes_word else ""
    return " ".join(shlex.quote(f"{name}[{told}]{value}") for name in names)


def fish() -> str:
    """For /usr/share/fish/vendor_completions.d/mailbot.fish."""
    return "\n".join(("# fish completion for mailbot", "complete -c mailbot -f", *_fish(tree()), ""))


def _fish(command: Command) -> Iterator[str]:
    when = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.words)
    siblings = " ".join(one.words[-1] for one in command.below)
    here = "; and ".join(filter(None, (when, f"not __fish_seen_subcommand_from {siblings}" if siblings else "")))
    for one in command.below:
        yield f"complete -c mailbot -n {shlex.quote(here)} -a {one.words[-1]} -d {shlex.quote(one.line)}"
    for option in command.options:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        value = (" -r -F" if option.is_path else " -x") if option.takes_word else ""
        condition = f" -n {shlex.quote(when)}" if when else ""
        yield f"complete -c mailbot{condition} {names}{value} -d {shlex.quote(option.text)}"
    for one in command.below:
        yield from _fish(one)


SHELLS: Mapping[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}

if __name__ == "__main__":
    print(SHELLS[sys.argv[1]](), end="")
