import { describe, expect, it } from 'vitest';
import { k8sAdmission } from '../../../../src/modules/k8s_admission/index.ts';
import { wrongWith } from '../../../../src/modules/k8s_admission/judge.ts';
import type { AdmissionCase } from '../../../../src/modules/k8s_admission/schema.ts';
import type { Heard } from '../../../../src/modules/common/kubernetes/queries.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sAdmission, import.meta.url);

const admitted: Heard<unknown> = { ok: true, value: null };
const no = (msg: string, reason = 'Forbidden', status = 403): Heard<unknown> => ({ ok: false, status, reason, msg });
const object = (refused_by: string[]): AdmissionCase => ({ name: 'a', refused_by, definition: {} });
const shell = (refused_by: string[]): AdmissionCase => ({ name: 'a', refused_by, connect: { namespace: 'care', subresource: 'exec' } });

describe('wrongWith', () => {
  it.each<[string, AdmissionCase, Heard<unknown>, string | undefined]>([
    ['admitted as wished', object([]), admitted, undefined],
    ['refused, and was not to be', object([]), no('quota'), 'a: to be admitted, and refused: quota'],
    ['refused as wished', object(['PodSecurity', 'hostPID']), no('violates PodSecurity: hostPID=true'), undefined],
    ['refused by half of it', object(['PodSecurity', 'hostPID']), no('violates PodSecurity: hostIPC=true'), 'a: to be refused by PodSecurity, hostPID, and refused otherwise: violates PodSecurity: hostIPC=true'],
    ['admitted, and was not to be', object(['p']), admitted, 'a: to be refused by p, and admitted'],
    ['a namespace that is not there', object([]), no('namespaces "x" not found', 'NotFound', 404), 'a: to be admitted, and refused: namespaces "x" not found'],
    ['let through to a pod that is not there', shell([]), no('pods "x" not found', 'NotFound', 404), undefined],
    ['let through, and was not to be', shell(['care-no-exec']), no('pods "x" not found', 'NotFound', 404), 'a: to be refused by care-no-exec, and admitted'],
    ['kept out', shell(['care-no-exec']), no("ValidatingAdmissionPolicy 'care-no-exec' denied", 'Invalid', 422), undefined],
    ['kept out by RBAC', shell(['care-no-exec']), no('cannot create resource "pods/exec"'), 'a: to be refused by care-no-exec, and refused otherwise: cannot create resource "pods/exec"'],
    ['no answer', object(['p']), { ok: false, status: 0, reason: 'Silent', msg: 'does not answer' }, 'a: to be refused by p, and refused otherwise: does not answer'],
  ])('%s', (_name, one, fact, expected) => {
    expect(wrongWith(one, fact)).toBe(expected);
  });
});
