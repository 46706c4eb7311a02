import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecipeInput } from '../../../../src/lab/image-recipe.ts';
import { hostsFromInventory } from '../../../../src/lab/inventory-hosts.ts';
import { boxDirectory } from '../../../../src/lab/vm/box.ts';
import { boxHook, boxName, boxRecipeHash, boxVersion, catalogueText, isOfRecipe } from '../../../../src/lab/vm/box-recipe.ts';
import { vmHook } from '../../../../src/lab/vm/recipe.ts';

const root = path.join(import.meta.dirname, '..', '..', '..', '..');
const input: RecipeInput = { release: 'trixie', sources: 'Types: deb\n', aptSettings: [], certificates: [] };

/** The text of a file that a hook writes. */
function fileOf(hook: string, name: string): string {
  return Buffer.from(new RegExp(`${name}" <<'END'\\n([^\\n]+)\\nEND`).exec(hook)?.[1] ?? '', 'base64').toString('utf8');
}

describe('the box', () => {
  const hook = boxHook(input);
  it('is made by shell without a syntax error, as is what runs at its first boot', () => {
    expect(() => execFileSync('sh', ['-n'], { input: hook })).not.toThrow();
    const first = fileOf(hook, 'care-box-first-boot');
    expect(first).toContain('ssh-keygen');
    expect(() => execFileSync('sh', ['-n'], { input: first })).not.toThrow();
  });
  it('lets Vagrant in, and has nothing that only a machine of the lab gets an answer to', () => {
    expect(fileOf(hook, '/etc/sudoers.d/10-vagrant')).toBe('vagrant ALL=(ALL:ALL) NOPASSWD: ALL\n');
    expect(hook).toMatch(/vagrant insecure public key' >"\$root\/home\/vagrant\/\.ssh\/authorized_keys"/);
    expect(vmHook(input)).toContain('care-lab-seed');
    expect(hook).not.toContain('care-lab-seed');
  });
  it('boots by itself, by the same steps as the lab’s machines', () => {
    for (const step of ['update-initramfs', 'grub-mkimage']) expect([step, hook.includes(step), vmHook(input).includes(step)]).toEqual([step, true, true]);
    expect(fileOf(hook, '/boot/grub/grub.cfg')).toContain('root=LABEL=care-root');
  });
  it('has no host key of its own in the image', () => {
    expect(hook.indexOf('rm -f "$root"/etc/ssh/ssh_host_*')).toBeGreaterThan(hook.indexOf('useradd --create-home --shell /bin/bash --password \'*\' vagrant'));
  });
});

describe('its catalogue', () => {
  const recipe = boxRecipeHash(input);
  const text = catalogueText({ release: 'trixie', version: '20261126.201500', recipe, url: 'file:///srv/trixie.box', checksum: 'ab12' });
  it('is what Vagrant reads', () => {
    expect(JSON.parse(text)).toEqual({
      name: 'care-provision/trixie',
      description: expect.stringContaining(recipe) as unknown,
      versions: [{ version: '20261126.201500', providers: [{ name: 'libvirt', url: 'file:///srv/trixie.box', checksum_type: 'sha256', checksum: 'ab12' }] }],
    });
  });
  it('says of which recipe the box is', () => {
    const other = boxRecipeHash({ ...input, aptSettings: ['Acquire::Check-Date "false";'] });
    expect([isOfRecipe(text, 'trixie', recipe), isOfRecipe(text, 'trixie', other), isOfRecipe(text, 'bookworm', recipe), isOfRecipe(undefined, 'trixie', recipe)]).toEqual([true, false, false, false]);
  });
  it('has versions that grow with time', () => {
    expect(boxVersion(new Date('2026-11-26T20:15:00.123Z'))).toBe('20261126.201500');
    expect(boxVersion(new Date('2027-01-02T03:04:05Z'))).toBe('20270102.030405');
  });
});

describe('vagrant/', () => {
  const vagrantfile = readFileSync(path.join(root, 'vagrant', 'Vagrantfile'), 'utf8');
  it('looks for boxes where they are made, under the name that they have', () => {
    expect(vagrantfile).toContain(boxName('trixie').replace('trixie', '#{release}'));
    expect(path.relative(root, boxDirectory(root))).toBe('.care/boxes');
    expect(vagrantfile).toContain("File.expand_path('../.care/boxes', __dir__)");
  });
  it('has an inventory of hosts in two sites', () => {
    const file = path.join(root, 'inventory', 'vagrant', 'hosts.yml');
    const hosts = hostsFromInventory(readFileSync(file, 'utf8'), file);
    expect(hosts.map((host) => [host.name, host.site, host.release])).toEqual([
      ['care-v1', 'kochi', 'trixie'], ['care-v2', 'kochi', 'trixie'], ['care-v3', 'delhi', 'trixie'],
    ]);
  });
  const vagrant = spawnSync('sh', ['-c', 'command -v vagrant']).status === 0;
  it.skipIf(!vagrant)('is sound, and refuses what it does not know (needs vagrant and vagrant-libvirt)', () => {
    const home = mkdtempSync(path.join(tmpdir(), 'care-vagrant-'));
    const validate = (more: Readonly<Record<string, string>>): { status: number | null; text: string } => {
      const ran = spawnSync('vagrant', ['validate'], { cwd: path.join(root, 'vagrant'), env: { ...process.env, VAGRANT_HOME: home, VAGRANT_DOTFILE_PATH: path.join(home, 'dot'), ...more }, encoding: 'utf8' });
      return { status: ran.status, text: ran.stdout + ran.stderr };
    };
    try {
      expect(validate({})).toMatchObject({ status: 0 });
      expect(validate({ CARE_INVENTORY: '../inventory/lab/hosts.yml', CARE_BOX: 'public', CARE_ACCEL: 'tcg' })).toMatchObject({ status: 0 });
      const refused = validate({ CARE_BOX: 'publik' });
      expect([refused.status, refused.text]).toEqual([1, expect.stringContaining('CARE_BOX=publik: it is one of own, public')]);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  }, 120_000);
});
