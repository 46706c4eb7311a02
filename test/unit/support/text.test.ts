import { describe, expect, test } from 'vitest';
import { safeLine, safeLines } from '../../../src/support/terminal-text.ts';
import { unifiedDiff } from '../../../src/support/unified-diff.ts';
import { packageRoot, packageVersion } from '../../../src/support/package-root.ts';
import { Secret } from '../../../src/support/secret.ts';

describe('unifiedDiff', () => {
  test('shows what changes with context', () => {
    expect(unifiedDiff('/etc/x', 'a\nb\nc\n', 'a\nB\nc\n')).toBe('--- before: /etc/x\n+++ after: /etc/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c');
  });
  test('a missing final newline is told', () => {
    expect(unifiedDiff('x', 'a\n', 'a')).toContain('\\ No newline at end of file');
  });
  test('equal texts have none', () => {
    expect(unifiedDiff('x', 'a', 'a')).toBe('');
  });
  test('a secret on either side is never compared', () => {
    expect(unifiedDiff('x', 'old', new Secret('new-secret-text'))).toBe('(x: secret content is not shown)');
    expect(unifiedDiff('x', new Secret('old-secret-text'), 'new')).toBe('(x: secret content is not shown)');
  });
  test('binary, large and slow texts are named, not compared', () => {
    expect(unifiedDiff('x', '\0', 'a')).toContain('binary');
    expect(unifiedDiff('x', 'a'.repeat(3_000_000), 'a')).toContain('too large');
    const many = (seed: number): string => Array.from({ length: 20_000 }, (_, i) => String((i * seed) % 7919)).join('\n');
    expect(unifiedDiff('x', many(13), many(17), { timeoutMs: 1 })).toContain('took too long');
  });
  test('a long diff is cut', () => {
    const lines = unifiedDiff('x', '', 'a\n'.repeat(1000), { maxLines: 10 }).split('\n');
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('(993 more lines of this diff are not shown)');
  });
});

describe('text from elsewhere', () => {
  test('controls become visible, newlines and tabs stay', () => {
    expect(safeLines('a\u001b[31mb\r\nc\td\u0007\u009b\u202e')).toBe('a\\x1b[31mb\nc\td\\x07\\x9b\\u202e');
  });
  test('one line stays one line', () => {
    expect(safeLine('  a\n  b\tc\r')).toBe('a b c\\x0d');
  });
});

test('the package is found from where the code is', () => {
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
  expect(packageRoot()).not.toContain('src');
});
