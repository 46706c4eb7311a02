/** What MinIO says of its own settings: lines of `subsystem:target key=value …`, and comments for what its environment says. */
import { adminPath } from '../../services/s3/minio.ts';
import { defineS3Query, type S3Key } from '../common/s3/kind.ts';

export interface ConfigKey extends S3Key {
  readonly subSystem: string;
  /** `_`: the one without a name. */
  readonly target: string;
}

export interface Config {
  /** False for a target that there is not. */
  readonly exists: boolean;
  readonly settings: Readonly<Record<string, string>>;
  /** Keys that the environment of the nodes sets: what is stored does not count for them. */
  readonly fromEnvironment: readonly string[];
}

/** The words of a line: a value with blanks is in double quotes. */
function settingsOf(line: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...line.matchAll(/([a-z0-9_]+)=(?:"([^"]*)"|(\S*))/g)].map((m) => [m[1] ?? '', m[2] ?? m[3] ?? '']));
}

/** Reads what the store says of one subsystem. */
export function readConfig(text: string, subSystem: string, target: string): Config {
  const head = target === '_' ? subSystem : `${subSystem}:${target}`;
  const lines = text.split('\n').map((l) => l.trim());
  const line = lines.find((l) => l === head || l.startsWith(`${head} `));
  const prefix = `MINIO_${subSystem.toUpperCase()}_`;
  const suffix = target === '_' ? '' : `_${target.toUpperCase()}`;
  const fromEnvironment = lines.flatMap((l) => {
    const name = /^# (MINIO_[A-Z0-9_]+)=/.exec(l)?.[1];
    return name?.startsWith(prefix) === true && name.endsWith(suffix) ? [name.slice(prefix.length, suffix === '' ? undefined : -suffix.length).toLowerCase()] : [];
  });
  return line === undefined ? { exists: false, settings: {}, fromEnvironment } : { exists: true, settings: settingsOf(line.slice(head.length)), fromEnvironment };
}

export const config = defineS3Query<ConfigKey, Config>({
  name: 'minio-config',
  subject: (key) => `${key.subSystem}:${key.target}`,
  describe: (key) => `MinIO's settings ${key.subSystem}${key.target === '_' ? '' : `:${key.target}`}`,
  // Other settings of the subsystem may be filled in by the store.
  same: (expected, observed) => expected.exists === observed.exists && Object.entries(expected.settings).every(([name, value]) => (observed.settings[name] ?? '') === value),
  ask: async (key, asker) => readConfig(await asker.opened(await asker.read({ method: 'GET', path: adminPath('get-config-kv'), query: { key: key.subSystem } })), key.subSystem, key.target),
});
