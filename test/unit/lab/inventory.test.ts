import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GENERATED_MARK, inventoryText } from '../../../src/lab/inventory.ts';
import { tooFewInstances } from '../../../src/lab/inotify.ts';
import { knownHostsText } from '../../../src/lab/keys.ts';
import type { LabHost } from '../../../src/lab/state.ts';

const near: LabHost = { name: 'care-a1', site: 'kochi', release: 'trixie', address: '172.30.0.10', sshAddress: '172.30.0.10', sshPort: 22 };
const far: LabHost = { ...near, name: 'care-b1', site: 'delhi', address: '172.30.1.10', sshAddress: '127.0.0.1', sshPort: 40001 };

describe('inventoryText', () => {
  const text = (path: string, withSites: boolean): string =>
    inventoryText({ lab: 'care', hosts: [near, far], privateKeyFile: `${path}/id`, knownHostsFile: `${path}/known_hosts`, withSites, secret: 'a-random-text' });

  it('is an inventory in Ansible\'s words', () => {
    expect(parse(text('/x', false))).toEqual({
      all: {
        hosts: {
          'care-a1': {
            ansible_host: '172.30.0.10', ansible_port: 22, ansible_user: 'care', ansible_ssh_private_key_file: '/x/id',
            ansible_ssh_common_args: '-o UserKnownHostsFile=/x/known_hosts', lab_address: '172.30.0.10',
          },
          'care-b1': {
            ansible_host: '127.0.0.1', ansible_port: 40001, ansible_user: 'care', ansible_ssh_private_key_file: '/x/id',
            ansible_ssh_common_args: '-o UserKnownHostsFile=/x/known_hosts', lab_address: '172.30.1.10',
          },
        },
        vars: { lab_secret: 'a-random-text' },
      },
    });
  });
  it('carries sites where no other inventory does', () => {
    expect(parse(text('/x', true))).toHaveProperty(['all', 'hosts', 'care-b1', 'site'], 'delhi');
  });
  it('begins with the mark that lab down looks for', () => {
    expect(text('/x', false).startsWith(GENERATED_MARK)).toBe(true);
  });
  it('quotes a path with a space', () => {
    expect(parse(text('/my labs', false))).toHaveProperty(['all', 'hosts', 'care-a1', 'ansible_ssh_common_args'], "-o 'UserKnownHostsFile=/my labs/known_hosts'");
  });
});

describe('knownHostsText', () => {
  it('names a host by name, address and proxy port, without the comment of its key', () => {
    const keys = new Map([['care-a1', 'ssh-ed25519 AAAA care-a1\n'], ['care-b1', 'ssh-ed25519 BBBB care-b1\n']]);
    expect(knownHostsText([near, far], keys)).toBe('care-a1,172.30.0.10 ssh-ed25519 AAAA\ncare-b1,172.30.1.10,[127.0.0.1]:40001 ssh-ed25519 BBBB\n');
  });
});

describe('tooFewInstances', () => {
  it('leaves a small lab alone', () => {
    expect(tooFewInstances(128, 4)).toBe(false);
    expect(tooFewInstances(512, 4, 4)).toBe(true);
    expect(tooFewInstances(4096, 4, 4)).toBe(false);
    expect(tooFewInstances(128, 9)).toBe(true);
    expect(tooFewInstances(4096, 100)).toBe(false);
  });
});
