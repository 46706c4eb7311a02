import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { customizeHook, recipeHash, type RecipeInput } from '../../../src/lab/image-recipe.ts';

const input: RecipeInput = { release: 'trixie', sources: 'Types: deb\n', aptSettings: ['Acquire::Check-Date "false";'], certificates: [{ name: 'ca.crt', text: 'PEM\n' }] };

describe('recipeHash', () => {
  it('changes with each thing that goes into the image', () => {
    const others: RecipeInput[] = [
      { ...input, release: 'bookworm' },
      { ...input, sources: 'Types: deb\nURIs: x\n' },
      { ...input, sources: undefined },
      { ...input, aptSettings: [] },
      { ...input, certificates: [] },
    ];
    const hashes = [input, ...others].map(recipeHash);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(recipeHash({ ...input })).toBe(hashes[0]);
  });
});

describe('customizeHook', () => {
  it('is shell without a syntax error', () => {
    expect(() => execFileSync('sh', ['-n'], { input: customizeHook(input) })).not.toThrow();
  });
  it('has an init without a syntax error', () => {
    const encoded = /care-lab-init" <<'END'\n([^\n]+)\nEND/.exec(customizeHook(input))?.[1] ?? '';
    const init = Buffer.from(encoded, 'base64').toString('utf8');
    expect(init).toContain('exec /sbin/init "$@"');
    expect(() => execFileSync('sh', ['-n'], { input: init })).not.toThrow();
  });
});
