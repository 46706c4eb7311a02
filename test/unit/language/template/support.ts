/** Short ways to write template tests. */
import { expect } from 'vitest';
import { Diagnostic } from '../../../../src/support/diagnostic.ts';
import type { Secret } from '../../../../src/support/secret.ts';
import { formatPlace } from '../../../../src/support/source.ts';
import type { Value, ValueMap } from '../../../../src/support/value.ts';
import { createScope } from '../../../../src/language/scope.ts';
import { renderText, renderValue } from '../../../../src/language/template/index.ts';

export function render(template: string, variables: ValueMap = {}): Value {
  return renderValue(template, createScope([{ values: variables, templated: false }]));
}

export function renderFile(text: string, variables: ValueMap = {}): string | Secret {
  return renderText({ path: 'app.conf.hbs', text }, createScope([{ values: variables, templated: false }]));
}

export function problem(run: () => unknown): Diagnostic {
  try {
    run();
  } catch (error) {
    if (error instanceof Diagnostic) return error;
    throw error;
  }
  return expect.fail('nothing was thrown');
}

/** `line:column code` of the error that a template file gives. */
export function where(text: string, variables: ValueMap = {}): string {
  const d = problem(() => renderFile(text, variables));
  return `${d.span === undefined ? '?' : formatPlace(d.span).replace('app.conf.hbs:', '')} ${d.code}`;
}
