import type { CliContext } from '../../../src/cli/context.ts';
import { painter } from '../../../src/cli/terminal/colour.ts';
import type { Output } from '../../../src/cli/terminal/output.ts';
import { maskSecrets, Secret } from '../../../src/support/secret.ts';

export interface FakeOutput extends Output {
  text(): string;
  closed(): boolean;
}

/** An output that keeps what was written. */
export function fakeOutput(isTTY = false, columns = 80): FakeOutput {
  let text = '';
  let closed = false;
  return {
    isTTY,
    columns: () => (isTTY ? columns : undefined),
    write(more) { text += maskSecrets(more); },
    reveal(secret) { text += secret.reveal(); },
    close() { closed = true; },
    text: () => text,
    closed: () => closed,
  };
}

export interface FakeContext extends CliContext {
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
}

export function fakeContext(cwd = process.cwd()): FakeContext {
  const plain = painter(false);
  return { stdout: fakeOutput(), stderr: fakeOutput(), environment: {}, cwd, paint: plain, paintError: plain, interactive: false };
}

/** Makes these texts known secrets of the process. */
export function register(...texts: readonly string[]): readonly Secret[] {
  return texts.map((text) => new Secret(text));
}
