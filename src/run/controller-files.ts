/** Files and templates on the controller, as a task's module asks for them. Read once a run. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Catalogue } from '../artifacts/catalogue.ts';
import { MIRRORS_VARIABLE, parseMirrors, type SiteArtifacts, type SiteNeed } from '../artifacts/site.ts';
import type { ControllerFiles } from '../host/task-view.ts';
import type { LocalFile, LocalTree } from '../host/view.ts';
import type { Attributes, Task } from '../language/playbook/model.ts';
import type { Project } from '../language/playbook/project.ts';
import type { Scope } from '../language/scope-types.ts';
import { renderText } from '../language/template/index.ts';
import { readSourceFile } from '../language/yaml.ts';
import { badInput } from '../support/diagnostic.ts';
import type { SourceFile, Span } from '../support/source.ts';

/** Files up to this size are kept in memory once read. */
const KEPT_BYTES = 1024 * 1024;

/** Found out when first asked for. */
export interface KnownArtifacts {
  readonly catalogue: () => Catalogue;
  readonly needs: () => readonly SiteNeed[];
}

/** Caches over all tasks of a run. A file that has changed meanwhile (a task may write on the controller) is read again. */
export class FileCache {
  readonly #known: KnownArtifacts;
  readonly #files = new Map<string, { readonly state: string; readonly file: LocalFile }>();
  readonly #templates = new Map<string, SourceFile>();

  constructor(known: KnownArtifacts) {
    this.#known = known;
  }

  artifacts(scope: Scope, span: Span): SiteArtifacts {
    return { catalogue: this.#known.catalogue(), needs: () => this.#known.needs(), mirrors: scope.has(MIRRORS_VARIABLE) ? parseMirrors(scope.get(MIRRORS_VARIABLE), span) : [] };
  }

  file(absolute: string): LocalFile {
    const stat = statSync(absolute);
    const state = `${String(stat.mtimeMs)} ${String(stat.size)} ${String(stat.ino)}`;
    const known = this.#files.get(absolute);
    if (known?.state === state) return known.file;
    const content = readFileSync(absolute);
    const kept = content.length <= KEPT_BYTES ? content : undefined;
    const file: LocalFile = {
      path: absolute,
      size: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
      mode: (stat.mode & 0o7777).toString(8).padStart(4, '0'),
      bytes: () => kept ?? readFileSync(absolute),
    };
    this.#files.set(absolute, { state, file });
    return file;
  }

  /** The files as one task sees them. */
  files(project: Project, task: Task, scope: Scope): ControllerFiles {
    return controllerFiles(this, project, task.attributes, scope, task.argsSpan);
  }

  template(absolute: string): SourceFile {
    let source = this.#templates.get(absolute);
    if (source === undefined) {
      const relative = path.relative(process.cwd(), absolute);
      source = readSourceFile(absolute, relative.startsWith('..') ? absolute : relative);
      this.#templates.set(absolute, source);
    }
    return source;
  }
}

function listTree(root: string, relative = ''): LocalTree['entries'] {
  const out: { path: string; type: 'file' | 'directory' | 'link'; target?: string }[] = [];
  for (const name of readdirSync(path.join(root, relative)).sort()) {
    const below = relative === '' ? name : `${relative}/${name}`;
    const stat = lstatSync(path.join(root, below));
    if (stat.isSymbolicLink()) out.push({ path: below, type: 'link', target: readlinkSync(path.join(root, below)) });
    else if (stat.isDirectory()) out.push({ path: below, type: 'directory' }, ...listTree(root, below));
    else if (stat.isFile()) out.push({ path: below, type: 'file' });
  }
  return out;
}

/** The controller's files as one task sees them: its role's first, then those beside its playbook. */
export function controllerFiles(cache: FileCache, project: Project, attributes: Attributes, scope: Scope, span: Span): ControllerFiles {
  return {
    localFile(src) {
      const absolute = project.findFile('files', src, attributes, span);
      if (statSync(absolute).isDirectory()) throw badInput('is-a-directory', `${src} is a directory, a file is needed`, { span });
      return cache.file(absolute);
    },
    localTree(src) {
      const absolute = project.findFile('files', src, attributes, span);
      if (!statSync(absolute).isDirectory()) throw badInput('not-a-directory', `${src} is not a directory`, { span });
      return { root: absolute, entries: listTree(absolute) };
    },
    artifacts: () => cache.artifacts(scope, span),
    render(src) {
      return renderText(cache.template(project.findFile('templates', src, attributes, span)), scope);
    },
  };
}
