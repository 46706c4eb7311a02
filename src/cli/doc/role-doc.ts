/** A role's reference from its role.yml. */
import type { OptionSpec } from '../../language/playbook/role-spec.ts';
import type { Role } from '../../language/playbook/role.ts';
import type { Paint } from '../terminal/colour.ts';
import type { ArgumentDoc } from './module-doc.ts';
import { argumentRows, argumentText, wrap } from './render.ts';

function typeOf(option: OptionSpec): string {
  const limits = [option.minimum === undefined ? '' : `at least ${String(option.minimum)}`, option.maximum === undefined ? '' : `at most ${String(option.maximum)}`].filter((part) => part !== '');
  const type = option.type === 'list' && option.elements !== undefined ? `list of ${option.elements}` : option.type;
  return limits.length === 0 ? type : `${type}, ${limits.join(', ')}`;
}

function optionDoc(name: string, option: OptionSpec): ArgumentDoc {
  return {
    name,
    type: typeOf(option),
    required: option.required === true,
    default: option.default === undefined ? undefined : JSON.stringify(option.default),
    choices: (option.choices ?? []).map(String),
    text: option.description.trim(),
    secret: option.secret === true,
    freeForm: false,
    nested: Object.entries(option.options ?? {}).map(([key, inner]) => optionDoc(key, inner)),
  };
}

/** The options of a role, required ones first. */
export function roleOptions(role: Role): ArgumentDoc[] {
  const docs = Object.entries(role.spec.options ?? {}).map(([name, option]) => optionDoc(name, option));
  return docs.sort((a, b) => Number(b.required) - Number(a.required));
}

export function roleText(role: Role, paint: Paint, width: number): string {
  const { spec } = role;
  const options = roleOptions(role);
  return [
    ...wrap(`${role.name}: ${spec.summary}`, width, ''),
    ...(spec.description === undefined ? [] : ['', ...wrap(spec.description.trim(), width, '')]),
    ...(spec.requires === undefined || spec.requires.length === 0 ? [] : ['', `Runs after: ${spec.requires.join(', ')}`]),
    ...(spec.artifacts === undefined || spec.artifacts.length === 0 ? [] : ['', `Installs: ${spec.artifacts.join(', ')}`]),
    ...(options.length === 0 ? [] : ['', paint('bold', 'Options'), ...options.flatMap((option) => argumentText(option, paint, width, '  '))]),
  ].join('\n') + '\n';
}

export function roleMarkdown(role: Role): string {
  const { spec } = role;
  const options = roleOptions(role);
  return [
    `## ${role.name}`,
    '',
    spec.summary,
    ...(spec.description === undefined ? [] : ['', spec.description.trim()]),
    ...(spec.requires === undefined || spec.requires.length === 0 ? [] : ['', `Runs after: ${spec.requires.join(', ')}.`]),
    '',
    ...(options.length === 0 ? ['It takes no options.'] : ['| option | type | | what it does |', '| --- | --- | --- | --- |', ...argumentRows(options, '')]),
    '',
  ].join('\n');
}
