/** What a watching client has seen, of whatever service. */
import type { Acknowledged, ClientError, Recording } from './record.ts';

/** Errors beyond this are counted only. */
const KEPT_ERRORS = 20_000;

/** Collects rows and errors of one client. */
export class Recorder {
  readonly acknowledged: Acknowledged[] = [];
  readonly errors: ClientError[] = [];
  errorsNotKept = 0;

  fail(error: ClientError): void {
    if (this.errors.length < KEPT_ERRORS) this.errors.push(error);
    else this.errorsNotKept += 1;
  }

  get recording(): Recording {
    return { acknowledged: this.acknowledged, errors: this.errors, errorsNotKept: this.errorsNotKept };
  }
}
