/** The Kubernetes Job that starts workers of a run, rendered from a template. Names are those of batch/v1 (Job, completionMode: Indexed). */
import { createScope } from '../../language/scope.ts';
import { renderText } from '../../language/template/index.ts';
import { revealed } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';

/**
 * A worker that ends badly leaves its hosts to the others, so a pod is not started again for ever. The grace is for the tasks in hand. Pods need the
 * way to the hosts (SSH), to the server, and the key and known hosts of the login, which the Secret's volume brings: its files are root's, so that a
 * worker, which is not root, reads them as the volume's group (fsGroup). ssh takes such a key, since it is not the worker's own.
 */
const JOB = `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ to_json name }}
  labels:
    app.kubernetes.io/name: care-provision
    app.kubernetes.io/component: worker
spec:
  completionMode: Indexed
  completions: {{ completions }}
  parallelism: {{ completions }}
  backoffLimit: {{ backoff }}
  ttlSecondsAfterFinished: 3600
  template:
    metadata:
      labels:
        app.kubernetes.io/name: care-provision
        app.kubernetes.io/component: worker
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 120
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        fsGroup: 65532
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: worker
          image: {{ to_json image }}
          args: {{ to_json words }}
          envFrom:
            - secretRef:
                name: {{ to_json secret }}
          securityContext:
            allowPrivilegeEscalation: false
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: login
              mountPath: /run/care-provision
              readOnly: true
      volumes:
        - name: login
          secret:
            secretName: {{ to_json login }}
            # 0440: YAML 1.1 and 1.2 read an octal number differently.
            defaultMode: 288
`;

export interface JobRequest {
  readonly run: string;
  readonly image: string;
  readonly secret: string;
  readonly completions: number;
  /** Of `care-provision`, without it. */
  readonly words: readonly string[];
}

export function workerJob({ run, image, secret, completions, words }: JobRequest): string {
  const values: ValueMap = { name: `care-provision-${run}`, image, secret, login: `${secret}-login`, completions, backoff: completions * 2, words: [...words] };
  return revealed(renderText({ path: '(job)', text: JOB }, createScope([{ values, templated: false }])));
}
