/** Shell completion, generated from the command tree so that it cannot fall behind. */
import type { Command, Option } from 'commander';

interface Node {
  /** Words of the command path after the program's name, joined by a space. */
  readonly path: string;
  readonly commands: readonly string[];
  readonly options: readonly Option[];
}

/** Every command of the tree, parents first. */
export function commandTree(command: Command, path: readonly string[] = []): Node[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const here: Node = { path: path.join(' '), commands: children.map((child) => child.name()), options: command.options };
  return [here, ...children.flatMap((child) => commandTree(child, [...path, child.name()]))];
}

function flags(option: Option): string[] {
  return [option.short, option.long].filter((flag): flag is string => flag !== undefined);
}

const takesValue = (option: Option): boolean => option.required || option.optional;

function bash(nodes: readonly Node[]): string {
  const cases = nodes.map((node) => {
    const words = [...node.commands, ...node.options.flatMap(flags), '--help'].join(' ');
    return `    ${JSON.stringify(node.path)}) words=${JSON.stringify(words)} ;;`;
  });
  const choices = nodes.flatMap((node) =>
    node.options.filter(takesValue).map((option) => {
      const list = option.argChoices === undefined ? '' : option.argChoices.join(' ');
      const patterns = flags(option).map((flag) => JSON.stringify(`${node.path}:${flag}`)).join('|');
      return list === '' ? `    ${patterns}) files=1 ;;` : `    ${patterns}) values=${JSON.stringify(list)} ;;`;
    }),
  );
  const paths = nodes.map((node) => JSON.stringify(node.path)).join('|');
  return `# bash completion for care-provision; made by: care-provision completion bash
_care_provision() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' try words='' values='' files='' i
  for (( i = 1; i < COMP_CWORD; i++ )); do
    try="\${path:+$path }\${COMP_WORDS[i]}"
    case "$try" in ${paths}) path="$try" ;; esac
  done
  case "$path:$previous" in
${choices.join('\n')}
  esac
  if [[ -n "$values" ]]; then COMPREPLY=( $(compgen -W "$values" -- "$current") ); return; fi
  if [[ -n "$files" ]]; then COMPREPLY=( $(compgen -f -- "$current") ); return; fi
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=( $(compgen -W "$words" -- "$current") )
  if [[ "$current" != -* ]]; then COMPREPLY+=( $(compgen -f -- "$current") ); fi
}
complete -o filenames -F _care_provision care-provision
`;
}

/** zsh runs the bash function through its own compatibility layer (zshcompsys(1), bashcompinit). */
function zsh(nodes: readonly Node[]): string {
  return `#compdef care-provision
autoload -U +X bashcompinit && bashcompinit
${bash(nodes)}`;
}

/** The script for one shell, ready to be sourced. */
export function completionScript(shell: 'bash' | 'zsh', program: Command): string {
  const nodes = commandTree(program);
  return shell === 'bash' ? bash(nodes) : zsh(nodes);
}
