import { describe, expect, it } from 'vitest';
import { judgeObjects, k8sWait } from '../../../../src/modules/k8s_wait/index.ts';
import { readiness } from '../../../../src/modules/k8s_wait/ready.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sWait, import.meta.url);

const rollout = { kind: 'Deployment', metadata: { generation: 2 }, spec: { replicas: 2 }, status: { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 } };
const condition = (type: string, status: string, more: object = {}): object => ({ status: { conditions: [{ type, status, ...more }] } });

describe('readiness', () => {
  it.each<[string, object, string]>([
    ['a Deployment', rollout, 'ready'],
    ['one that is not updated', { ...rollout, status: { ...rollout.status, updatedReplicas: 1 } }, 'waiting: 1 of 2 updated'],
    ['one with old pods', { ...rollout, status: { ...rollout.status, replicas: 3 } }, 'waiting: 2 of 3 are new'],
    ['one whose pods are not available', { ...rollout, status: { ...rollout.status, availableReplicas: 0 } }, 'waiting: 0 of 2 available'],
    ['one whose change nobody has seen', { ...rollout, metadata: { generation: 3 } }, 'waiting: its controller has not seen its last change yet'],
    ['one whose deadline is over', { ...rollout, status: { ...rollout.status, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'timed out' }] } }, 'failed: condition Progressing is False (ProgressDeadlineExceeded): timed out'],
    ['a new Deployment', { kind: 'Deployment', metadata: { generation: 1 }, spec: {} }, 'waiting: its controller has not seen its last change yet'],
    ['a StatefulSet', { kind: 'StatefulSet', spec: { replicas: 1 }, status: { updatedReplicas: 1, readyReplicas: 0 } }, 'waiting: 0 of 1 ready'],
    ['a DaemonSet that nobody has looked at', { kind: 'DaemonSet', status: {} }, 'waiting: it has not been scheduled'],
    ['a DaemonSet that was just made, as the API gives it', { kind: 'DaemonSet', metadata: { generation: 1 }, status: { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 } }, 'waiting: its controller has not seen its last change yet'],
    ['a StatefulSet that was just made, of none', { kind: 'StatefulSet', metadata: { generation: 1 }, spec: { replicas: 0 }, status: { replicas: 0, availableReplicas: 0 } }, 'waiting: its controller has not seen its last change yet'],
    ['a StatefulSet that is updated in part', { kind: 'StatefulSet', spec: { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, status: { updatedReplicas: 1, readyReplicas: 3 } }, 'ready'],
    ['one whose pods are updated when somebody deletes them', { kind: 'StatefulSet', spec: { replicas: 1, updateStrategy: { type: 'OnDelete' } }, status: { updatedReplicas: 0, readyReplicas: 1 } }, 'ready'],
    ['an APIService, which has no generation seen', { kind: 'APIService', metadata: { generation: 1 }, ...condition('Available', 'True') }, 'ready'],
    ['a DaemonSet', { kind: 'DaemonSet', status: { desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 } }, 'ready'],
    ['a Pod', { kind: 'Pod', ...condition('Ready', 'True') }, 'ready'],
    ['a Pod that ended well', { kind: 'Pod', status: { phase: 'Succeeded' } }, 'ready'],
    ['a Pod that failed', { kind: 'Pod', status: { phase: 'Failed' } }, 'failed: it has failed'],
    ['a Job', { kind: 'Job', ...condition('Complete', 'True') }, 'ready'],
    ['a Job that failed', { kind: 'Job', ...condition('Failed', 'True', { reason: 'BackoffLimitExceeded' }) }, 'failed: condition Failed is True (BackoffLimitExceeded)'],
    ['a Node', { kind: 'Node', ...condition('Ready', 'Unknown') }, 'waiting: condition Ready is Unknown'],
    ['a claim', { kind: 'PersistentVolumeClaim', status: { phase: 'Pending' } }, 'waiting: it is Pending'],
    ['what has no status', { kind: 'ConfigMap' }, 'ready'],
    ['what is being deleted', { kind: 'ConfigMap', metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }, 'waiting: it is being deleted'],
  ])('%s', (_name, object, expected) => {
    const is = readiness(object, undefined);
    expect('why' in is ? `${is.type}: ${is.why}` : is.type).toBe(expected);
  });

  it('takes a condition in place of that, with its reason', () => {
    const object = { kind: 'Deployment', ...condition('Available', 'True', { reason: 'Enough' }) };
    expect(readiness(object, { type: 'available', status: 'True', reason: undefined }).type).toBe('ready');
    expect(readiness(object, { type: 'Available', status: 'True', reason: 'Other' })).toEqual({ type: 'waiting', why: 'condition Available is True (Enough)' });
    expect(readiness(object, { type: 'Available', status: 'False', reason: undefined }).type).toBe('waiting');
    expect(readiness(object, { type: 'Missing', status: 'True', reason: undefined })).toEqual({ type: 'waiting', why: 'it has no condition Missing' });
  });
});

describe('judgeObjects', () => {
  const bad = { kind: 'Job', metadata: { name: 'b', namespace: 'care' }, ...condition('Failed', 'True') };
  it('wants one at least, and all of them', () => {
    expect(judgeObjects([], { kind: 'Job', state: 'present', wait_condition: undefined })).toMatchObject({ type: 'waiting', why: 'there is none' });
    expect(judgeObjects([{ kind: 'Job', metadata: { name: 'a' } }, bad], { kind: 'Job', state: 'present', wait_condition: undefined })).toMatchObject({ type: 'failed', why: 'care/b: condition Failed is True' });
  });
  it('wants none', () => {
    expect(judgeObjects([bad], { kind: 'Job', state: 'absent', wait_condition: undefined })).toMatchObject({ type: 'waiting', why: 'care/b is there' });
    expect(judgeObjects([], { kind: 'Job', state: 'absent', wait_condition: undefined }).type).toBe('done');
  });
});
