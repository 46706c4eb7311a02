/** The view that one task's plan has of its host: facts from the store, files from the controller. */
import type { SiteArtifacts } from '../artifacts/site.ts';
import type { Secret } from '../support/secret.ts';
import { baseFacts, currentUser } from './base-facts.ts';
import type { FactStore } from './fact-store.ts';
import type { AnyQuery, ErasedKind, Query } from './query.ts';
import { FactsNeeded, type BaseFacts, type HostView, type LocalFile, type LocalTree } from './view.ts';

/** Where a task's `src:` files and templates come from. */
export interface ControllerFiles {
  localFile(src: string): LocalFile;
  localTree(src: string): LocalTree;
  render(src: string): string | Secret;
  artifacts(): SiteArtifacts;
}

export interface TaskViewInit {
  readonly name: string;
  /** The become user or the login user; '' when only the host can tell (from ~/.ssh/config, say). */
  readonly user: string;
  readonly checkMode: boolean;
  /** Undefined before the host was started: a plan that asks is planned again afterwards. */
  readonly base: BaseFacts | undefined;
  readonly store: FactStore;
  readonly files: ControllerFiles;
  /** As in {@link HostView.beforeJoin}. */
  readonly beforeJoin: (key: string, query: AnyQuery) => unknown;
  /** Where to note what the plan looks at, when somebody wants to know. */
  readonly looked?: Map<string, AnyQuery> | undefined;
}

export class TaskView implements HostView {
  readonly name: string;
  readonly #user: string;
  readonly checkMode: boolean;
  readonly #base: BaseFacts | undefined;
  readonly #store: FactStore;
  readonly #files: ControllerFiles;
  readonly #beforeJoin: TaskViewInit['beforeJoin'];
  readonly #looked: Map<string, AnyQuery> | undefined;
  /** Reasons of the uncertain facts that the plan has looked at, in order, without repeats. */
  readonly doubts: string[] = [];

  constructor(init: TaskViewInit) {
    this.name = init.name;
    this.#user = init.user;
    this.checkMode = init.checkMode;
    this.#base = init.base;
    this.#store = init.store;
    this.#files = init.files;
    this.#beforeJoin = init.beforeJoin;
    this.#looked = init.looked;
  }

  get user(): string {
    return this.#user === '' ? this.fact(currentUser(null)) : this.#user;
  }

  get base(): BaseFacts {
    if (this.#base === undefined) throw new FactsNeeded([baseFacts(null)]);
    return this.#base;
  }

  fact<F>(query: Query<F, ErasedKind>): F {
    if (!this.#store.has(query)) throw new FactsNeeded([query]);
    this.#looked?.set(query.id, query);
    const doubt = this.#store.uncertain(query);
    if (doubt !== undefined && !this.doubts.includes(doubt)) this.doubts.push(doubt);
    // Sound: a store holds under a query's id only what that query's own kind has parsed or a change has claimed with `query.is`.
    return this.#store.value(query) as F;
  }

  uncertain(query: AnyQuery): string | undefined {
    if (!this.#store.has(query)) throw new FactsNeeded([query]);
    return this.#store.uncertain(query);
  }

  touched(query: AnyQuery): string | undefined {
    if (!this.#store.has(query)) throw new FactsNeeded([query]);
    return this.#store.touched(query);
  }

  beforeJoin<F>(key: string, query: Query<F, ErasedKind>): F | undefined {
    // Sound for the same reason as `fact`: what was known is what the query's own kind has parsed.
    return this.#beforeJoin(key, query) as F | undefined;
  }

  localFile(src: string): LocalFile {
    return this.#files.localFile(src);
  }

  localTree(src: string): LocalTree {
    return this.#files.localTree(src);
  }

  render(src: string): string | Secret {
    return this.#files.render(src);
  }

  artifacts(): SiteArtifacts {
    return this.#files.artifacts();
  }
}
