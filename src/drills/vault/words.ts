import type { Words } from '../result.ts';

export const VAULT_WORDS: Words = { one: 'entry', many: 'entries', wrote: 'wrote a numbered entry every 50 ms', timelines: false, writesAgainMs: 2500 };
