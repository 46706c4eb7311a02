import type { Words } from '../result.ts';

export const MINIO_WORDS: Words = { one: 'object', many: 'objects', wrote: 'wrote a numbered object of 150 KB five times a second, and read an earlier one each time,', timelines: false, writesAgainMs: 1500 };
