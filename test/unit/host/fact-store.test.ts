import { describe, expect, it } from 'vitest';
import { defineQuery } from '../../../src/host/define-query.ts';
import { FactStore } from '../../../src/host/fact-store.ts';
import { forgetAll, forgetKinds, forgetTree, removedTree } from '../../../src/host/query.ts';

const file = defineQuery<string, string>({
  name: 'test-file', id: (p) => p, describe: (p) => `file ${p}`, probe: () => '', parse: (keys) => keys.map(() => ''),
  paths: (p) => [p], absent: () => 'absent',
});
const unit = defineQuery<string, string>({ name: 'test-unit', id: (p) => p, describe: (p) => `unit ${p}`, probe: () => '', parse: (keys) => keys.map(() => '') });
const guard = defineQuery<string, string>({ name: 'test-guard', volatile: true, id: (p) => p, describe: (p) => p, probe: () => '', parse: (keys) => keys.map(() => '') });

describe('apply', () => {
  it('believes what a change sets, and claims it until asked', () => {
    const store = new FactStore(false);
    store.observed(file('/a'), 'old');
    store.apply([file('/a').is('new')], 'file /a');
    expect(store.value(file('/a'))).toBe('new');
    expect(store.takeClaims()).toMatchObject([{ expected: 'new', by: 'file /a' }]);
    expect(store.takeClaims()).toEqual([]);
  });

  it('confirms what was claimed even when all else is forgotten (a delegated task, meta: clear_facts)', () => {
    const store = new FactStore(false);
    store.apply([file('/a').is('new')], 'file /a');
    store.clear();
    expect(store.has(file('/a'))).toBe(false);
    expect(store.takeClaims()).toMatchObject([{ expected: 'new' }]);
  });

  it('asks again what a change may have touched, and still claims what was set before it', () => {
    const store = new FactStore(false);
    store.observed(unit('u'), 'running');
    store.apply([file('/a').is('new')], 'file /a');
    store.apply([forgetAll], 'package p');
    expect(store.has(file('/a'))).toBe(false);
    expect(store.has(unit('u'))).toBe(false);
    expect(store.takeClaims()).toMatchObject([{ expected: 'new' }]);
  });

  it('claims no longer what a later change names as unknown', () => {
    const store = new FactStore(false);
    store.apply([file('/a').is('new')], 'file /a');
    store.apply([file('/a').forget()], 'command');
    expect(store.takeClaims()).toEqual([]);
  });

  it('asks a user\'s command again after any change', () => {
    const store = new FactStore(false);
    store.observed(guard('test -e /a'), 'no');
    store.apply([file('/a').is('new')], 'file /a');
    expect(store.has(guard('test -e /a'))).toBe(false);
  });

  it('knows that everything below a removed directory is gone', () => {
    const store = new FactStore(false);
    for (const path of ['/d', '/d/x', '/dx']) store.observed(file(path), 'there');
    store.apply([removedTree('/d')], 'directory /d');
    expect(['/d', '/d/x', '/dx'].map((p) => store.value(file(p)))).toEqual(['absent', 'absent', 'there']);
  });
});

describe('check', () => {
  it('keeps the value of a forgotten fact and says why it is uncertain', () => {
    const store = new FactStore(true);
    store.observed(unit('u'), 'not-found');
    store.apply([forgetKinds('test-unit')], 'package p');
    expect(store.value(unit('u'))).toBe('not-found');
    expect(store.uncertain(unit('u'))).toBe('until package p');
    expect(store.takeClaims()).toEqual([]);
  });

  it('sees facts that are observed later through the earlier predictions', () => {
    const store = new FactStore(true);
    store.apply([removedTree('/d')], 'directory /d');
    store.apply([forgetKinds('test-unit')], 'package p');
    store.apply([forgetTree('/e')], 'archive');
    store.observed(file('/d/x'), 'there');
    store.observed(unit('u'), 'not-found');
    store.observed(file('/e/x'), 'there');
    store.observed(file('/other'), 'there');
    expect(store.value(file('/d/x'))).toBe('absent');
    expect(store.uncertain(unit('u'))).toBe('until package p');
    expect(store.uncertain(file('/e/x'))).toBe('until archive');
    expect(store.uncertain(file('/other'))).toBeUndefined();
  });

  it('tells a change of the thing itself from one that may have touched anything', () => {
    const store = new FactStore(true);
    store.observed(file('/e/x'), 'there');
    store.apply([forgetAll], 'package p');
    expect([store.uncertain(file('/e/x')), store.touched(file('/e/x'))]).toEqual(['until package p', undefined]);
    store.apply([forgetTree('/e')], 'archive');
    store.apply([forgetAll], 'package q');
    store.observed(file('/e/y'), 'there');
    expect(['/e/x', '/e/y'].map((path) => store.touched(file(path)))).toEqual(['until archive', 'until archive']);
    store.apply([file('/e/x').is('new')], 'file /e/x');
    expect(store.touched(file('/e/x'))).toBeUndefined();
  });

  it('is certain again of what a later change sets', () => {
    const store = new FactStore(true);
    store.apply([forgetAll, file('/a').is('new')], 'package p');
    expect(store.uncertain(file('/a'))).toBeUndefined();
    expect(store.value(file('/a'))).toBe('new');
  });

  it('is uncertain of what a user\'s command would say, also when it is asked later', () => {
    const store = new FactStore(true);
    store.observed(guard('one'), 'no');
    store.apply([file('/a').is('new')], 'file /a');
    store.observed(guard('two'), 'no');
    expect(store.uncertain(guard('one'))).toBe('until file /a');
    expect(store.uncertain(guard('two'))).toBe('until file /a');
  });

  it('remembers that a single fact, not yet asked for, became unknown', () => {
    const store = new FactStore(true);
    store.apply([file('/a').forget()], 'change');
    store.observed(file('/a'), 'old');
    expect(store.uncertain(file('/a'))).toBe('until change');
  });
});
