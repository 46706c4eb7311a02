/** Colour, where a person looks: https://no-color.org and https://force-color.org. */
import { styleText } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'gray' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

/**
 * Whether to colour: FORCE_COLOR (not empty, `0` or `false`) wins, then NO_COLOR (not empty) forbids, then only a
 * terminal that is not `dumb` gets it.
 */
export function wantsColour(isTTY: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  const force = environment['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  const no = environment['NO_COLOR'];
  if (no !== undefined && no !== '') return false;
  return isTTY && environment['TERM'] !== 'dumb';
}

/** A function that colours, or leaves alone. */
export function painter(coloured: boolean): Paint {
  return coloured ? (colour, text) => styleText(colour, text, { validateStream: false }) : (_colour, text) => text;
}
