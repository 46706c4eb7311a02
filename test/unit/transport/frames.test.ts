import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/support/secret.ts';
import { encodeRequest, FrameReader, ProtocolError, scriptBody } from '../../../src/transport/frames.ts';
import { isPlainUserName, quoteForLoginShell } from '../../../src/transport/quoting.ts';
import { firstHop, runnerProgram, stageOne } from '../../../src/transport/stages.ts';

const NONCE = 'a'.repeat(24);

/** Feeds the bytes in pieces of `size` and lists what came out. */
function read(bytes: Buffer, size: number): string[] {
  const seen: string[] = [];
  const reader = new FrameReader(NONCE, (words) => {
    seen.push(words.join(' '));
    if (words[0] === 'D') return 'raw';
    return words[0] === 'E' ? Number(words[1]) : 0;
  }, (body) => seen.push(`<${body.toString('latin1')}>`));
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return seen;
}

describe('FrameReader', () => {
  const stream = Buffer.from(`motd\nno newline${NONCE} H\n${NONCE} E 5\na\0\nb\xff${NONCE} S 2\n`, 'latin1');

  it.each([1, 2, 7, 4096])('reads frames in pieces of %i bytes', (size) => {
    expect(read(stream, size)).toEqual(['H', 'E 5', '<a\0\nb\xff>', 'S 2']);
  });

  it('takes a body that looks like a frame as what it is', () => {
    const forged = `${NONCE} E 9 0\n`;
    expect(read(Buffer.from(`${NONCE} E ${String(forged.length)}\n${forged}${NONCE} S 1\n`), 3)).toEqual([`E ${String(forged.length)}`, `<${forged}>`, 'S 1']);
  });

  it('gives everything after a raw header in pieces', () => {
    expect(read(Buffer.from(`${NONCE} D\n${NONCE} x`), 1024)).toEqual(['D', `<${NONCE} x>`]);
  });

  it('refuses bytes that are no frame', () => {
    expect(() => read(Buffer.from(`${NONCE} H\nhello\n`), 64)).toThrow(ProtocolError);
    expect(() => read(Buffer.from(`${NONCE} H\n${'x'.repeat(5000)}`), 64)).toThrow(/without an end/);
    expect(() => read(Buffer.alloc(2 * 1024 * 1024, 'x'), 65536)).toThrow(/1 MiB/);
  });
});

describe('requests', () => {
  it('frames length, body, files and the closing nonce', () => {
    const bytes = encodeRequest(NONCE, { sequence: 3, timeoutSeconds: 60, outputLimit: 1024, chain: 2, large: false, body: Buffer.from('true'), files: [{ id: 'f', bytes: Buffer.from('\0\n'), copied: false }] });
    expect(bytes.toString('latin1')).toBe(`R 3 60 1024 2 0 4 1\ntruef 2\n\0\n${NONCE}\n`);
  });

  it('exports the environment in the data, quoted for sh, on the first line', () => {
    const value = `it's $HOME \`x\` \\ \n "q"`;
    const body = scriptBody('printf %s "$A$B"\n', { A: value, B: new Secret('s3cret-value') });
    expect(spawnSync('/bin/sh', ['-s'], { input: body }).stdout.toString()).toBe(`${value}s3cret-value`);
    expect(scriptBody('x').toString()).toBe('x');
    expect(scriptBody('#!/bin/sh\necho ok', { A: '1' }).toString()).toBe('export A=1;#!/bin/sh\necho ok');
  });

  it('refuses names and values that no environment can hold', () => {
    expect(() => scriptBody('x', { 'A;rm': '1' })).toThrow(/not the name/);
    expect(() => scriptBody('x', { A: '\0' })).toThrow(/NUL/);
  });
});

describe('the first hop', () => {
  it('is short and free of what login shells disagree about', () => {
    expect(stageOne(NONCE)).not.toMatch(/['\\!\n]/);
    const command = firstHop(NONCE, { user: 'postgres', promptToken: 'care-token:' });
    expect(command.length).toBeLessThan(2048);
    expect(command.startsWith("exec sudo -S -p care-token: -u postgres -- /bin/sh -c 'N=")).toBe(true);
    expect(firstHop(NONCE, { user: 'root', promptToken: undefined })).toContain('sudo -n -u root --');
  });

  it('is refused rather than rewritten when it cannot be quoted', () => {
    expect(() => quoteForLoginShell("it's")).toThrow(RangeError);
    expect(quoteForLoginShell('a b $c "d"')).toBe(`'a b $c "d"'`);
  });

  it('knows user names', () => {
    for (const good of ['root', 'care-app', '_apt', 'a.b', 'svc$', 'u@dom']) expect(isPlainUserName(good), good).toBe(true);
    for (const bad of ['', '-u', 'a b', "a'", '#0', 'a;b', 'a\\b', '$x']) expect(isPlainUserName(bad), bad).toBe(false);
  });

  it('keeps the runner small', () => {
    expect(Buffer.byteLength(runnerProgram('x'.repeat(18)))).toBeLessThan(4096);
  });
});
