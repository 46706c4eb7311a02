/** Where this program is installed and which version it is. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NAME = 'care-provision';

interface PackageFacts {
  readonly root: string;
  readonly version: string;
}
let found: PackageFacts | undefined;

function readPackage(directory: string): PackageFacts | undefined {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return undefined;
  const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof content !== 'object' || content === null || !('name' in content) || content.name !== NAME) return undefined;
  if (!('version' in content) || typeof content.version !== 'string') return undefined;
  return { root: directory, version: content.version };
}

function findPackage(): PackageFacts {
  if (found !== undefined) return found;
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    found = readPackage(directory);
    if (found !== undefined) return found;
    if (directory === dirname(directory)) throw new Error(`the package.json of ${NAME} is not above ${import.meta.dirname}`);
  }
}

/** The directory that holds package.json, `roles/`, `playbooks/` and `schemas/`: found from this file upwards, so that it is right in a checkout and when bundled. */
export function packageRoot(): string {
  return findPackage().root;
}

/** The version in package.json, e.g. `0.1.0`. */
export function packageVersion(): string {
  return findPackage().version;
}
