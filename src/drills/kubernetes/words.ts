import type { Words } from '../result.ts';

export const KUBERNETES_WORDS: Words = { one: 'ConfigMap', many: 'ConfigMaps', wrote: 'made a numbered ConfigMap ten times a second', timelines: false, writesAgainMs: 1500 };
