import type { Words } from '../result.ts';

export const POSTGRES_WORDS: Words = { one: 'row', many: 'rows', wrote: 'wrote a numbered row every 20 ms', timelines: true };
