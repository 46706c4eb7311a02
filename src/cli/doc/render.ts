/** References as text for a terminal and as Markdown for docs/. */
import type { Paint } from '../terminal/colour.ts';
import type { ArgumentDoc, ModuleDoc } from './module-doc.ts';

/** Paragraphs of Markdown as single lines: soft breaks go, lists and indented text keep their lines. */
function paragraphs(text: string): string[] {
  const lines: string[] = [];
  for (const line of text.trim().split('\n')) {
    const last = lines.at(-1);
    const goesOn = last !== undefined && last !== '' && line.trim() !== '' && !/^(\s*[-*|]\s|\s{4})/.test(line);
    if (goesOn) lines[lines.length - 1] = `${last} ${line.trim()}`;
    else lines.push(line.trimEnd());
  }
  return lines;
}

/** Text wrapped to a width, each line with an indent. */
export function wrap(text: string, width: number, indent: string): string[] {
  return paragraphs(text).flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && indent.length + line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line].map((each) => `${indent}${each}`.trimEnd());
  });
}

function facts(doc: ArgumentDoc): string[] {
  return [
    doc.type,
    ...(doc.required ? ['required'] : []),
    ...(doc.default === undefined ? [] : [`default: ${doc.default}`]),
    ...(doc.choices.length === 0 ? [] : [`one of: ${doc.choices.join(', ')}`]),
    ...(doc.secret ? ['never shown'] : []),
    ...(doc.freeForm ? ['may stand alone after the name'] : []),
  ];
}

export function argumentText(doc: ArgumentDoc, paint: Paint, width: number, indent: string): string[] {
  return [
    `${indent}${paint('bold', doc.name)}  (${facts(doc).join('; ')})`,
    ...(doc.text === undefined ? [] : wrap(doc.text, width, `${indent}    `)),
    ...doc.nested.flatMap((inner) => argumentText(inner, paint, width, `${indent}    `)),
  ];
}

/** A module's reference for a terminal of so many columns. */
export function moduleText(doc: ModuleDoc, paint: Paint, width: number): string {
  const section = (title: string, lines: readonly string[]): string[] => (lines.length === 0 ? [] : ['', paint('bold', title), ...lines]);
  return [
    ...wrap(`${doc.name}: ${doc.summary}`, width, ''),
    ...(doc.description === undefined ? [] : ['', ...wrap(doc.description, width, '')]),
    ...section('Arguments', doc.arguments.flatMap((argument) => argumentText(argument, paint, width, '  '))),
    ...section('Returned values (for register)', doc.returns.map((each) => `  ${paint('bold', each.name)}  ${each.text}`)),
    ...section('Examples', doc.examples.flatMap((example) => [`  # ${example.title}`, ...example.yaml.trimEnd().split('\n').map((line) => `  ${line}`), ''])),
  ].join('\n').trimEnd() + '\n';
}

/** One line a module. */
export function moduleList(modules: readonly { readonly name: string; readonly summary: string }[], paint: Paint): string {
  const width = Math.max(0, ...modules.map((module) => module.name.length));
  return modules.map((module) => `${paint('bold', module.name.padEnd(width))}  ${module.summary}\n`).join('');
}

/** Text in a Markdown table cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
}

export function argumentRows(docs: readonly ArgumentDoc[], prefix: string): string[] {
  return docs.flatMap((doc) => {
    const [type = '', ...rest] = facts(doc);
    return [`| \`${prefix}${doc.name}\` | ${cell(type)} | ${cell(rest.join('; '))} | ${cell(doc.text ?? '')} |`, ...argumentRows(doc.nested, `${prefix}${doc.name}.`)];
  });
}

/** A module's reference as a Markdown section. */
export function moduleMarkdown(doc: ModuleDoc): string {
  return [
    `## ${doc.name}`,
    '',
    `${doc.summary}.`,
    ...(doc.description === undefined ? [] : ['', doc.description.trim()]),
    '',
    ...(doc.arguments.length === 0 ? ['It takes no arguments.'] : ['| argument | type | | what it does |', '| --- | --- | --- | --- |', ...argumentRows(doc.arguments, '')]),
    ...(doc.returns.length === 0 ? [] : ['', 'For `register`, besides `changed`, `failed` and `msg`:', '', ...doc.returns.map((each) => `- \`${each.name}\`: ${each.text}`)]),
    ...doc.examples.flatMap((example) => ['', `${example.title}:`, '', '```yaml', example.yaml.trimEnd(), '```']),
    '',
  ].join('\n');
}

/** docs/modules.md. */
export function modulesMarkdown(docs: readonly ModuleDoc[]): string {
  return [
    '# Modules',
    '',
    '<!-- Made by scripts/docs from the modules themselves; changes belong there. -->',
    '',
    'The same text is in `care-provision doc MODULE`. Every module is idempotent and can be checked before it is applied.',
    '',
    docs.map((doc) => `[${doc.name}](#${doc.name})`).join(', '),
    '',
    ...docs.map(moduleMarkdown),
  ].join('\n').trimEnd() + '\n';
}
