/** kube-router is applied within bounds: an API that does not answer ends the task rather than the night. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/support/package-root.ts';

interface Task { readonly command: { readonly cmd: string; readonly unless: string }; readonly timeout?: number }

test('kubectl waits for no request longer than its task does', () => {
  const [task] = parse(readFileSync(path.join(packageRoot(), 'roles/kube_router/tasks/apply.yml'), 'utf8')) as readonly Task[];
  const seconds = [task?.command.cmd, task?.command.unless].map((each) => Number(/^kubectl .*--request-timeout (\d+)s /.exec(each ?? '')?.[1]));
  expect(seconds.every((each) => each < (task?.timeout ?? 0))).toBe(true);
});
