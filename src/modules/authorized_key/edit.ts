/** What an authorized_keys file is to hold. Pure. */
import { formatKeyLine, parseKeyLine, type KeyLine } from './key-line.ts';

export interface KeyEdit {
  readonly keys: readonly KeyLine[];
  readonly present: boolean;
  /** No other keys than these; comments and empty lines stay. */
  readonly exclusive: boolean;
  /** Options were given: a line with others is rewritten. Otherwise what options a line has is left alone. */
  readonly optionsGiven: boolean;
}

/** The lines afterwards; those that need no change are kept to the byte. */
export function editKeys(lines: readonly string[], edit: KeyEdit): readonly string[] {
  const seen = new Set<string>();
  const out: string[] = [];
  for (const line of lines) {
    const old = parseKeyLine(line);
    const wanted = old === undefined ? undefined : edit.keys.find((key) => key.blob === old.blob);
    if (old === undefined) out.push(line);
    else if (wanted === undefined) {
      if (!edit.exclusive) out.push(line);
    } else if (edit.present && !seen.has(old.blob)) {
      seen.add(old.blob);
      out.push(edit.optionsGiven && old.options !== wanted.options ? formatKeyLine({ ...wanted, comment: wanted.comment === '' ? old.comment : wanted.comment }) : line);
    }
  }
  if (edit.present) for (const key of edit.keys) if (!seen.has(key.blob)) out.push(formatKeyLine(key));
  return out;
}
