/** YAML files in, plain values with positions out. */
import { readFileSync, statSync } from 'node:fs';
import { parseDocument, type Document } from 'yaml';
import { badInput, DiagnosticList, type Diagnostic } from '../support/diagnostic.ts';
import type { SourceFile, Span } from '../support/source.ts';
import type { Secret } from '../support/secret.ts';
import type { Value } from '../support/value.ts';
import { Converter, MAX_DEPTH } from './yaml-convert.ts';
import { parseLeniently, type LenientResult } from './yaml-lenient.ts';
import { syntaxError } from './yaml-syntax.ts';

export interface YamlOptions {
  /** `strict` is YAML 1.2 for playbooks and roles; `ansible` gives the values that Ansible would. */
  readonly dialect: 'strict' | 'ansible';
  /**
   * Turns a `!secret` into its {@link Secret} at once. Without it the value stays an
   * `EncryptedValue`, so that reading needs no key.
   */
  readonly decryptSecret?: ((armoredText: string, span: Span) => Secret) | undefined;
}

/** Larger files are not configuration. */
const MAX_BYTES = 32 * 1024 * 1024;

function ioReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Reads a text file.
 *
 * @param displayPath the path for messages, when it is another than `path`
 * @throws Diagnostic (`unreadable-file`, `not-utf8`, `file-too-large`)
 */
export function readSourceFile(path: string, displayPath: string = path): SourceFile {
  let bytes: Buffer;
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw badInput('file-too-large', `${displayPath} is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof Error && error.name === 'Diagnostic') throw error;
    throw badInput('unreadable-file', `cannot read ${displayPath}: ${ioReason(error)}`, { cause: error });
  }
  try {
    return { path: displayPath, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    throw badInput('not-utf8', `${displayPath} is not UTF-8 text`, { cause: error, remedy: `convert it: iconv -t UTF-8` });
  }
}

/** Ansible reads a file as JSON first, and as YAML only when it is none. */
function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Not JSON: YAML's flow style begins with the same characters.
    return false;
  }
}

/** The failsafe schema leaves every scalar as text: what words mean is decided in `scalars.ts`. */
function parseNodes(text: string): Document {
  return parseDocument(text, { version: '1.2', schema: 'failsafe', strict: true, uniqueKeys: false, prettyErrors: false, logLevel: 'error' });
}

function parseText(file: SourceFile, dialect: YamlOptions['dialect']): LenientResult<Document> {
  try {
    if (dialect === 'ansible') return parseLeniently<Document>(file.text, parseNodes);
    return { document: parseNodes(file.text), original: (offset) => offset };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badInput('yaml-too-deep', `${file.path} is nested too deeply`, { detail: `at most ${MAX_DEPTH} levels are read`, cause: error });
  }
}

/**
 * Reads one YAML document into plain objects and arrays, whose places `positions.ts` knows.
 *
 * @returns the value; null for a file without any
 * @throws Diagnostic or DiagnosticList (bad-input): syntax, duplicate keys, unknown tags, misleading values
 */
export function parseYaml(file: SourceFile, options: YamlOptions): Value {
  const { document, original } = parseText(file, options.dialect);
  const [first] = document.errors;
  // One mistake makes the parser complain of what follows too: the first complaint is the true one.
  if (first !== undefined) throw syntaxError(file, first);
  const directive = /^%YAML\s+(\S+)/m.exec(file.text.slice(0, document.contents?.range?.[0] ?? 0));
  if (directive !== null && directive[1] !== '1.2' && options.dialect === 'strict') {
    throw badInput('yaml-version', `this file asks for YAML ${directive[1] ?? ''}; playbooks and roles are YAML 1.2`, {
      span: { file, start: directive.index, end: directive.index + directive[0].length },
      remedy: 'remove the %YAML line',
    });
  }
  // Unresolved tags are warnings as well, but the converter judges every tag by itself.
  const warning = document.warnings.find((w) => w.code !== 'TAG_RESOLVE_FAILED' && w.code !== 'BAD_COLLECTION_TYPE');
  if (warning !== undefined) throw syntaxError(file, warning);

  const converter = new Converter(file, options, options.dialect === 'ansible' && isJson(file.text), original);
  const value = converter.document(document.contents);
  const problems: readonly Diagnostic[] = converter.problems;
  const [problem, ...others] = problems;
  if (problem === undefined) return value;
  throw others.length === 0 ? problem : new DiagnosticList([problem, ...others]);
}
