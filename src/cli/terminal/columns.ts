import { safeLine } from '../../support/terminal-text.ts';

/** Rows of cells as lines, each column as wide as its widest cell; host text is made harmless. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map(safeLine));
  const widths: number[] = [];
  for (const row of clean) row.forEach((cell, i) => { widths[i] = Math.max(widths[i] ?? 0, cell.length); });
  return clean.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd());
}
