/** `group_vars/` and `host_vars/`: which files belong to a name, and what they say (Ansible's `host_group_vars`). */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import type { SourceFile } from '../../support/source.ts';
import { isMap, typeName, type ValueMap } from '../../support/value.ts';
import { concealTexts } from '../secrets/conceal.ts';
import { parseYaml, readSourceFile } from '../yaml.ts';
import { byCodePoint } from './data.ts';

const EXTENSIONS = ['', '.yml', '.yaml', '.json'];
const MAX_DEPTH = 20;

export type DecryptFile = (file: SourceFile) => string;

/** The text that an encrypted file begins with: age's armor, age's binary form, Ansible's vault. */
const AGE = /^(?:-----BEGIN AGE ENCRYPTED FILE-----|age-encryption\.org\/v1)/;

export class VarsFiles {
  readonly warnings: Diagnostic[] = [];
  readonly #decrypt: DecryptFile | undefined;
  readonly #listings = new Map<string, readonly string[]>();
  readonly #contents = new Map<string, ValueMap>();
  readonly #found = new Map<string, readonly string[]>();
  readonly #used = new Set<string>();

  constructor(decrypt: DecryptFile | undefined) {
    this.#decrypt = decrypt;
  }

  /**
   * The variables of one host or group in one base directory, file by file in order of precedence.
   *
   * @param folder `group_vars` or `host_vars`
   */
  variables(base: string, folder: 'group_vars' | 'host_vars', name: string): ValueMap[] {
    // Ansible leaves out names such as /srv/chroot, which stand for directories.
    if (name.startsWith('/')) return [];
    const key = `${folder}\0${base}\0${name}`;
    let files = this.#found.get(key);
    if (files === undefined) {
      files = this.#find(join(base, folder), name);
      this.#found.set(key, files);
    }
    return files.map((file) => this.#read(file)).filter((map) => Object.keys(map).length > 0);
  }

  /**
   * Files that belong to nobody: a misspelt group's variables would otherwise be lost in silence.
   */
  unused(base: string, folder: 'group_vars' | 'host_vars', names: Iterable<string>): Diagnostic[] {
    const kind = folder === 'group_vars' ? 'group' : 'host';
    const known = new Set(names);
    return this.#list(join(base, folder))
      .filter((entry) => !entry.startsWith('.') && !entry.endsWith('~') && !this.#used.has(join(base, folder, entry)))
      .flatMap((entry) => {
        const extension = extname(entry);
        const path = join(base, folder, entry);
        const name = EXTENSIONS.includes(extension) ? basename(entry, extension) : entry;
        const isVars = isDir(path) || EXTENSIONS.includes(extension);
        if (!isVars || known.has(name) || known.has(entry)) return [];
        return [badInput('unused-vars', `${path} belongs to no ${kind} of this inventory`, { remedy: suggestion(name, known) })];
      });
  }

  #list(directory: string): readonly string[] {
    let names = this.#listings.get(directory);
    if (names === undefined) {
      names = isDir(directory) ? readdirSync(directory).sort(byCodePoint) : [];
      this.#listings.set(directory, names);
    }
    return names;
  }

  /** The first of NAME, NAME.yml, NAME.yaml and NAME.json that there is; later ones are not read. */
  #find(directory: string, name: string): string[] {
    const path = join(directory, name);
    const entries = this.#list(dirname(path));
    const there = EXTENSIONS.filter((extension) => entries.includes(basename(path) + extension)).map((extension) => path + extension);
    const [first, ...ignored] = there;
    if (first === undefined) return [];
    this.#used.add(first);
    for (const other of ignored) {
      this.#used.add(other);
      this.warnings.push(badInput('shadowed-vars', `${other} is not read, because ${first} is there`, { detail: 'Ansible reads only the first of the two', remedy: 'put all of it into one directory' }));
    }
    return isDir(first) ? this.#inside(first, 0) : [first];
  }

  #inside(directory: string, depth: number): string[] {
    if (depth > MAX_DEPTH) throw badInput('inventory-too-deep', `${directory} lies too deep`, { remedy: 'look for a link that leads back up' });
    return this.#list(directory).flatMap((entry) => {
      if (entry.startsWith('.') || entry.endsWith('~')) return [];
      const path = join(directory, entry);
      const extension = extname(entry);
      if (isDir(path)) return extension === '' ? this.#inside(path, depth + 1) : [];
      return EXTENSIONS.includes(extension) ? [path] : [];
    });
  }

  #read(path: string): ValueMap {
    let content = this.#contents.get(path);
    if (content === undefined) {
      content = this.#parse(readSourceFile(path));
      this.#contents.set(path, content);
    }
    return content;
  }

  #parse(file: SourceFile): ValueMap {
    if (file.text.startsWith('$ANSIBLE_VAULT')) {
      throw badInput('vault-file', `${file.path} is encrypted with Ansible's vault`, { remedy: 'decrypt it with ansible-vault, and encrypt it again with: care-provision secrets encrypt' });
    }
    let plain = file;
    if (AGE.test(file.text)) {
      if (this.#decrypt === undefined) throw badInput('encrypted-file', `${file.path} is encrypted, and no key is at hand`, { remedy: 'give the age identity, or keep only values encrypted (!secret)' });
      plain = { path: file.path, text: this.#decrypt(file), concealed: true };
    }
    const value = parseYaml(plain, { dialect: 'ansible' });
    const shown = plain.concealed === true ? concealTexts(value) : value;
    if (isMap(shown)) return shown;
    if (value === null || value === '' || value === false || value === 0 || (Array.isArray(value) && value.length === 0)) return {};
    throw badInput('inventory-structure', `a file of variables must be a map, not ${typeName(value)}`, { span: { file: plain, start: 0, end: 1 } });
  }
}

function isDir(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
