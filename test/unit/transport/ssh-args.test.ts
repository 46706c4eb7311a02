import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Diagnostic } from '../../../src/support/diagnostic.ts';
import { parseJumps, parseProxyCommand, parseSshArgs, splitWords } from '../../../src/transport/ssh-args.ts';
import { parseSshG } from '../../../src/transport/ssh-config.ts';

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Diagnostic) return `${error.code}: ${error.message} ${error.detail ?? ''}`;
    throw error;
  }
  return 'accepted';
}

describe('parseSshArgs', () => {
  it('reads the options that mean something, in every spelling; the first value counts', () => {
    const options = parseSshArgs(['-o', 'Port=2222', '-p', '2200', '-oUser=ops', '-o', 'IdentityFile ~/.ssh/k', '-i/k2', '-o', 'identitiesonly=yes', '-o', 'ConnectTimeout=7', '-l', 'x', '-C']);
    expect(options).toMatchObject({ port: 2222, user: 'ops', identityFiles: [`${homedir()}/.ssh/k`, '/k2'], identitiesOnly: true, connectTimeoutSeconds: 7 });
  });

  it('reads jumps from -J, ProxyJump and ProxyCommand alike', () => {
    const expected = [{ host: 'b', user: 'u', port: 2200 }];
    expect(parseSshArgs(['-J', 'u@b:2200']).jumps).toMatchObject(expected);
    expect(parseSshArgs(['-o', 'ProxyJump=u@b:2200']).jumps).toMatchObject(expected);
    expect(parseSshArgs(['-o', 'ProxyCommand="ssh -W %h:%p -q -p 2200 u@b"']).jumps).toMatchObject(expected);
    expect(parseSshArgs(['-o', 'ProxyCommand=ssh -i /k -W %h:%p -l u -p 2200 b']).jumps?.[0]?.options.identityFiles).toEqual(['/k']);
    expect(parseSshArgs(['-o', 'ProxyJump=none']).jumps).toEqual([]);
    expect(parseSshArgs([]).jumps).toBeUndefined();
  });

  it('reads chains and IPv6', () => {
    expect(parseJumps('a,u@[::1]:22,ssh://c:23')).toMatchObject([{ host: 'a' }, { host: '::1', user: 'u', port: 22 }, { host: 'c', port: 23 }]);
  });

  it('never turns host key checking off, and says so', () => {
    const options = parseSshArgs(['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null']);
    expect(options.warnings).toHaveLength(2);
    expect(options.knownHostsFiles).toBeUndefined();
    expect(parseSshArgs(['-o', 'StrictHostKeyChecking=yes']).warnings).toEqual([]);
  });

  it.each([
    [['-o', 'ProxyJmp=b'], /unknown-ssh-option: the SSH option ProxyJmp .*did you mean ProxyJump/],
    [['-D', '1080'], /unknown-ssh-argument.*-D/],
    [['-o', 'ProxyCommand=nc %h %p'], /unsupported-proxy-command/],
    [['-o', 'ProxyCommand=ssh -W other:22 b'], /unsupported-proxy-command/],
    [['-o', 'ProxyCommand=ssh b nc %h %p'], /unsupported-proxy-command/],
    [['-A'], /unsupported-ssh-option.*ForwardAgent/],
    [['-p', '99999'], /bad-port/],
    [['-i'], /bad-ssh-arguments.*lacks/],
    [['-o', 'Port'], /bad-ssh-arguments/],
    [['-J', 'a b'], /bad-proxy-jump/],
    [['host'], /unknown-ssh-argument/],
  ])('%j: %s', (words, expected) => {
    expect(code(() => parseSshArgs(words))).toMatch(expected);
  });

  it('splits words with quotes', () => {
    expect(splitWords(`ssh -o "A b=c" 'x y' z\\ "q\\"r"`)).toEqual(['ssh', '-o', 'A b=c', 'x y', 'z\\', 'q"r']);
    expect(parseProxyCommand('none')).toEqual([]);
  });
});

describe('parseSshG', () => {
  it('reads what ssh -G prints', () => {
    const host = parseSshG('user ops\nhostname 10.0.0.5\nport 2222\nidentityfile ~/.ssh/a\nidentityfile /b\nidentitiesonly yes\nproxyjump u@b\nuserknownhostsfile /x /y\nglobalknownhostsfile none\n');
    expect(host).toMatchObject({
      user: 'ops', hostName: '10.0.0.5', port: 2222, identitiesOnly: true, identityFiles: [`${homedir()}/.ssh/a`, '/b'], knownHostsFiles: ['/x', '/y'], jumps: [{ host: 'b', user: 'u' }],
    });
  });
});
