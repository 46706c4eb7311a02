/** From the parser's nodes to plain values: tags, aliases, merge keys, keys, scalars, positions. */
import { isAlias, isMap, isPair, isScalar, isSeq, Scalar, type Alias, type Node, type YAMLMap, type YAMLSeq } from 'yaml';
import { badInput, Diagnostic } from '../support/diagnostic.ts';
import { nearest } from '../support/nearest.ts';
import { formatPlace, type SourceFile, type Span } from '../support/source.ts';
import { isMap as isValueMap, type Value } from '../support/value.ts';
import { asValue, EncryptedValue, UnsafeText, VaultValue } from './encrypted.ts';
import { copyEntryPosition, keySpanOf, setEntrySpan, setSpan } from './positions.ts';
import { resolveAnsible, resolveJson, resolveStrict, type ScalarResult } from './scalars.ts';
import { isMergeKey, isNodeWithRange, textOf } from './yaml-nodes.ts';
import { isTemplateMap, unquotedTemplate } from './yaml-syntax.ts';
import type { YamlOptions } from './yaml.ts';
import { isReference, parseReference } from './vault-reference.ts';

/** Deeper nesting is a mistake or an attack, and would exhaust the stack. */
export const MAX_DEPTH = 200;
/** Nodes that aliases may add in all; a "billion laughs" file needs many more. */
const MAX_ALIASED_NODES = 100_000;
const MAX_PROBLEMS = 20;

const CORE = 'tag:yaml.org,2002:';
const ARMOR = '-----BEGIN AGE ENCRYPTED FILE-----';

interface Anchored {
  readonly value: Value;
  readonly nodes: number;
}

export class Converter {
  readonly problems: Diagnostic[] = [];
  readonly #file: SourceFile;
  readonly #options: YamlOptions;
  readonly #original: (offset: number) => number;
  readonly #resolve: (text: string) => ScalarResult;
  /** Anchors above the current place; null while the anchored node itself is being read. */
  readonly #anchors = new Map<string, Anchored | null>();
  #nodes = 0;
  #aliased = 0;

  /**
   * @param json whether the file is JSON, whose unquoted words mean what JSON says
   * @param original from the parser's offsets to those of the file
   */
  constructor(file: SourceFile, options: YamlOptions, json: boolean, original: (offset: number) => number) {
    this.#original = original;
    this.#file = file;
    this.#options = options;
    this.#resolve = json ? resolveJson : options.dialect === 'strict' ? resolveStrict : resolveAnsible;
  }

  document(root: unknown): Value {
    return this.#value(root, 0, false);
  }

