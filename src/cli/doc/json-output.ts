/** docs/json-output.md, from the schemas of the lines. */
import type { z } from 'zod';
import { LINE_SCHEMAS } from '../schemas/run-event.ts';
import { inputSchema, typeWords, type JsonSchema } from './json-schema.ts';

const HEAD = `# JSON output

<!-- Made by scripts/docs from src/cli/schemas/run-event.ts; changes belong there. -->

\`care-provision apply|check|verify … --output json\` prints JSON Lines on stdout: one object a line, in the order
in which things happen, and nothing else. Messages for people go to stderr. With \`--output-file FILE\` the lines
go to the file and the terminal shows text.

- The **last line is always a \`summary\`**, also when bad input ends the run before it began: then \`error\` lines
  come first, and the summary has the exit status and empty counts. Only a killed program leaves no summary.
- \`check\` prints the same \`change\` lines that the next \`apply\` prints (\`host\`, \`role\`, \`task\`, \`resource\`,
  \`what\`): compare the two to see how well it predicts. With \`unknown: true\` a change depends on what cannot be
  known before.
- Secrets are masked as \`********\`.
- New fields and new types of lines may come with a minor version; passing over what is not known is right. The JSON Schema of
  this version is \`schemas/run-event.schema.json\`.

The changes of a run, one a line:

\`\`\`sh
care-provision check inventory/lab --output json | jq -r 'select(.type == "change") | [.host, .resource, .what] | @tsv'
\`\`\`
`;

function fieldRow(name: string, field: JsonSchema, required: boolean): string {
  const choices = field.enum === undefined ? '' : `one of ${field.enum.map((value) => `\`${String(value)}\``).join(', ')}`;
  const words = [field.description ?? '', choices].filter((part) => part !== '').join('; ');
  return `| \`${name}\` | ${typeWords(field).replaceAll('|', '\\|')}${required ? '' : ', may be missing'} | ${words} |`;
}

function section(type: string, schema: z.ZodType): string {
  const object = inputSchema(schema);
  const rows = Object.entries(object.properties ?? {}).filter(([name]) => name !== 'type').map(([name, field]) => fieldRow(name, field, object.required?.includes(name) === true));
  const text = object.description ?? '';
  return [`## ${type}`, '', `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, '', '| field | type | meaning |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

export function jsonOutputMarkdown(): string {
  return `${[HEAD, ...Object.entries(LINE_SCHEMAS).map(([type, schema]) => section(type, schema))].join('\n').trimEnd()}\n`;
}
