/** Stacks of the bundled program with the places of the sources. */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const FRAME = /\(?(file:\/\/[^\s()]+?):(\d+):(\d+)\)?$/;

function readMap(file: string): SourceMap | undefined {
  if (!existsSync(`${file}.map`)) return undefined;
  // Sound: written by the bundler, in the format of source maps.
  return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
}

/**
 * Node would do this by itself with --enable-source-maps, but reads every map at the program's start for it
 * (50 ms); this reads them when there is a stack to show.
 *
 * @param stack of an error; what has no source map stays as it is
 */
export function mappedStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.split('\n').map((line) => {
    const [whole, url, row, column] = FRAME.exec(line) ?? [];
    if (whole === undefined || url === undefined) return line;
    const file = fileURLToPath(url);
    if (!maps.has(file)) maps.set(file, readMap(file));
    const found = maps.get(file)?.findEntry(Number(row) - 1, Number(column) - 1);
    if (found === undefined || !('originalSource' in found)) return line;
    const source = path.resolve(path.dirname(file), found.originalSource);
    return line.replace(whole, `(${source}:${String(found.originalLine + 1)}:${String(found.originalColumn + 1)})`);
  }).join('\n');
}
