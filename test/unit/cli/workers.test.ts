/** What `apply --workers` refuses. */
import { expect, test } from 'vitest';
import { refuseWithWorkers } from '../../../src/cli/actions/workers.ts';

test('what workers cannot do is refused: a password that is asked for, making a plan, applying one', () => {
  const why = (flags: Parameters<typeof refuseWithWorkers>[0], fromPlan = false) => () => { refuseWithWorkers(flags, fromPlan); };
  expect(why({ askBecomePass: true })).toThrow('--ask-become-pass does not go with --workers');
  expect(why({ out: 'plan.json' })).toThrow('--out does not go with --workers');
  expect(why({}, true)).toThrow('a plan does not go with --workers');
  expect(why({})).not.toThrow();
});
