/** Finds `!secret` values in the text of a YAML file, and replaces them without touching anything else. */
import { isMap, isPair, isScalar, isSeq, parseAllDocuments, visit, type Scalar } from 'yaml';
import { badInput } from '../../support/diagnostic.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import { isReference } from '../vault-reference.ts';

export interface SecretScalar {
  /** The keys and indexes that lead to it, such as `['db', 'password']`. */
  readonly path: readonly (string | number)[];
  readonly armored: string;
  /** The scalar in the text, from its block header or quote to its end, without the tag. */
  readonly span: Span;
  readonly type: Scalar.Type;
}

/** @throws Diagnostic yaml-syntax when the file is not YAML */
export function findSecrets(file: SourceFile): readonly SecretScalar[] {
  if (!file.text.includes('!secret')) return [];
  const documents = parseAllDocuments(file.text, { version: '1.2', logLevel: 'silent' });
  const found: SecretScalar[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined) throw badInput('yaml-syntax', error.message.split('\n')[0] ?? error.message, { span: { file, start: error.pos[0], end: error.pos[1] } });
    visit(document, {
      Scalar(key, node, ancestors) {
        if (node.tag !== '!secret' || typeof node.value !== 'string' || node.range === null || node.range === undefined) return;
        const path = ancestors.flatMap((ancestor, i): (string | number)[] => {
          if (isPair(ancestor)) return [isScalar(ancestor.key) ? String(ancestor.key.value) : ''];
          return isSeq(ancestor) ? [ancestor.items.indexOf(ancestors[i + 1] ?? node)] : [];
        });
        if (isReference(node.value)) return; // nothing of it is in the file
        if (key === 'key') return; // a key cannot be secret: the reader of the inventory refuses it
        found.push({ path, armored: node.value, span: { file, start: node.range[0], end: node.range[1] }, type: node.type ?? 'PLAIN' });
      },
    });
  }
  return found;
}

/** A `!secret` block for pasting behind a key, lines moved right by `indent` spaces. */
export function secretBlock(armored: string, indent: number): string {
  const pad = ' '.repeat(indent);
  return `!secret |\n${armored.trimEnd().split('\n').map((line) => pad + line).join('\n')}\n`;
}

function written(scalar: SecretScalar, armored: string): string {
  const { text } = scalar.span.file;
  const old = text.slice(scalar.span.start, scalar.span.end);
  if (scalar.type !== 'BLOCK_LITERAL') return JSON.stringify(armored);
  const lines = old.split('\n');
  const header = lines[0] ?? '|';
  const pad = /^[ ]*/.exec(lines.slice(1).find((line) => line.trim() !== '') ?? '')?.[0] ?? '  ';
  const ending = old.endsWith('\n') ? '\n' : '';
  const carriage = header.endsWith('\r') ? '\r' : '';
  return `${header}\n${armored.trimEnd().split('\n').map((line) => pad + line + carriage).join('\n')}${ending}`;
}

/** The file's text with each scalar's armour replaced. */
export function replaceSecrets(file: SourceFile, replacements: ReadonlyMap<SecretScalar, string>): string {
  let { text } = file;
  for (const [scalar, armored] of [...replacements].sort(([a], [b]) => b.span.start - a.span.start)) {
    text = text.slice(0, scalar.span.start) + written(scalar, armored) + text.slice(scalar.span.end);
  }
  return text;
}

/** Whether a YAML text is a map with this key at its top. @throws Diagnostic when it is neither empty nor a map */
export function topLevelKeys(file: SourceFile): readonly string[] {
  const [document, ...more] = parseAllDocuments(file.text, { version: '1.2', logLevel: 'silent' });
  if (document === undefined) return [];
  if (more.length > 0) throw badInput('yaml-syntax', `${file.path} holds more than one document`);
  const [error] = document.errors;
  if (error !== undefined) throw badInput('yaml-syntax', error.message.split('\n')[0] ?? error.message, { span: { file, start: error.pos[0], end: error.pos[1] } });
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  if (!isMap(contents)) throw badInput('inventory-structure', `${file.path} must be a map of variables`, { span: { file, start: 0, end: 1 } });
  if (contents.flow === true) throw badInput('inventory-structure', `${file.path} is written in braces, to which nothing can be added line by line`, { span: { file, start: 0, end: 1 }, remedy: 'write it as key: value lines' });
  return contents.items.map((pair) => (isScalar(pair.key) ? String(pair.key.value) : ''));
}
