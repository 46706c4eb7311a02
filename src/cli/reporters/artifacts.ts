/** Artefacts as text for people. */
import type { Artifact, LifeState } from '../../artifacts/catalogue.ts';
import type { Fetched, FetchProgress } from '../../artifacts/fetch-all.ts';
import type { Newest, Outdated } from '../../artifacts/outdated.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { columns } from '../terminal/columns.ts';
import type { Output } from '../terminal/output.ts';
import { plural } from './counts.ts';

export interface Listed {
  readonly artifact: Artifact;
  readonly life: LifeState;
  /** Platforms with a checksum; `bytes` is null for what the cache has not. */
  readonly files: readonly { readonly platform: string; readonly sha256: string; readonly bytes: number | null }[];
  /** What was built of it on this machine or came in a bundle. */
  readonly builds: readonly { readonly platform: string; readonly sha256: string; readonly toolchain: string; readonly module_sum: string }[];
}

/** `142.8 MiB` */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return plural(bytes, 'byte');
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit] ?? ''}`;
}

function lifeText(artifact: Artifact, life: LifeState): string {
  const end = artifact.end_of_life ?? '';
  switch (life) {
    case 'unknown':
      return 'not known';
    case 'supported':
      return end;
    case 'ending':
      return `${end} (soon)`;
    case 'accepted':
      return `${end} (ended, accepted)`;
    case 'ended':
      return `${end} (ended)`;
  }
}

export function listText(rows: readonly Listed[]): readonly string[] {
  if (rows.length === 0) return ['artifacts.yml is empty'];
  return columns([
    ['name', 'version', 'platform', 'source', 'licence', 'end of life', 'cache'],
    ...rows.flatMap(({ artifact, life, files }) =>
      (files.length === 0 ? [{ platform: 'none', bytes: null }] : files).map((file) => [artifact.name, artifact.version, file.platform, artifact.source, artifact.license, lifeText(artifact, life), file.bytes === null ? 'no' : bytesText(file.bytes)]),
    ),
  ]);
}

/** What was had, and, of builds that nobody has locked, what to put into artifacts.yml. */
export function fetchedText(results: readonly Fetched[]): readonly string[] {
  const rows = results.map((result) => [result.title, result.platform ?? '', result.status, result.status === 'failed' ? '' : bytesText(result.file.size), result.status === 'failed' ? '' : result.file.sha256]);
  const unlocked = results.flatMap((result) => (result.status !== 'failed' && !result.locked ? [`${result.title} is not locked: put this into artifacts.yml, under sha256:`, `  ${result.platform ?? ''}: ${result.file.sha256}`] : []));
  return [...columns(rows), ...unlocked];
}

function newestText(newest: Newest): string {
  switch (newest.type) {
    case 'known':
      return newest.newer ? `${newest.version} is out` : 'it is the newest';
    case 'unreachable':
      return `could not be asked: ${newest.because}`;
    case 'not-asked':
      return `was not asked: ${newest.because}`;
  }
}

export function outdatedText(results: readonly Outdated[]): readonly string[] {
  if (results.length === 0) return ['artifacts.yml is empty'];
  return columns([['name', 'version', 'end of life', 'upstream'], ...results.map(({ artifact, life, newest }) => [artifact.name, artifact.version, lifeText(artifact, life), newestText(newest)])]);
}

export interface FetchView {
  step(progress: FetchProgress): void;
  close(): void;
}

const REDRAW_MS = 200;

/** How far downloads are: one live line on a terminal, else a line when one begins. */
export function fetchProgress(output: Output, live: boolean, now: () => number = Date.now): FetchView {
  const running = new Map<FetchProgress['wanting'], FetchProgress>();
  let drawnAt = 0;
  let drawn = false;
  const label = ({ wanting }: FetchProgress): string => safeLine(`${wanting.title}${wanting.platform === undefined ? '' : ` ${wanting.platform}`}`);
  // ECMA-48: to the first column, erase the line.
  const erase = (): string => (drawn ? '\r\u001b[2K' : '');
  const part = (progress: FetchProgress): string => {
    if (progress.state === 'started') return `${label(progress)} …`;
    return progress.of === undefined || progress.of === 0 ? `${label(progress)} ${bytesText(progress.bytes)}` : `${label(progress)} ${String(Math.floor((progress.bytes / progress.of) * 100))} % of ${bytesText(progress.of)}`;
  };
  return {
    step(progress) {
      if (progress.state === 'done') running.delete(progress.wanting);
      else running.set(progress.wanting, progress);
      if (!live) {
        if (progress.state === 'started') output.write(`${progress.wanting.made?.source === 'go' ? 'building' : 'fetching'} ${label(progress)}\n`);
        return;
      }
      if (progress.state === 'running' && now() - drawnAt < REDRAW_MS) return;
      drawnAt = now();
      const width = Math.max(20, (output.columns() ?? 80) - 1);
      output.write(`${erase()}${[...running.values()].map(part).join(', ').slice(0, width)}`);
      drawn = true;
    },
    close() {
      output.write(erase());
      drawn = false;
    },
  };
}
