/** The XML of the S3 API: elements with text or elements in them, without attributes that matter. */
import { parseXml as parse, XmlElement } from '@rgrove/parse-xml';

export interface Element {
  readonly name: string;
  /** Its own text, and that of all elements in it. */
  readonly text: string;
  readonly children: readonly Element[];
}

/** Reads a document's root. @throws Error when it is not well-formed */
export function parseXml(text: string): Element {
  const root = parse(text).root;
  if (root === null) throw new Error('the XML has no element');
  return elementOf(root);
}

function elementOf(of: XmlElement): Element {
  return { name: of.name, text: of.text, children: of.children.flatMap((node) => (node instanceof XmlElement ? [elementOf(node)] : [])) };
}

export function children(of: Element, name: string): readonly Element[] {
  return of.children.filter((c) => c.name === name);
}

export function child(of: Element, name: string): Element | undefined {
  return of.children.find((c) => c.name === name);
}

/** The text of the first element of a name, trimmed; undefined when there is none. */
export function childText(of: Element, name: string): string | undefined {
  return child(of, name)?.text.trim();
}

/** The same as it stands: blanks count in names and values that people have chosen. */
export function childWhole(of: Element, name: string): string | undefined {
  return child(of, name)?.text;
}

/** What an element that is written holds: text, or elements; `undefined` leaves the element out. */
export type Content = string | number | boolean | readonly string[];

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\r': '&#13;' };

/** Writes one element; a list of strings is XML that is written already. */
export function xml(name: string, content: Content | undefined): string {
  if (content === undefined) return '';
  const inner = typeof content === 'object' ? content.join('') : String(content).replaceAll(/[&<>"\r]/g, (c) => ENTITIES[c] ?? c);
  return `<${name}>${inner}</${name}>`;
}