  #refuse(code: string, summary: string, span: Span, more: { detail?: string | undefined; remedy?: string | undefined } = {}): null {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(badInput(code, summary, { span, ...more }));
    return null;
  }

  #span(node: Node): Span {
    const [start, end] = node.range ?? [0, 0];
    return { file: this.#file, start: this.#original(start), end: this.#original(Math.max(start, end)) };
  }

  #value(node: unknown, depth: number, unsafe: boolean): Value {
    if (node === null || node === undefined) return null;
    if (isAlias(node)) return this.#alias(node);
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) throw new Error('the YAML parser made a node of an unknown kind');
    this.#nodes += 1;
    if (depth > MAX_DEPTH) return this.#refuse('yaml-too-deep', 'the YAML is nested too deeply', this.#span(node), { detail: `at most ${MAX_DEPTH} levels are read` });
    const before = this.#nodes;
    const anchor = node.anchor;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    const value = this.#tagged(node, depth, unsafe);
    if (anchor !== undefined) this.#anchors.set(anchor, { value, nodes: this.#nodes - before + 1 });
    return value;
  }

  #alias(node: Alias): Value {
    const anchored = this.#anchors.get(node.source);
    if (anchored === undefined) {
      const close = nearest(node.source, this.#anchors.keys());
      return this.#refuse('unknown-anchor', `no anchor &${node.source} stands above this alias`, this.#span(node), {
        remedy: close === undefined ? undefined : `did you mean *${close}?`,
      });
    }
    if (anchored === null) return this.#refuse('recursive-alias', `&${node.source} contains itself`, this.#span(node));
    this.#nodes += anchored.nodes;
    this.#aliased += anchored.nodes;
    if (this.#aliased > MAX_ALIASED_NODES) {
      throw badInput('alias-bomb', 'the aliases of this file repeat more than any real file would', {
        span: this.#span(node),
        detail: `they stand for more than ${MAX_ALIASED_NODES} values`,
      });
    }
    return anchored.value;
  }

  #tagged(node: Scalar | YAMLMap | YAMLSeq, depth: number, unsafe: boolean): Value {
    const tag = node.tag;
    switch (tag) {
      case undefined:
      case '!':
        return this.#untagged(node, depth, unsafe, tag === '!');
      case '!secret':
        return this.#secret(node);
      case '!vault':
      case '!vault-encrypted':
        return this.#vault(node);
      case '!unsafe':
        // As in Ansible the tag makes text of a bare number, and leaves numbers inside a map or list alone.
        if (this.#options.dialect === 'ansible') return this.#untagged(node, depth, true, true);
        return this.#refuse('unknown-tag', '!unsafe is not used in playbooks and roles', this.#span(node), {
          remedy: 'remove it, and put text that holds braces into a raw block: {{{{raw}}}}…{{{{/raw}}}}',
        });
      case `${CORE}map`:
      case `${CORE}seq`:
        if (isScalar(node) || isMap(node) !== (tag === `${CORE}map`)) return this.#unknownTag(node, tag);
        return this.#untagged(node, depth, unsafe, false);
      case `${CORE}str`:
      case `${CORE}int`:
      case `${CORE}float`:
      case `${CORE}bool`:
      case `${CORE}null`:
        return this.#coreScalar(node, tag, unsafe);
      default:
        return this.#unknownTag(node, tag);
    }
  }

  #unknownTag(node: Node, tag: string): null {
    const shown = tag.startsWith(CORE) ? `!!${tag.slice(CORE.length)}` : tag;
    const known = this.#options.dialect === 'ansible' ? ['!secret', '!unsafe', '!vault'] : ['!secret'];
    const close = nearest(shown, known);
    return this.#refuse('unknown-tag', `unknown tag ${shown}`, this.#span(node), {
      remedy: close === undefined ? `known are: ${known.join(', ')}` : `did you mean ${close}?`,
    });
  }

  #coreScalar(node: Scalar | YAMLMap | YAMLSeq, tag: string, unsafe: boolean): Value {
    if (!isScalar(node)) return this.#unknownTag(node, tag);
    const text = textOf(node);
    if (tag === `${CORE}str`) return this.#text(text, node, unsafe);
    const result = this.#resolve(text);
    const value = result.ok ? result.value : undefined;
    const kind = tag.slice(CORE.length);
    const fits =
      (kind === 'null' && value === null) ||
      (kind === 'bool' && typeof value === 'boolean') ||
      (kind === 'int' && Number.isInteger(value)) ||
      (kind === 'float' && typeof value === 'number');
    if (fits && value !== undefined) return value;
    return this.#refuse('unreadable-scalar', `"${text}" is no !!${kind}`, this.#span(node));
  }

  #untagged(node: Scalar | YAMLMap | YAMLSeq, depth: number, unsafe: boolean, asText: boolean): Value {
    if (isMap(node)) return this.#map(node, depth, unsafe);
    if (isSeq(node)) return this.#list(node, depth, unsafe);
    const text = this.#scalarText(node);
    if (node.type !== Scalar.PLAIN || asText) return this.#text(text, node, unsafe);
    const result = this.#resolve(text);
    if (!result.ok) return this.#refuse(result.code, result.summary, this.#span(node), result);
    return typeof result.value === 'string' ? this.#text(result.value, node, unsafe) : result.value;
  }

  /** A block at the very end of a file without a final line break has none for libyaml; our parser adds one. */
  #scalarText(node: Scalar): string {
    const text = textOf(node);
    const block = node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED;
    const atEnd = block && /\S$/.test(this.#file.text) && this.#span(node).end >= this.#file.text.length;
    return atEnd && this.#options.dialect === 'ansible' && text.endsWith('\n') ? text.slice(0, -1) : text;
  }

  #text(text: string, node: Scalar, unsafe: boolean): Value {
    return unsafe ? asValue(new UnsafeText(text, this.#span(node))) : text;
  }

  #secret(node: Scalar | YAMLMap | YAMLSeq): Value {
    const span = this.#span(node);
    const text = isScalar(node) ? textOf(node) : '';
    if (isReference(text)) {
      if (parseReference(text) !== undefined) return asValue(new EncryptedValue(text.trim(), span));
      return this.#refuse('bad-vault-reference', 'this is no reference to a value in a vault', span, { detail: 'its form is vault:PATH#KEY, the path as the API has it', remedy: 'write for example: !secret vault:secret/data/care/db#password' });
    }
    if (!text.trimStart().startsWith(ARMOR)) {
      return this.#refuse('not-encrypted', '!secret wants an age-encrypted value', span, {
        detail: `a block of text that begins with ${ARMOR}`,
        remedy: 'make one with: care-provision secrets encrypt',
      });
    }
    if (this.#options.decryptSecret === undefined) return asValue(new EncryptedValue(text, span));
    try {
      return this.#options.decryptSecret(text, span);
    } catch (error) {
      if (!(error instanceof Diagnostic)) throw error;
      this.problems.push(error);
      return null;
    }
  }

  #vault(node: Scalar | YAMLMap | YAMLSeq): Value {
    const span = this.#span(node);
    if (this.#options.dialect === 'strict') {
      return this.#refuse('vault-value', "!vault is Ansible's encryption, which this program does not decrypt", span, {
        remedy: 'decrypt it with ansible-vault and encrypt it again with: care-provision secrets encrypt (it makes a !secret)',
      });
    }
    if (!isScalar(node)) return this.#refuse('vault-value', '!vault wants a block of text', span);
    return asValue(new VaultValue(this.#scalarText(node), span));
  }

  #list(node: YAMLSeq, depth: number, unsafe: boolean): Value {
    const out: Value[] = [];
    setSpan(out, this.#span(node));
    node.items.forEach((item, i) => {
      // `[a: b]` is a list of one map; the parser gives the bare pair.
      if (isPair(item)) throw new Error('the YAML parser left a pair in a list');
      out.push(this.#value(item, depth + 1, unsafe));
      if (isNodeWithRange(item)) setEntrySpan(out, i, this.#span(item));
    });
    return out;
  }

  #map(node: YAMLMap, depth: number, unsafe: boolean): Value {
    const span = this.#span(node);
    if (isTemplateMap(node)) {
      this.problems.push(unquotedTemplate(this.#file, span.start, span.end));
      return null;
    }
    const own: Record<string, Value> = {};
    setSpan(own, span);
    const merged: Value[] = [];
    for (const pair of node.items) {
      if (isMergeKey(pair.key)) {
        merged.push(...this.#mergeSources(pair.value, depth));
        continue;
      }
      const key = this.#key(pair.key, span, depth);
      const value = this.#value(pair.value, depth + 1, unsafe);
      if (key === undefined) continue;
      const keySpan = isNodeWithRange(pair.key) ? this.#span(pair.key) : undefined;
      if (Object.hasOwn(own, key)) {
        const first = keySpanOf(own, key);
        this.#refuse('duplicate-key', `${key} is set twice in one map`, keySpan ?? span, {
          detail: first === undefined ? undefined : `first at ${formatPlace(first)}`,
          remedy: 'remove one of them',
        });
        continue;
      }
      own[key] = value;
      setEntrySpan(own, key, isNodeWithRange(pair.value) ? this.#span(pair.value) : keySpan, keySpan);
    }
    return merged.length === 0 ? own : this.#merge(own, merged, span);
  }

  /** YAML 1.1's merge type: own keys win, then earlier maps of one list; a later `<<` wins over an earlier. */
  #merge(own: Record<string, Value>, sources: readonly Value[], span: Span): Value {
    const out: Record<string, Value> = {};
    setSpan(out, span);
    for (const source of [...sources, own]) {
      if (!isValueMap(source)) continue;
      for (const [key, value] of Object.entries(source)) {
        out[key] = value;
        copyEntryPosition(source, out, key);
      }
    }
    return out;
  }

  #mergeSources(node: unknown, depth: number): Value[] {
    const value = this.#value(node, depth + 1, false);
    const list = Array.isArray(value) ? [...(value as readonly Value[])].reverse() : [value];
    if (list.every((item) => isValueMap(item))) return list;
    if (isNodeWithRange(node) && this.problems.length === 0) this.#refuse('merge-key', '<< merges maps, and this is none', this.#span(node));
    return [];
  }

  #key(node: unknown, mapSpan: Span, depth: number): string | undefined {
    const span = isNodeWithRange(node) ? this.#span(node) : mapSpan;
    if (node !== null && node !== undefined && !isScalar(node) && !isAlias(node)) {
      this.#refuse('non-string-key', 'a key must be a word, not a map or a list', span, { remedy: 'quote the key if text is meant' });
      return undefined;
    }
    const before = this.problems.length;
    const value = this.#value(node, depth + 1, false);
    if (this.problems.length > before) return undefined;
    const key = this.#keyText(value);
    if (key === undefined) {
      const shown = typeof value === 'object' ? 'an empty key' : String(value);
      this.#refuse('non-string-key', `a key must be text, and ${shown} is ${value === null ? 'null' : `a ${typeof value}`}`, span, { remedy: 'quote the key' });
    } else if (key === '__proto__') {
      this.#refuse('forbidden-key', '__proto__ cannot be a key', span);
      return undefined;
    }
    return key;
  }

  /** Ansible keeps numbers, truth values and null as keys and prints them as JSON does; strict refuses them. */
  #keyText(value: Value): string | undefined {
    if (typeof value === 'string') return value;
    if (this.#options.dialect === 'strict' || typeof value === 'object') return value === null && this.#options.dialect === 'ansible' ? 'null' : undefined;
    return String(value);
  }
}
