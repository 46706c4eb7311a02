/** `--tags` and `--skip-tags` as Ansible reads them: `always`, `never`, `tagged`, `untagged`, `all`. */

export interface TagSelection {
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
}

function matches(own: readonly string[], words: readonly string[]): boolean {
  return words.some((word) => {
    if (word === 'all') return true;
    if (word === 'tagged') return own.length > 0;
    if (word === 'untagged') return own.length === 0;
    return own.includes(word);
  });
}

/** Whether a task with these tags is to run. */
export function selected(own: readonly string[], selection: TagSelection): boolean {
  if (selection.skipTags.length > 0) {
    if (own.includes('always') ? selection.skipTags.includes('always') : matches(own, selection.skipTags)) return false;
  }
  const words = selection.tags.length === 0 ? ['all'] : selection.tags;
  if (own.includes('always')) return true;
  if (own.includes('never')) return own.some((tag) => tag !== 'never' && words.includes(tag)) || words.includes('never');
  return matches(own, words);
}
